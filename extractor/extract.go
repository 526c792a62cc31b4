package extractor

import (
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
		if err == io.EOF { // a wrapped one is a connection that broke, not the message's end
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
	limits   Limits
	open     Open
	message  *Message
	parts    int
	problems int  // recorded so far
	bodies   bool // the message's own texts are opened as well, for tests
}

// maxProblems bounds the lists of a hostile message's problems, all together.
const maxProblems = 1000

// maxProblemsEach bounds the list of one attachment.
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

// describe takes over the fields of the outermost header.
func (x *run) describe(h *textproto.Header) {
	m := x.message
	m.MessageID = strings.Clone(clipTo(strings.Trim(h.Get("Message-Id"), "<> "), maxText))
	m.Subject = decodeText(h.Get("Subject"), ignore)
	m.From = decodeText(h.Get("From"), ignore)
	m.To = decodeText(h.Get("To"), ignore)
	dated := mail.Header{Header: message.Header{Header: *h}}
	if date, err := dated.Date(); err == nil {
		m.Date = date
	}
}

func childNumber(parent string, n int) string {
	if parent == "" {
		return strconv.Itoa(n)
	}
	return parent + "." + strconv.Itoa(n)
}
