package extractor

import (
	"bytes"
	"strings"

	"github.com/emersion/go-message/textproto"
)

// keptField is how much of one field is kept. The rest of it is counted, not held.
const keptField = 256 << 10

// keptFields are the fields that the extractor reads; of the others only the
// length counts.
var keptFields = map[string]bool{
	"content-type": true, "content-disposition": true, "content-transfer-encoding": true, "content-id": true,
	"content-location": true, "content-description": true,
	"message-id": true, "subject": true, "from": true, "to": true, "date": true,
}

// header gathers the fields of one message or part, line by line.
type header struct {
	fields textproto.Header
	bytes  int64
	count  int
	begun  bool // a field was seen

	name  string // of the field under way, "" for one that is not kept
	value []byte
	open  bool   // a field is under way
	last  string // name of the field under way, kept or not
	odd   []byte // a line that is no field, until the next one tells what it is
}

func (h *header) reset() { *h = header{value: h.value[:0], odd: h.odd[:0]} }

// field starts a new field.
func (h *header) field(name string, value []byte) {
	h.close()
	h.open, h.begun = true, true
	h.count++
	h.last = strings.ToLower(name)
	if keptFields[h.last] {
		h.name = h.last
		h.value = append(h.value[:0], value...)
	}
}

// more adds a continuation line to the field under way.
func (h *header) more(line []byte) {
	if h.name != "" && len(h.value) < keptField {
		h.value = append(append(h.value, ' '), bytes.TrimLeft(line, " \t")...)
	}
}

// close puts the field under way among the others.
func (h *header) close() {
	if h.name != "" {
		value := string(bytes.TrimSpace(h.value))
		// QUIRK: of two Content-Type fields the one that says multipart is right,
		// otherwise the first.
		if h.name == "content-type" && h.fields.Has(h.name) {
			if strings.HasPrefix(strings.ToLower(value), "multipart/") && !strings.HasPrefix(strings.ToLower(h.fields.Get(h.name)), "multipart/") {
				h.fields.Set(h.name, value)
			}
		} else if !h.fields.Has(h.name) {
			h.fields.Set(h.name, value)
		}
	}
	h.open, h.name = false, ""
}

// splitField cuts a line at the colon behind a field's name (RFC 5322 section
// 2.2), with blanks before the colon tolerated.
func splitField(line []byte) (name string, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return "", nil, false
	}
	n := bytes.TrimRight(line[:i], " \t")
	if len(n) == 0 {
		return "", nil, false
	}
	for _, c := range n {
		if c <= ' ' || c >= 0x7f {
			return "", nil, false
		}
	}
	return string(n), bytes.TrimSpace(line[i+1:]), true
}

// isParameterLine reports whether a line that is not indented goes on with the
// parameters of the field before it, as in "boundary=x" at column 0.
func (h *header) isParameterLine(line []byte) bool {
	if h.name != "content-type" && h.name != "content-disposition" {
		return false
	}
	i := bytes.IndexByte(line, '=')
	if i <= 0 || bytes.IndexByte(line[:i], ':') >= 0 {
		return false
	}
	switch name, _, _ := strings.Cut(strings.ToLower(string(bytes.TrimSpace(line[:i]))), "*"); name {
	case "boundary", "name", "filename", "charset", "type", "format", "size":
		return true
	}
	return false
}
