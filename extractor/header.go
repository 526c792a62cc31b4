package extractor

import (
	"bytes"
	"strings"
)

const (
	// keptField is how many bytes of one field are kept. The rest is counted, not held.
	keptField = 64 << 10
	// longestFieldName is the longest name of a field, in bytes.
	longestFieldName = 1000
)

// header gathers the fields of one message or part, line by line.
type header struct {
	fields fields
	bytes  int64
	count  int
	begun  bool // a field was seen

	name  string // of the field under way, "" for one that is not kept
	value []byte
	open  bool   // a field is under way
	odd   []byte // lines that are no fields, until the next line tells what they are
	odds  int    // how many lines odd has
	blank bool   // the line before was blank: the header may be over
	// dashes is a line of dashes behind the blank line. It may be the boundary of a
	// multipart whose Content-Type got lost.
	dashes []byte

	announced announced

	misspelt fieldSet // the kept fields whose names were repaired
	repaired bool     // the name of the field under way was repaired
	mime     bool     // the name of the field under way begins with Content-
	params   string   // the last field that takes parameters
	loose    [][]byte // parameters behind the blank line, until the next line tells
	raw      []byte   // a part's header as it came

	recipients []string // the values of the recipientFields
}

func (h *header) reset() {
	arena := h.fields.arena
	*h = header{value: reusable(h.value), raw: reusable(h.raw)}
	h.fields.arena = arena
}

// field starts a new field.
func (h *header) field(name, value []byte) {
	h.close()
	h.open, h.begun = true, true
	h.count++
	h.name, h.repaired = keptName(name)
	if h.name != "" {
		h.value = append(h.value[:0], value...)
	}
	h.mime = hasPrefixFold(h.name, "content-") || hasPrefixFold(name, "content-")
	if h.name == "Content-Type" || h.name == "Content-Disposition" {
		h.params = h.name
	}
}

// keptName returns the usual spelling of a kept field's name, and whether it was repaired;
// "" for a field that is not kept.
func keptName(name []byte) (kept string, repaired bool) {
	if i := fieldIndex(name); i >= 0 {
		return keptFields[i], false
	}
	if kept := recipientField(name); kept != "" {
		return kept, false
	}
	kept = misspeltName(name)
	return kept, kept != ""
}

// more adds a continuation line to the field under way.
func (h *header) more(line []byte) {
	if room := keptField - len(h.value); h.name != "" && room > 0 {
		line = blankBytes.trimLeft(line)
		h.value = append(append(h.value, ' '), line[:min(room, len(line))]...)
	}
}

// close puts the field under way among the others. If two fields have one name, the first
// one counts; a field with the right spelling counts before a misspelt one.
func (h *header) close() {
	name, repaired := h.name, h.repaired
	h.open, h.name, h.repaired = false, "", false
	if name == "" {
		return
	}
	value := h.fields.arena.value(bytes.TrimSpace(h.value))
	if isRecipient(name) {
		h.recipients = append(h.recipients, value)
		if name != "To" && name != "Cc" {
			return
		}
	}
	if !h.fields.has(name) || h.misspelt.has(name) && !repaired {
		h.fields.set(name, value)
		h.misspelt.set(name, repaired)
		return
	}
	if repaired {
		return
	}
	// QUIRK: some mailers write a field twice. The Content-Type that says multipart counts,
	// and the Content-Disposition with a file name. All transfer encodings are kept: the
	// body tells which one holds.
	first := h.fields.get(name)
	switch name {
	case "Content-Type":
		if hasPrefixFold(value, "multipart/") && !hasPrefixFold(first, "multipart/") || !strings.Contains(first, "/") {
			h.fields.set(name, value)
		}
	case "Content-Disposition":
		if !strings.Contains(strings.ToLower(first), "filename") && strings.Contains(strings.ToLower(value), "filename") {
			h.fields.set(name, value)
		}
	case "Content-Transfer-Encoding":
		if len(first) < longestFieldName {
			h.fields.set(name, first+", "+value)
		}
	}
}

// keepRaw keeps a line of a part's header as it came.
func (h *header) keepRaw(line []byte) {
	if len(h.raw)+len(line) <= keptField {
		h.raw = append(h.raw, line...)
	}
}

