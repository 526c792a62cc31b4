package extractor

import (
	"bytes"
	"slices"
	"strings"
)

// headerLine handles one line of a header, line end included.
func (p *parser) headerLine(line []byte) error {
	h := &p.header
	if !h.begun && len(h.odd) == 0 && p.topHeader() {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	text := lineEndBytes.trimRight(line)
	if h.blank {
		if more, err := p.behindBlank(text, line); !more || err != nil {
			return err
		}
	}
	if len(line) <= longestLine && bytes.HasPrefix(blankBytes.trimLeft(text), []byte("--")) {
		if done, err := p.boundaryInHeader(text, line); done || err != nil {
			return err
		}
	}
	kind := h.kind(line)
	if len(h.odd) > 0 && kind != blankLine {
		// The line before was no field.
		if kind == otherLine && !p.mayBeJunk(line) || kind != otherLine && h.odds > 1 && !p.isContentField(kind, text) {
			return p.startBody(line)
		}
		if kind != otherLine {
			p.dropOdd()
		}
	}
	if kind != blankLine && !p.topHeader() {
		h.keepRaw(line)
	}
	switch kind {
	case blankLine:
		return p.blankHeaderLine(line)
	case continuationLine:
		h.more(text)
	case parameterLine:
		h.parameter(text)
	case fieldLine:
		text = blankBytes.trimLeft(text)
		name, value, ok := splitField(text)
		if !ok {
			repaired, rest, _ := repairField(text)
			name, value = []byte(repaired), rest
		}
		h.field(name, value)
		if h.repaired || !ok {
			p.run.report(p.partNumber(), ProblemMisspeltField, clip(string(text)))
		}
		if limits := p.run.limits; h.count > limits.HeaderFields {
			return &LimitError{"header fields", int64(limits.HeaderFields)}
		}
	case postmarkLine:
		if !p.topHeader() {
			return p.oddLine(text, line)
		}
	case otherLine:
		return p.oddLine(text, line)
	}
	return nil
}

// behindBlank handles the line behind a blank one, which should have ended the header. It
// reports whether the header goes on with that line.
func (p *parser) behindBlank(text, line []byte) (more bool, err error) {
	h := &p.header
	if dashes := h.dashes; dashes != nil {
		h.dashes = nil
		name, _, isField := splitField(text)
		if !isField || !hasPrefixFold(name, "content-") {
			return false, p.beginBody(dashes, line)
		}
		return false, p.lostMultipart(dashes, line)
	}
	kind := h.kind(line)
	if p.isLooseParameter(kind, line) {
		h.loose = append(h.loose, bytes.Clone(line))
		return false, nil
	}
	if loose := h.loose; loose != nil {
		h.loose = nil
		field := kind == fieldLine
		if !p.goesOn(loose, kind, text) {
			return false, p.beginBody(append(loose, line)...)
		}
		// QUIRK: parameters stand behind a blank line in the header of a part.
		p.run.report(p.partNumber(), ProblemHeaderLine, "blank line within the header")
		for _, parameter := range loose {
			h.parameter(bytes.TrimSpace(parameter))
		}
		h.blank = !field
		return field, nil
	}
	if p.isMisplacedField(kind, text) {
		// QUIRK: a blank line stands within a header, where line ends were doubled, or
		// before the header of a part.
		h.blank = false
		p.run.report(p.partNumber(), ProblemHeaderLine, "blank line within the header")
		return true, nil
	}
	if p.topHeader() && !h.fields.has("Content-Type") && len(text) > 3 && len(line) <= longestLine && bytes.HasPrefix(text, []byte("--")) && !bytes.HasSuffix(text, []byte("--")) {
		h.dashes = bytes.Clone(line)
		return false, nil
	}
	return false, p.beginBody(line)
}

// lostMultipart begins a multipart at its first boundary, and its first part with a line.
//
// QUIRK: its Content-Type got lost. What else the header says of its content goes with it: encoded
// or named, the multipart would count as a file.
func (p *parser) lostMultipart(dashes, line []byte) error {
	h := &p.header
	boundary := string(bytes.TrimSpace(dashes)[2:])
	h.fields.set("Content-Type", "multipart/mixed")
	for _, name := range [...]string{"Content-Disposition", "Content-Transfer-Encoding"} {
		h.fields.set(name, "")
	}
	if err := p.endHeader(); err != nil {
		return err
	}
	top := len(p.stack) - 1
	p.run.report(p.stack[top].number, ProblemWrongBoundary, clip(boundary))
	p.stack[top].boundary = boundary
	if err := p.boundary(top, false); err != nil {
		return err
	}
	return p.headerLine(line)
}

// beginBody ends a header at its blank line, and begins the body with lines.
func (p *parser) beginBody(lines ...[]byte) error {
	if err := p.endHeader(); err != nil {
		return err
	}
	for _, line := range lines {
		handle := p.wholeLine
		if p.eol == 0 {
			handle = p.parse // it may be many lines
		}
		if err := handle(line); err != nil {
			return err
		}
	}
	return nil
}

// boundaryInHeader handles a line of a header that begins with dashes. It may be the
// boundary behind a part without a body, or the first boundary of a multipart without a
// blank line before it.
func (p *parser) boundaryInHeader(text, line []byte) (done bool, err error) {
	text = blankBytes.trimRight(text)
	if level, closing := p.match(text); level >= 0 {
		return true, p.boundary(level, closing)
	}
	if boundary := p.header.boundary(); boundary != "" && string(blankBytes.trimLeft(text)[2:]) == boundary {
		return true, p.startBody(line)
	}
	return false, nil
}

// blankHeaderLine handles the line that ends a header.
func (p *parser) blankHeaderLine(line []byte) error {
	h := &p.header
	if !h.begun && len(h.odd) == 0 {
		if p.topHeader() {
			return nil // blank lines before the header
		}
		if p.stack[len(p.stack)-1].mediaType != "multipart/digest" {
			h.blank = true
			return nil
		}
	}
	if h.odds > 1 {
		return p.startBody(line)
	}
	p.dropOdd()
	h.close()
	h.blank = true
	return nil
}

// dropOdd passes over lines of a header that turned out to be no fields.
func (p *parser) dropOdd() {
	h := &p.header
	if len(h.odd) > 0 {
		p.run.report(p.partNumber(), ProblemHeaderLine, clip(string(lineEndBytes.trimRight(h.odd))))
		h.odd, h.odds = h.odd[:0], 0
	}
}

const (
	// mostOddLines and mostOddBytes bound the lines in a row that are no fields, and the
	// parameters behind the blank line, in the header of a part.
	mostOddLines = 8
	mostOddBytes = 4 << 10
)

// mayBeJunk reports whether a further line that is no field may stand in the header of a
// part. The content would be lost without the transfer encoding, which may follow.
func (p *parser) mayBeJunk(line []byte) bool {
	h := &p.header
	return !p.topHeader() && h.begun && h.odds < mostOddLines && len(h.odd)+len(line) < mostOddBytes
}

// isContentField reports whether a line is surely a field of a part's header.
func (p *parser) isContentField(kind lineKind, text []byte) bool {
	name, _, _ := splitField(blankBytes.trimLeft(text))
	return kind == fieldLine && hasPrefixFold(name, "content-")
}

// isLooseParameter reports whether a line behind a blank one may be a parameter of a header
// that is not over, or the continuation of one.
func (p *parser) isLooseParameter(kind lineKind, line []byte) bool {
	h := &p.header
	mediaType := h.fields.get("Content-Type")
	if h.params == "" || h.dashes != nil || len(line) > longestFieldName || len(h.loose) >= mostOddLines ||
		hasPrefixFold(mediaType, "multipart/") || hasPrefixFold(mediaType, "message/") {
		return false
	}
	indented := line[0] == ' ' || line[0] == '\t'
	return kind == parameterLine || indented && (len(h.loose) > 0 && kind == otherLine || isParameterLine(blankBytes.trimLeft(line)))
}

// goesOn reports whether a header goes on with the parameters in loose, which stand behind
// a blank line. next is the line behind them. Files begin with "key=value", too, and some
// of them go on with fields. The field before the blank line is open if it ends in a
// semicolon. The lines are parameters in these cases:
//
//   - it is open, and next is a Content- field; not in a text;
//   - all of them are known, and next tells what the body is and is missing in the header;
//     in a text, the field before the blank line must be open, too;
//   - it is open, all of them are known, and next is blank; not in a text.
func (p *parser) goesOn(loose [][]byte, kind lineKind, next []byte) bool {
	h := &p.header
	open := strings.HasSuffix(h.fields.get(h.params), ";")
	text := !h.fields.has("Content-Type") || hasPrefixFold(h.fields.get("Content-Type"), "text/")
	if kind != fieldLine {
		return kind == blankLine && open && !text && areMIMEParameters(loose)
	}
	name, _, _ := splitField(blankBytes.trimLeft(next))
	switch {
	case text, !open:
		return (open || !text) && areMIMEParameters(loose) && isBodyField(string(name)) && !h.fields.has(string(name))
	}
	return hasPrefixFold(name, "content-")
}

// isBodyField reports whether a field tells what the body is.
func isBodyField(name string) bool {
	return strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "Content-Disposition") || strings.EqualFold(name, "Content-Transfer-Encoding")
}

