package identity

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// HeaderMost is how many bytes of a header are read.
const HeaderMost = 64 << 10

// tellingFields tell messages apart. Whoever sends a message a second time gives it at least
// another Received field, and a program that gives all its mail one Message-ID still dates it.
// Other fields are left out: servers change them (Status), or give them in reply to TOP
// otherwise than in reply to RETR (Exchange makes up new boundaries each time).
var tellingFields = []string{"message-id", "date", "from", "to", "subject", "received", "resent-date", "resent-message-id"}

// tellingField returns the field's name as it stands in tellingFields, "" for any other field.
func tellingField(name []byte) string {
	for _, telling := range tellingFields {
		if len(name) == len(telling) && strings.EqualFold(string(name), telling) {
			return telling
		}
	}
	return ""
}

// Identify returns the identity that a message's header gives it: a digest of its tellingFields
// without their white space, and its Message-ID without brackets. The header may go on behind
// its empty line. A header without any of these fields has the zero identity.
func Identify(header []byte) (id ledger.Identity) {
	sum, found := sha256.New(), false
	name := "" // of the telling field that the line belongs to, "" for another one
	var label []byte
	first := false
	for len(header) > 0 {
		var line []byte
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line, header = header[:i], header[i+1:]
		} else {
			line, header = header, nil
		}
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		value := line
		if line[0] != ' ' && line[0] != '\t' {
			field, after, isField := bytes.Cut(line, []byte(":"))
			name, value = "", after
			if isField {
				name = tellingField(bytes.TrimSpace(field))
			}
			if name == "" {
				continue
			}
			first = name == "message-id" && id.MessageID == ""
			found = true
			label = append(append(append(label[:0], '\n'), name...), ':')
			sum.Write(label)
		}
		if name == "" {
			continue
		}
		if first {
			id.MessageID += string(bytes.TrimSpace(value))
		}
		for word := range bytes.FieldsSeq(value) {
			sum.Write(word)
		}
	}
	id.MessageID = strings.Trim(id.MessageID, "<> ")
	if found {
		sum.Sum(id.Header[:0])
	}
	return id
}

// datedFields differ from message to message, as a rule.
var datedFields = [][]byte{[]byte("date:"), []byte("received:"), []byte("resent-date:"), []byte("resent-message-id:")}

// dated reports whether a header has one of the datedFields.
func dated(header []byte) bool {
	for line := range bytes.Lines(header) {
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		for _, field := range datedFields {
			if len(line) >= len(field) && bytes.EqualFold(line[:len(field)], field) {
				return true
			}
		}
	}
	return false
}

// HeaderReader keeps the header of the message that is written to it, and perhaps more.
type HeaderReader struct {
	header []byte
	ended  bool
}

// Reset begins another message. What Header returned is not valid any more.
func (h *HeaderReader) Reset() { h.header, h.ended = h.header[:0], false }

// Write adds p to what was read. It keeps 64 KiB at most.
func (h *HeaderReader) Write(p []byte) {
	if h.ended {
		return
	}
	p = p[:min(len(p), HeaderMost-len(h.header))]
	from := max(len(h.header)-3, 0)
	h.header = append(h.header, p...)
	rest := h.header[from:]
	h.ended = len(h.header) == HeaderMost || bytes.Contains(rest, []byte("\n\n")) || bytes.Contains(rest, []byte("\n\r\n"))
}

// Header returns what was read: up to the empty line and perhaps further.
func (h *HeaderReader) Header() []byte { return h.header }

// read reads a header that a store gives, to its end, by way of chunk.
func (h *HeaderReader) read(header io.Reader, chunk []byte) error {
	h.Reset()
	for {
		n, err := header.Read(chunk)
		h.Write(chunk[:n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// AskHeaders asks for the headers of messages, by number. It returns the identity of each, and
// the refusals of those that the server does not give. Any other error ends the session.
func AskHeaders(box mailbox.Mailbox, numbers iter.Seq[int]) (ids map[int]ledger.Identity, refused map[int]mailbox.Refusal, err error) {
	return ShowHeaders(box, numbers, func(int, []byte) {})
}

// ShowHeaders is AskHeaders, and also shows each header to show. header is good until show
// returns.
func ShowHeaders(box mailbox.Mailbox, numbers iter.Seq[int], show func(n int, header []byte)) (ids map[int]ledger.Identity, refused map[int]mailbox.Refusal, err error) {
	ids, refused = make(map[int]ledger.Identity), make(map[int]mailbox.Refusal)
	var h HeaderReader
	chunk := make([]byte, 4<<10)
	err = box.Headers(numbers, func(n int, header io.Reader, err error) error {
		if err == nil {
			err = h.read(header, chunk)
		}
		if reply, ok := mailbox.Refused(err); ok {
			refused[n] = reply
			return nil
		}
		if err == nil {
			ids[n] = Identify(h.header)
			show(n, h.header)
		}
		return err
	})
	return ids, refused, err
}

// likeness is whether two headers are those of one message.
type likeness int

const (
	unclear likeness = iota
	same
	other
)

// Same reports whether two headers are those of one message, for sure.
func Same(was, is ledger.Identity) bool { return compare(was, is) == same }

func compare(was, is ledger.Identity) likeness {
	unknown := [32]byte{}
	switch {
	case was.Header == is.Header && is.Header != unknown:
		return same
	case was.MessageID != "" && is.MessageID != "" && was.MessageID != is.MessageID:
		return other
	case was.Header == unknown && was.MessageID != "" && was.MessageID == is.MessageID:
		return same
	}
	return unclear
}

// Undated reports whether the header of a message has nothing of its own: no Message-ID, date
// or Received field. A device may send any number of mails with the same few fields, so such a
// message counts as another one's copy only if their octets are the same, too.
func Undated(m *ledger.Message, header []byte) bool { return m.MessageID == "" && !dated(header) }
