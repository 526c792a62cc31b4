package extractor

import (
	"errors"
	"io"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// place is where something stands in a message.
type place struct {
	number     string // of the part
	depth      int    // multiparts, attached messages and containers around it, itself included
	containers int    // containers around it
	saved      bool   // an attached message around it becomes a file as it is
	entered    bool   // a leaf around it was entered for the boundary in its Content-Type
}

// within returns the place of the nth thing inside.
func (at place) within(n int) place {
	at.number, at.depth = childNumber(at.number, n), at.depth+1
	return at
}

// content takes the decoded bytes of a part, or of a file in a container. They go to a
// file, to an unpacker, or to both.
type content struct {
	file     *file    // nil: not saved
	unpacker unpacker // nil: nothing to take apart
	probe    *probe   // looks for a container, until it is known whether this is one
}

// probe gathers the beginning of a content whose type and name do not tell what it is. A
// winmail.dat and an attached message are known by it.
type probe struct {
	run        *run
	attachment *Attachment
	at         place
	start      [probeLength]byte
	n          int // bytes in start
}

// probeLength is how many bytes of a content tell whether it is a container.
const probeLength = 128

// unpacker takes apart a content with others in it: an attached message, a text with
// files in it, a container such as winmail.dat.
type unpacker interface {
	io.Writer
	// finish ends the content. It reports whether everything in it came out; the content
	// itself need not be kept then.
	finish() (whole bool, err error)
	// abort closes what is open after an error.
	abort()
}

// Write implements io.Writer.
func (c *content) Write(p []byte) (int, error) {
	n := len(p)
	if c.probe != nil {
		k := copy(c.probe.start[c.probe.n:], p)
		c.probe.n += k
		p = p[k:]
		if c.probe.n < probeLength {
			return n, nil
		}
		if err := c.settle(); err != nil {
			return 0, err
		}
	}
	if err := c.pass(p); err != nil {
		return 0, err
	}
	return n, nil
}

// pass hands on a stretch of the content.
func (c *content) pass(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if c.file != nil {
		if _, err := c.file.Write(p); err != nil {
			return err
		}
	}
	if c.unpacker != nil {
		if _, err := c.unpacker.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// settle decides by the beginning whether the content is a container.
func (c *content) settle() error {
	probe := c.probe
	if probe == nil {
		return nil
	}
	c.probe = nil
	start := probe.start[:probe.n]
	u, err := probe.run.unpackerIn(start, probe.attachment, probe.at)
	if err != nil {
		return err
	}
	if u != nil {
		c.unpacker = u
		if c.file != nil {
			c.file.message = u
			if nested, ok := u.(*parser); ok {
				probe.run.leaveOutNested(probe.attachment, nested)
				nested.saved = nested.saved || probe.run.options.surelyKeeps(probe.run.message, probe.attachment)
			}
		}
	}
	return c.pass(start)
}

// end closes the content, what is in it first.
func (c *content) end() error {
	var own error
	inner := c.settle()
	if c.unpacker != nil && inner == nil {
		var whole bool
		if whole, inner = c.unpacker.finish(); inner != nil {
			c.unpacker.abort()
		}
		if whole && c.file != nil {
			c.file.attachment.LeftOut = leftOutUnpacked
		}
	}
	if c.file != nil {
		own = c.file.Close()
	}
	*c = content{}
	return errors.Join(inner, own)
}

func (c *content) abort() {
	if c.unpacker != nil {
		c.unpacker.abort()
	}
	if c.file != nil {
		_ = c.file.Close()
	}
	*c = content{}
}

// leftOutUnpacked is why a container is left out.
const leftOutUnpacked = "unpacked: its contents are kept instead"

// leftOutWithin is why an attached message within another one is left out: a hundred of
// them around each other would be a hundred copies of the innermost.
const leftOutWithin = "within an attached message that is kept whole"

// begin opens the content of an attachment: its file, unless it is left out, and its
// unpacker. What a filter leaves out is taken apart all the same.
func (x *run) begin(a *Attachment, at place) (content, error) {
	u, err := x.unpackerFor(a, at)
	if err != nil {
		return content{}, err
	}
	if nested, ok := u.(*parser); ok {
		return x.beginNested(a, nested)
	}
	c, err := x.beginFile(a, u)
	if u == nil && err == nil {
		c.probe = &probe{run: x, attachment: a, at: at}
	}
	return c, err
}

// beginNested opens the content of an attachment with parts in it, such as an attached
// message.
func (x *run) beginNested(a *Attachment, nested *parser) (content, error) {
	x.leaveOutNested(a, nested)
	c, err := x.beginFile(a, nested)
	nested.saved = nested.saved || c.file != nil && x.options.surelyKeeps(x.message, a)
	return c, err
}

// leaveOutNested leaves an attachment with parts out if it is within another one that is
// kept.
func (x *run) leaveOutNested(a *Attachment, nested *parser) {
	if nested.saved && !x.options.NestedMessages {
		a.LeftOut = leftOutWithin
	}
}

// beginFile opens the content of an attachment. u takes it apart; nil for nothing.
func (x *run) beginFile(a *Attachment, u unpacker) (content, error) {
	if x.files++; x.files > x.limits.Attachments {
		return content{}, &LimitError{"attachments", int64(x.limits.Attachments)}
	}
	c := content{unpacker: u}
	x.options.leaveOut(x.message, a, false)
	if a.LeftOut != "" {
		x.holdTexts(a)
		x.message.LeftOut = append(x.message.LeftOut, a)
		return c, nil
	}
	open := x.open
	if isCalendar(a) {
		open = x.newCalendarWriter
	}
	w, err := open(a)
	if err != nil {
		return content{}, err
	}
	if w != nil {
		// A file whose name comes later has none yet.
		sniffs := a.Name == "" || x.options.detects() || x.options.AddExtension || mayBeNoise(a)
		c.file = &file{run: x, attachment: a, w: w, message: c.unpacker, sniffs: sniffs}
		x.message.Attachments++
	}
	return c, nil
}

// file is an attachment that is being written. If it has no name, one is made up from the
// beginning of its content, or from the attached message's subject.
type file struct {
	run        *run
	attachment *Attachment
	w          io.WriteCloser
	sniffs     bool     // the beginning of the content is needed
	start      []byte   // of the content, if so
	message    unpacker // of an attached message
	closed     bool
}

// sniffLength is how many bytes of the content decide on its type.
const sniffLength = 3072

func (f *file) Write(p []byte) (int, error) {
	x, a := f.run, f.attachment
	if a.LeftOut != "" {
		return len(p), nil // its beginning told so
	}
	if f.sniffs && len(f.start) < sniffLength {
		f.start = append(f.start, p[:min(len(p), sniffLength-len(f.start))]...)
	}
	a.Size += int64(len(p))
	x.written += int64(len(p))
	if err := x.limits.Written(x.written, x.message.Size); err != nil {
		return 0, err
	}
	return f.w.Write(p)
}

// Written checks how many bytes were written for a message against how many were read of
// it. It returns a [*LimitError] beyond Bytes or Expansion. Extract checks what it writes
// itself; Written is for callers that write more because of the message.
func (l Limits) Written(written, read int64) error {
	l = l.withDefaults()
	if written > l.Bytes {
		return &LimitError{"bytes", l.Bytes}
	}
	if written > freeExpansion && written/int64(l.Expansion) > read {
		return &LimitError{"expansion", int64(l.Expansion)}
	}
	return nil
}

func (f *file) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	x, a := f.run, f.attachment
	if x.options.detects() {
		// The declared type has no parameters either.
		a.DetectedType, _, _ = strings.Cut(mimetype.Detect(f.start).String(), ";")
	}
	if a.Name == "" {
		if nested, ok := f.message.(*parser); ok {
			a.Name = MessageName(nested.subject)
		} else {
			a.Name = inventName(a.MediaType, f.start)
		}
		x.note(a, ProblemNoName, a.Name)
	}
	if x.options.AddExtension {
		addExtension(a, f.start)
	}
	x.holdTexts(a)
	x.options.leaveOut(x.message, a, true)
	if a.Noise = noise(a, f.start); a.Noise != "" && x.options.DropNoise && a.LeftOut == "" {
		a.leaveOutAsNoise()
	}
	if a.LeftOut != "" {
		x.message.Attachments--
		x.message.LeftOut = append(x.message.LeftOut, a)
	}
	return f.w.Close()
}