// areMIMEParameters reports whether lines are known parameters of Content-Type and
// Content-Disposition, or continuations.
func areMIMEParameters(lines [][]byte) bool {
	for _, line := range lines {
		name, _, ok := bytes.Cut(line, []byte("="))
		if !ok {
			continue
		}
		token, _, _ := strings.Cut(strings.ToLower(string(bytes.TrimSpace(name))), "*")
		switch token {
		case "name", "filename", "charset", "boundary", "type", "format", "delsp", "size", "creation-date", "modification-date", "read-date", "method", "report-type":
		default:
			if !strings.HasPrefix(token, "x-") {
				return false
			}
		}
	}
	return true
}

// oddLine handles a line of a header that is no field. It is junk, or the body's first line
// if the blank line is missing. The lines behind it tell, unless it is base64 and base64 is
// announced.
func (p *parser) oddLine(text, line []byte) error {
	h := &p.header
	h.close()
	if len(line) > longestLine && p.isJunk() {
		text = text[:longestLine]
		p.run.report(p.partNumber(), ProblemHeaderLine, clip(string(text)))
		return nil
	}
	if len(line) > longestLine || p.isAnnouncedBase64(text) {
		return p.startBody(line)
	}
	h.odd = append(h.odd, line...)
	h.odds++
	return nil
}