// parameter adds a line of parameters to the field that it continues: the one under way, or
// the last one that takes parameters.
func (h *header) parameter(text []byte) {
	if h.open && (h.name == h.params || !h.mime) {
		h.more(append([]byte("; "), text...))
		return
	}
	if value := h.fields.get(h.params); len(value)+len(text) < keptField {
		h.fields.set(h.params, value+"; "+string(text))
	}
}

// announced is the boundary that a header announces, as far as it has come.
type announced struct {
	boundary    string
	contentType string // that it is from
	read        int    // bytes of those that were read for it
}

// mostRead is how many bytes of Content-Types, grown by a line each, are read for a boundary.
const mostRead = 2 * keptField

// boundary returns the boundary that the fields so far announce; "" for none. Once a Content-Type
// has grown for long with lines that may be boundaries, it is what the lines before announced.
func (h *header) boundary() string {
	a := &h.announced
	if a.read > mostRead {
		return a.boundary
	}
	value := h.fields.get("Content-Type")
	if h.name == "Content-Type" {
		a.read += len(h.value)
		value = string(h.value)
	}
	if value != a.contentType {
		a.read += len(value)
		a.contentType, a.boundary = value, ""
		if t := parseField(value, texts{report: ignore}); !isMessage(t.value) {
			a.boundary = boundaryOf(t)
		}
	}
	return a.boundary
}

// boundaryOf returns a multipart's boundary. Blanks at its end do not count (RFC 2046
// section 5.1.1): gateways cut them off.
func boundaryOf(mediaType parameters) string {
	return strings.TrimRight(mediaType.text("boundary", texts{report: ignore}), " \t")
}

// lineKind is what a line of a header is.
type lineKind int

const (
	otherLine lineKind = iota
	fieldLine
	continuationLine
	parameterLine // a continuation that is not indented
	blankLine
	postmarkLine // "From ", from an mbox file (RFC 4155)
)

// kind returns what a line is, by its beginning.
func (h *header) kind(line []byte) lineKind {
	line = lineEndBytes.trimRight(line[:min(len(line), longestLine)])
	text := blankBytes.trimLeft(line)
	indented := len(text) < len(line)
	if len(line) == 0 || len(text) == 0 && !h.begun {
		return blankLine
	}
	if indented && h.open {
		name, _, ok := splitField(text)
		if ok && strings.HasPrefix(h.name, "Content-") && hasPrefixFold(name, "content-") {
			return fieldLine // QUIRK: a field indented by mistake; no parameter looks like one
		}
		return continuationLine
	}
	if !h.begun && bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) {
		return postmarkLine
	}
	if h.isParameter(line) {
		return parameterLine
	}
	if _, _, ok := splitField(text); ok {
		return fieldLine
	}
	if _, _, ok := repairField(text); ok {
		return fieldLine
	}
	return otherLine
}

// splitField splits a line at the colon behind a field's name (RFC 5322 section 2.2). Blanks
// may stand before the colon (RFC 5322 section 4.5).
func splitField(line []byte) (name, value []byte, ok bool) {
	i := bytes.IndexByte(line[:min(len(line), longestFieldName)], ':')
	if i <= 0 {
		return nil, nil, false
	}
	name = blankBytes.trimRight(line[:i])
	if len(name) == 0 {
		return nil, nil, false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil, nil, false
		}
	}
	return name, bytes.TrimSpace(line[i+1:]), true
}

// isParameter reports whether a line continues the parameters of a field before it without
// being indented, as in "boundary=x".
//
// QUIRK: gateways that unfold a field break it there, whatever the parameter's name is.
func (h *header) isParameter(line []byte) bool {
	if h.open && !h.mime || h.params == "" || h.name != h.params && !h.fields.has(h.params) {
		return false
	}
	return isParameterLine(line)
}

// isParameterLine reports whether a line begins with "token=value" (RFC 2045 section 5.1).
func isParameterLine(line []byte) bool {
	i := bytes.IndexByte(line[:min(len(line), longestFieldName)], '=')
	if i <= 0 {
		return false
	}
	token := blankBytes.trimRight(line[:i])
	for _, c := range token {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	// Base64 has equals signs at its end only. A boundary begins with a dash, and may have
	// an equals sign in it.
	return len(token) > 0 && token[0] != '-' && len(bytes.Trim(line[i:], "= \t\r\n")) > 0
}

// hasPrefixFold reports whether s begins with an ASCII prefix in any case.
func hasPrefixFold[T string | []byte](s T, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(string(s[:len(prefix)]), prefix)
}

func ignore(ProblemKind, string) {}
