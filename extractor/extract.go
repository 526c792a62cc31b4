package extractor

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	message "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-message/textproto"
)

// Options say how to extract. The zero value is usable.
type Options struct{ Limits Limits }

// Attachment is one attachment. It is complete once the writer that was opened
// for it is closed; before that its name may still be made up.
type Attachment struct {
	Part         string // part number as IMAP counts (RFC 3501 section 6.4.5): "2", "2.1"
	Name         string // a safe file name, see SafeName; never empty
	OriginalName string // the sender's name, decoded; "" when there is none
	MediaType    string // as declared, lower case: "image/png"
	Disposition  string // "attachment", "inline" or "" (RFC 2183)
	ContentID    string // without brackets (RFC 2392)
	Problems     []Problem
}

// Message is what was learned of a message as a whole.
type Message struct {
	MessageID, Subject, From, To string    // decoded; addresses as written
	Date                         time.Time // zero when there is none that can be read
	Size                         int64     // bytes read
	Attachments                  int
	Problems                     []Problem
}

// Open is called for each attachment when its content begins, and returns where
// the content goes. A nil writer leaves the attachment out.
type Open func(a *Attachment) (io.WriteCloser, error)

const blockSize = 128 << 10

var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

// Extract reads one message from r to its end and writes its attachments.
func Extract(r io.Reader, o Options, open Open) (*Message, error) {
	return extract(r, &run{limits: o.Limits.withDefaults(), open: open, message: &Message{}})
}

func extract(r io.Reader, x *run) (*Message, error) {
	p := newParser(x, "", 0)
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	for {
		n, err := r.Read(block[:])
		x.message.Size += int64(n)
		if n > 0 {
			if _, werr := p.Write(block[:n]); werr != nil {
				p.abort()
				return nil, werr
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.abort()
			return nil, err
		}
	}
	if err := p.Close(); err != nil {
		p.abort()
		return nil, err
	}
	return x.message, nil
}

// run is one call of Extract.
type run struct {
	limits  Limits
	open    Open
	message *Message
	parts   int
	bodies  bool // the message's own texts are opened as well, for tests
}

func (x *run) report(part string, kind ProblemKind, detail string) {
	if len(x.message.Problems) < maxProblems {
		x.message.Problems = append(x.message.Problems, Problem{kind, part, detail})
	}
}

// maxProblems bounds the list of a hostile message's problems.
const maxProblems = 200

// describe takes over the fields of the outermost header.
func (x *run) describe(h *textproto.Header) {
	quiet := func(ProblemKind, string) {}
	m := x.message
	m.MessageID = strings.Trim(h.Get("Message-Id"), "<> ")
	m.Subject = decodeText(h.Get("Subject"), quiet)
	m.From = decodeText(h.Get("From"), quiet)
	m.To = decodeText(h.Get("To"), quiet)
	dated := mail.Header{Header: message.Header{Header: *h}}
	if date, err := dated.Date(); err == nil {
		m.Date = date
	}
}

// leaf is the part whose body is being read.
type leaf struct {
	decoder io.WriteCloser // nil: the body goes to w as it is
	w       io.Writer      // nil: the body is left out
	file    *file          // nil: not saved
	nested  *parser        // of an attached message
}

// file is an attachment that is being written. The name of a nameless one is
// made up from how its content begins, or from the attached message's subject.
type file struct {
	run        *run
	attachment *Attachment
	w          io.WriteCloser
	start      []byte // of the content, for a nameless one
	nested     *parser
	closed     bool
}

// sniffLength is how much of the content decides on a type.
const sniffLength = 3072

func (f *file) Write(p []byte) (int, error) {
	if f.attachment.Name == "" && len(f.start) < sniffLength {
		f.start = append(f.start, p[:min(len(p), sniffLength-len(f.start))]...)
	}
	return f.w.Write(p)
}

func (f *file) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	a := f.attachment
	if a.Name == "" {
		if f.nested != nil {
			a.Name = SafeName(cutName(f.nested.subject, maxName-4))
			if a.Name == "" {
				a.Name = "message"
			}
			a.Name = cutName(a.Name, maxName-4) + ".eml"
		} else {
			a.Name = inventName(a.MediaType, f.start)
		}
		a.Problems = append(a.Problems, Problem{ProblemNoName, a.Part, a.Name})
	}
	return f.w.Close()
}