func (p *parser) isAnnouncedBase64(text []byte) bool {
	if !slices.Contains(parseEncodings(p.header.fields.get("Content-Transfer-Encoding"), ignore), base64Encoding) {
		return false
	}
	text = bytes.TrimSpace(text)
	for _, c := range text {
		if v := base64Value(c); v >= base64Blank && v != base64Pad {
			return false
		}
	}
	return len(text) >= 4
}

// isBodyLine reports whether a very long line in a header belongs to the body, by its
// beginning. Such a line is passed on before its end is seen.
func (p *parser) isBodyLine(line []byte) bool {
	kind := p.header.kind(line)
	if p.header.blank {
		return !p.isMisplacedField(kind, line)
	}
	return kind == otherLine && !p.isJunk()
}

// isJunk reports whether a very long line stands before a header, rather than at the
// beginning of a body.
func (p *parser) isJunk() bool { return p.topHeader() && !p.header.begun && len(p.header.odd) == 0 }

// isMisplacedField reports whether a line behind a blank one is still a field of the header.
// If there were fields already, it must tell what the body is, and be missing in the header.
func (p *parser) isMisplacedField(kind lineKind, line []byte) bool {
	h := &p.header
	if kind != fieldLine || h.dashes != nil {
		return false
	}
	if !p.topHeader() && p.stack[len(p.stack)-1].mediaType == "multipart/digest" && !h.fields.has("Content-Type") {
		return false // the body is a message, which begins with a header
	}
	field, _, _ := splitField(line)
	if !h.begun {
		return hasPrefixFold(field, "content-")
	}
	name := string(field)
	mediaType := h.fields.get("Content-Type")
	if p.topHeader() && mediaType == "" && isMessageField(name) {
		return true
	}
	switch {
	case hasPrefixFold(mediaType, "message/"), hasPrefixFold(mediaType, "multipart/"), hasPrefixFold(mediaType, "text/rfc822-headers"):
		return false // the body may well begin with a header of its own
	case isBodyField(name):
		return !h.fields.has(name)
	}
	return false
}

// isMessageField reports whether a message's header has such a field, and a text hardly
// begins with it.
func isMessageField(name string) bool {
	switch strings.ToLower(name) {
	case "mime-version", "from", "to", "cc", "subject", "date", "message-id", "reply-to", "received", "return-path", "sender", "user-agent", "references", "in-reply-to", "importance", "thread-topic":
		return true
	}
	return hasPrefixFold(name, "x-")
}

// startBody ends a header without a blank line. The body begins with the lines in odd, and
// then with line.
func (p *parser) startBody(line []byte) error {
	odd := p.header.odd
	p.header.odd, p.header.odds = nil, 0
	if len(odd) > 0 || len(line) > 0 {
		p.run.report(p.partNumber(), ProblemNoBlankLine, "")
	}
	if err := p.endHeader(); err != nil {
		return err
	}
	for more := range bytes.Lines(odd) {
		if err := p.wholeLine(more); err != nil {
			return err
		}
	}
	if len(line) == 0 {
		return nil
	}
	return p.wholeLine(line)
}
