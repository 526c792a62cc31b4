package extractor

import (
	"cmp"
	"io"
	"net/mail"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say how to extract. The zero value is usable.
type Options struct {
	Limits Limits
	// Filter narrows what is kept. nil keeps every attachment.
	Filter *Filter
	// Inline says which pictures of a text are attachments.
	Inline Inline
	// RTF saves the RTF text of a winmail.dat as well.
	RTF bool
	// DropNoise leaves out attachments that are no file to anybody, such as a detached
	// signature: noise.go lists them.
	DropNoise bool
	// AddExtension adds an extension to a name that has none. The first bytes tell which.
	AddExtension bool
	// NestedMessages saves each message attached to an attached message as a file of its
	// own. Otherwise only the outermost one is saved, which holds the others. Their
	// attachments are extracted either way.
	NestedMessages bool
	// Detect detects the type of every attachment from its first bytes. It costs as much
	// as the rest of a small message. A Filter with types detects them where it must.
	Detect bool
	// Enclosing is set for a message that was joined from pieces: it is the message around
	// the first piece. Fields that the joined header lacks are taken from it (RFC 2046
	// section 5.2.2.1).
	Enclosing *Message
}

// Inline says which of the pictures shown within a text are attachments.
type Inline int

const (
	// InlineNamed takes pictures with a file name.
	InlineNamed Inline = iota
	// InlineAll takes nameless pictures too.
	InlineAll
	// InlineNone takes no picture: the logos of signatures stay out.
	InlineNone
)

// Attachment is one attachment. It is complete once its writer is closed; before that
// its name may be empty, and LeftOut and Noise are not final.
type Attachment struct {
	Part         string // part number as IMAP counts (RFC 3501 section 6.4.5): "2", "2.1"
	Name         string // a safe file name, see SafeName; never empty
	OriginalName string // the sender's name, decoded; "" when there is none
	MediaType    string // as declared, lower case: "image/png"
	DetectedType string // by the first bytes, "image/png"; "" when Options do not ask for it
	Disposition  string // "attachment", "inline" or "" (RFC 2183 section 2)
	ContentID    string // without brackets (RFC 2392)
	Inline       bool   // a picture shown within the text
	Container    string // it was unpacked from: "uuencode", "tnef"; "" for a part of the message
	Size         int64  // bytes written so far
	Problems     []Problem

	// Fragment says which piece of a message this is; nil for an attachment that is none.
	Fragment *Fragment
	// LeftOut says why the attachment is left out; "" if it is kept. The caller discards
	// what was written for one that is left out.
	LeftOut string
	// LeftOutBy says which option leaves it out; zero if it is kept, or is in another file.
	LeftOutBy Cause
	// Noise says why the attachment is no file to anybody (noise.go); "" for others.
	Noise string
}

// Fragment is the place of a message/partial among the others (RFC 2046 section 5.2.2).
type Fragment struct {
	ID     string // the same for all pieces
	Number int    // from 1
	Total  int    // pieces; 0 if this piece does not say, as only the last one must
	// From and Subject are those of the message in which the piece came, as in [Message].
	From, Subject string
}

// Message is what was learned of a message as a whole.
type Message struct {
	MessageID, Subject, From, To, Cc string    // decoded; addresses as written
	Senders, Recipients              []Address // of From and To
	// Addressed are the addresses that the message was for: those of To, Cc and the like, and those
	// that servers note, such as Delivered-To. It is filled in for a Filter with Recipients alone.
	Addressed   []string
	Date        time.Time     // zero if it is missing or can't be read
	Size        int64         // bytes read
	Attachments int           // how many were kept
	LeftOut     []*Attachment // with the reason in each
	Problems    []Problem     // of the message; each attachment has its own
}

// Open is called for each attachment when its content begins. It returns the writer of the
// content; a nil writer leaves the attachment out. An error ends Extract, which returns it.
// Every writer is closed exactly once. Only then is it known whether the attachment is kept:
// see [Attachment].LeftOut.
type Open func(a *Attachment) (io.WriteCloser, error)

const blockSize = 128 << 10

var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

// Extract reads one message from r to io.EOF and writes each attachment to the writer that
// open returns for it. Its errors are those of r, of open and of the writers, and a
// [MessageError]: [*LimitError] for a message beyond o.Limits, and [*PanicError] where the
// extractor itself fails. After an error there is no Message, and the caller discards what
// was written. An r that is an [io.WriterTo] hands over its own blocks,
// which are read where they lie.
func Extract(r io.Reader, o Options, open Open) (m *Message, err error) {
	in := intakes.Get().(*intake)
	in.run = run{options: o, limits: o.Limits.withDefaults(), open: open, message: &Message{}}
	defer func() {
		if v := recover(); v != nil {
			m, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
			in.abandon() // which nobody uses again
		}
	}()
	m, err = in.message(r)
	in.reset()
	intakes.Put(in)
	return m, err
}

// abandon closes what a panic has left open, as far as that is possible.
func (in *intake) abandon() {
	defer func() { _ = recover() }()
	in.parser.abort()
}

// intake is what a call of Extract works with. One call after the other uses it.
type intake struct {
	run    run
	parser parser
}

var intakes = sync.Pool{New: func() any { return new(intake) }}

// reset forgets the message and keeps the buffers, unless it made them large.
func (in *intake) reset() {
	p := &in.parser
	p.header.reset()
	clear(p.stack[:cap(p.stack)])
	in.run = run{}
	*p = parser{stack: p.stack[:0], line: reusable(p.line), header: p.header, report: p.report}
}

func (in *intake) message(r io.Reader) (*Message, error) {
	x, p := &in.run, &in.parser
	p.run = x
	_, err := io.Copy(in, r)
	if err == nil {
		err = p.Close()
	}
	if err == nil {
		err = x.releaseCalendars()
	}
	if err != nil {
		p.abort()
		return nil, err
	}
	return x.message, nil
}

// Write takes a block of the message.
func (in *intake) Write(block []byte) (int, error) {
	in.run.message.Size += int64(len(block))
	return in.parser.Write(block)
}

// ReadFrom implements [io.ReaderFrom].
func (in *intake) ReadFrom(r io.Reader) (int64, error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	for {
		n, err := r.Read(block[:])
		if n > 0 {
			if _, err := in.Write(block[:n]); err != nil {
				return in.run.message.Size, err
			}
		}
		if err == io.EOF { // a wrapped one is a connection that broke, not the message's end
			return in.run.message.Size, nil
		}
		if err != nil {
			return in.run.message.Size, err
		}
	}
}

// run is one call of Extract.
type run struct {
	options   Options
	limits    Limits
	open      Open
	message   *Message
	parts     int
	leaves    int   // parts that are no multiparts
	texts     int   // leaves that are the message's own text, or a picture of it
	files     int   // begun
	written   int64 // bytes of all files
	problems  int   // recorded so far
	held      int   // bytes of the sender's names and Content-IDs
	calendars calendars
	charset   string // of the message's texts or its Subject; raw names may be in it
	bodies    bool   // the message's own texts are opened as well, for tests
}

// maxProblems bounds the problems of a message and its attachments, all together.
const maxProblems = 1000

// maxProblemsEach bounds the problems of one attachment.
const maxProblemsEach = 20

// report adds a problem of the message.
func (x *run) report(part string, kind ProblemKind, detail string) {
	if x.problems < maxProblems {
		x.problems++
		x.message.Problems = append(x.message.Problems, Problem{kind, part, detail})
	}
}

// note adds a problem of an attachment.
func (x *run) note(a *Attachment, kind ProblemKind, detail string) {
	if x.problems < maxProblems && len(a.Problems) < maxProblemsEach {
		x.problems++
		a.Problems = append(a.Problems, Problem{kind, a.Part, detail})
	}
}

// describe takes over the fields of the outermost header. recipients are the values of its
// recipientFields.
func (x *run) describe(h *fields, recipients []string) {
	m := x.message
	t := texts{report: ignore}
	if charset := charsetOfWords(h.get("Subject")); charset != "" {
		x.charset = charset
		t.charset = charset
	}
	m.MessageID = strings.Clone(clipTo(strings.Trim(h.get("Message-Id"), "<> "), maxText))
	m.Subject = t.decode(h.get("Subject"))
	m.From = t.decode(h.get("From"))
	m.To = t.decode(h.get("To"))
	m.Cc = t.decode(h.get("Cc"))
	m.Date = parseDate(h.get("Date"))
	m.Senders = addresses(h.get("From"), m.From, maxAddresses)
	m.Recipients = addresses(h.get("To"), m.To, maxAddresses)
	if x.options.Filter.asksRecipients() {
		m.Addressed = addressed(recipients, t.decode)
	}
	outer := x.options.Enclosing
	if outer == nil {
		return
	}
	m.MessageID = cmp.Or(m.MessageID, outer.MessageID)
	m.Subject = cmp.Or(m.Subject, outer.Subject)
	if m.From == "" {
		m.From, m.Senders = outer.From, outer.Senders
	}
	if m.To == "" {
		m.To, m.Recipients = outer.To, outer.Recipients
	}
	m.Cc = cmp.Or(m.Cc, outer.Cc)
	m.Addressed = append(m.Addressed, outer.Addressed...)
	if m.Date.IsZero() {
		m.Date = outer.Date
	}
}

// parseDate reads a Date field (RFC 5322 section 3.3). It returns the zero time for one that is
// missing or can't be read.
func parseDate(field string) time.Time {
	if field == "" {
		return time.Time{}
	}
	// mail.ParseDate comes to the usual form behind dozens of others, and each failure costs it
	// two allocations.
	if date, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", field); err == nil {
		return date
	}
	date, err := mail.ParseDate(field)
	if err != nil {
		return time.Time{}
	}
	return date
}

func childNumber(parent string, n int) string {
	if parent == "" {
		return strconv.Itoa(n)
	}
	return parent + "." + strconv.Itoa(n)
}