// both writes to the file and to the parser of an attached message.
type both struct {
	file   io.Writer // nil: only parsed
	parser *parser
}

func (b both) Write(p []byte) (int, error) {
	if b.file != nil {
		if n, err := b.file.Write(p); err != nil {
			return n, err
		}
	}
	return b.parser.Write(p)
}

// beginLeaf opens what the body of a part goes to.
func (p *parser) beginLeaf(e entity, number string, related bool) error {
	x := p.run
	p.leaf = leaf{}
	attached := e.mediaType.value == "message/rfc822" || e.mediaType.value == "message/global"
	if !attached && !e.isAttachment(related) && !x.bodies {
		return nil
	}
	a := &Attachment{
		Part: number, OriginalName: e.name, MediaType: e.mediaType.value, Disposition: e.dispositionType(),
		ContentID: e.contentID, Problems: e.problems,
	}
	for i := range a.Problems {
		a.Problems[i].Part = number
	}
	if e.name != "" {
		a.Name = SafeName(e.name)
		if a.Name != e.name {
			a.Problems = append(a.Problems, Problem{ProblemNameCleaned, number, clip(e.name)})
		}
		if attached && a.Name != "" && !strings.Contains(a.Name, ".") {
			a.Name = cutName(a.Name, maxName-4) + ".eml"
		}
	}
	w, err := x.open(a)
	if err != nil {
		return err
	}
	if w != nil {
		p.leaf.file = &file{run: x, attachment: a, w: w}
		p.leaf.w = p.leaf.file
		x.message.Attachments++
	}
	if attached {
		if p.depth+len(p.stack)+1 > x.limits.Depth {
			return &LimitError{"depth", int64(x.limits.Depth)}
		}
		nested := newParser(x, number, p.depth+len(p.stack)+1)
		p.leaf.nested = nested
		if p.leaf.file != nil {
			p.leaf.file.nested = nested
			p.leaf.w = both{p.leaf.file, nested}
		} else {
			p.leaf.w = nested
		}
	}
	if p.leaf.w == nil {
		return nil
	}
	report := func(kind ProblemKind, detail string) {
		if len(a.Problems) < 20 {
			a.Problems = append(a.Problems, Problem{kind, number, detail})
		}
	}
	switch e.encoding {
	case base64Encoding:
		p.leaf.decoder = &base64Decoder{w: p.leaf.w, report: report}
	case quotedPrintable:
		p.leaf.decoder = &qpDecoder{w: p.leaf.w, report: report}
	}
	return nil
}

// write gives the leaf a stretch of its body.
func (l *leaf) write(b []byte) error {
	if l.w == nil || len(b) == 0 {
		return nil
	}
	var err error
	if l.decoder != nil {
		_, err = l.decoder.Write(b)
	} else {
		_, err = l.w.Write(b)
	}
	return err
}

// end closes what the leaf opened, the attached message's parts first.
func (l *leaf) end() error {
	var errs []error
	if l.decoder != nil {
		errs = append(errs, l.decoder.Close())
	}
	if l.nested != nil {
		errs = append(errs, l.nested.Close())
	}
	if l.file != nil {
		errs = append(errs, l.file.Close())
	}
	*l = leaf{}
	return errors.Join(errs...)
}

// abort closes all writers after an error; what they hold is discarded by the
// caller, so that errors of closing say nothing new.
func (l *leaf) abort() {
	if l.nested != nil {
		l.nested.abort()
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	*l = leaf{}
}

func childNumber(parent string, n int) string {
	if parent == "" {
		return strconv.Itoa(n)
	}
	return parent + "." + strconv.Itoa(n)
}
