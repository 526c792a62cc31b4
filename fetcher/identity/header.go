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

// headerMost is how much of a header is looked at.
const headerMost = 64 << 10

// tellingFields tell messages apart: who sends one a second time gives it at least another Received field, and a program
// that gives all its mail one Message-ID still dates it. Others are left out as servers change them (Status), or give them in reply
// to TOP otherwise than in reply to RETR (Exchange makes up new boundaries each time).
var tellingFields = []string{"message-id", "date", "from", "to", "subject", "received", "resent-date", "resent-message-id"}

// tellingField returns the field's name as it stands in tellingFields, "" for any other.
func tellingField(name []byte) string {
	for _, telling := range tellingFields {
		if len(name) == len(telling) && strings.EqualFold(string(name), telling) {
			return telling
		}
	}
	return ""
}

// Identify returns what a header, up to the empty line behind it or further, tells of its message. White space does not count.
func Identify(header []byte) (id ledger.Identity) {
	sum, found := sha256.New(), false
	name := "" // of the field that the line belongs to, if it is one of those
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

// datedFields are of one message alone, as a rule.
var datedFields = [][]byte{[]byte("date:"), []byte("received:"), []byte("resent-date:"), []byte("resent-message-id:")}

// dated reports whether a header has one of the fields that another message of the same sender has otherwise.
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

// HeaderReader keeps the header of what is written to it, and perhaps more.
type HeaderReader struct {
	header []byte
	ended  bool
}

// Reset begins with another message. What Header returned is not good any more.
func (h *HeaderReader) Reset() { h.header, h.ended = h.header[:0], false }

// Write reads on. It keeps 64 KiB at most.
func (h *HeaderReader) Write(p []byte) {
	if h.ended {
		return
	}
	p = p[:min(len(p), headerMost-len(h.header))]
	from := max(len(h.header)-3, 0)
	h.header = append(h.header, p...)
	rest := h.header[from:]
	h.ended = len(h.header) == headerMost || bytes.Contains(rest, []byte("\n\n")) || bytes.Contains(rest, []byte("\n\r\n"))
}

// Header returns what was read, up to the empty line and perhaps further.
func (h *HeaderReader) Header() []byte { return h.header }

// AskHeaders asks for the headers of messages, and returns what these tell, and of which messages the server refused it.
func AskHeaders(box mailbox.Mailbox, numbers iter.Seq[int]) (ids map[int]ledger.Identity, refused map[int]mailbox.Refusal, err error) {
	return ShowHeaders(box, numbers, func(int, []byte) {})
}

// ShowHeaders does, and shows each header besides.
func ShowHeaders(box mailbox.Mailbox, numbers iter.Seq[int], show func(n int, header []byte)) (ids map[int]ledger.Identity, refused map[int]mailbox.Refusal, err error) {
	ids, refused = make(map[int]ledger.Identity), make(map[int]mailbox.Refusal)
	var h HeaderReader
	chunk := make([]byte, 4<<10)
	err = box.Headers(numbers, func(n int, header io.Reader, err error) error {
		h.Reset()
		for err == nil {
			var read int
			read, err = header.Read(chunk)
			h.Write(chunk[:read])
		}
		if reply, ok := mailbox.Refused(err); ok {
			refused[n] = reply
			return nil
		}
		if errors.Is(err, io.EOF) {
			ids[n] = Identify(h.header)
			show(n, h.header)
			return nil
		}
		return err
	})
	return ids, refused, err
}

// likeness is what two headers say.
type likeness int

const (
	unclear likeness = iota
	same
	other
)

// Same reports whether two headers are of one message, for sure.
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

// Undated reports whether nothing in the header of a message is its own, as a device may send any number
// of mails with the same few fields. Such a one is another's only if it has its octets, too.
func Undated(m *ledger.Message, header []byte) bool { return m.MessageID == "" && !dated(header) }
