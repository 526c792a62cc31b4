package extractor

import (
	"bytes"
	"strings"
)

// headerLine handles one line of a header, line end included.
func (p *parser) headerLine(line []byte) error {
	h := &p.header
	if !h.begun && len(h.odd) == 0 && p.topHeader() {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	text := bytes.TrimRight(line, "\r\n")
	if len(line) <= longestLine && bytes.HasPrefix(bytes.TrimLeft(text, " \t"), []byte("--")) {
		if done, err := p.boundaryInHeader(text, line); done || err != nil {
			return err
		}
	}
	kind := h.kind(line)
	if h.blank {
		// QUIRK: a blank line stands before a part's header as well.
		if !p.isMisplacedField(kind, text) {
			if err := p.endHeader(); err != nil {
				return err
			}
			return p.bodyLine(line)
		}
		h.blank = false
		p.run.report(p.partNumber(), ProblemHeaderLine, "blank line before the header")
	}
	if len(h.odd) > 0 && kind != blankLine {
		// The line before was no field.
		if kind == otherLine {
			return p.startBody(line)
		}
		p.run.report(p.partNumber(), ProblemHeaderLine, clip(string(bytes.TrimRight(h.odd, "\r\n"))))
		h.odd = h.odd[:0]
	}
	switch kind {
	case blankLine:
		return p.blankHeaderLine()
	case continuationLine:
		h.more(text)
	case parameterLine:
		h.more(append([]byte("; "), text...))
	case fieldLine:
		name, value, _ := splitField(bytes.TrimLeft(text, " \t"))
		h.field(name, value)
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

// boundaryInHeader handles a line that begins with dashes: the boundary of a part
// that is all header, or the first one of a multipart with no blank line before it.
func (p *parser) boundaryInHeader(text, line []byte) (done bool, err error) {
	text = bytes.TrimRight(text, " \t")
	if level, closing := p.match(text); level >= 0 {
		return true, p.boundary(level, closing)
	}
	if boundary := p.header.boundary(); boundary != "" && string(bytes.TrimLeft(text, " \t")[2:]) == boundary {
		return true, p.startBody(line)
	}
	return false, nil
}

// blankHeaderLine handles the line that ends a header.
func (p *parser) blankHeaderLine() error {
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
	if len(h.odd) > 0 {
		p.run.report(p.partNumber(), ProblemHeaderLine, clip(string(bytes.TrimRight(h.odd, "\r\n"))))
		h.odd = h.odd[:0]
	}
	return p.endHeader()
}

// oddLine handles a line that is none of a header's: junk, or the body's first one
// when the blank line is missing. What follows tells, unless it is base64 as
// announced.
func (p *parser) oddLine(text, line []byte) error {
	h := &p.header
	h.close()
	if len(line) > longestLine || p.isAnnouncedBase64(text) {
		return p.startBody(line)
	}
	h.odd = append(h.odd[:0], line...)
	return nil
}

func (p *parser) isAnnouncedBase64(text []byte) bool {
	if parseEncoding(p.header.fields.Get("Content-Transfer-Encoding"), ignore) != base64Encoding {
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

// isBodyLine reports whether the beginning of a very long line in a header is the
// body's, so that it may be passed on before its end is seen.
func (p *parser) isBodyLine(line []byte) bool {
	kind := p.header.kind(line)
	if p.header.blank {
		return !p.isMisplacedField(kind, line)
	}
	return kind == otherLine
}

// isMisplacedField reports whether a line behind a blank one still is the header's
// of a part.
func (p *parser) isMisplacedField(kind lineKind, line []byte) bool {
	name, _, _ := splitField(line)
	return kind == fieldLine && hasPrefixFold(name, "content-")
}

// startBody ends a header, and begins the body with lines that turned out not to
// be the header's.
func (p *parser) startBody(line []byte) error {
	odd := p.header.odd
	p.header.odd = nil
	if len(odd) > 0 || len(line) > 0 {
		p.run.report(p.partNumber(), ProblemNoBlankLine, "")
	}
	if err := p.endHeader(); err != nil {
		return err
	}
	for _, l := range [...][]byte{odd, line} {
		if len(l) == 0 {
			continue
		}
		if err := p.wholeLine(l); err != nil {
			return err
		}
	}
	return nil
}

// topHeader reports whether the header is a message's own, not a part's.
func (p *parser) topHeader() bool { return len(p.stack) == 0 }

// partNumber numbers the part under way as IMAP does (RFC 3501 section 6.4.5).
func (p *parser) partNumber() string {
	if len(p.stack) == 0 {
		return childNumber(p.number, 1)
	}
	top := &p.stack[len(p.stack)-1]
	return childNumber(top.number, max(top.parts, 1))
}

// endHeader decides what the part is whose header has been read.
func (p *parser) endHeader() error {
	h := &p.header
	h.close()
	h.blank = false
	defaultType, enclosing, number := "text/plain", "", p.partNumber()
	if len(p.stack) == 0 {
		p.subject = decodeText(h.fields.Get("Subject"), ignore)
		if p.depth == 0 && p.number == "" {
			p.run.describe(&h.fields)
		}
	} else {
		top := &p.stack[len(p.stack)-1]
		enclosing = top.mediaType
		if enclosing == "multipart/digest" {
			defaultType = "message/rfc822" // RFC 2046 section 5.1.5
		}
	}
	e := h.read(defaultType)
	h.reset()
	for _, problem := range e.problems {
		p.run.report(number, problem.Kind, problem.Detail)
	}
	p.held = nil
	if !strings.HasPrefix(e.mediaType.value, "multipart/") {
		p.state = inBody
		return p.beginLeaf(e, number, enclosing)
	}
	return p.beginMultipart(e, number)
}

func (p *parser) beginMultipart(e entity, number string) error {
	if p.depth+len(p.stack)+1 > p.run.limits.Depth {
		return &LimitError{"depth", int64(p.run.limits.Depth)}
	}
	m := multipart{boundary: boundaryOf(e.mediaType), mediaType: e.mediaType.value, number: number}
	if len(p.stack) == 0 {
		m.number = p.number // the parts of a message's own multipart count from 1
	}
	if m.boundary == "" {
		p.run.report(number, ProblemMissingBoundary, "")
	}
	p.stack = append(p.stack, m)
	p.state = inGap
	p.header.encoding = e.encoding
	p.byLine = e.encoding != identity
	return nil
}
