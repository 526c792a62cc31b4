package extractor

import (
	"bytes"
	"strings"
)

// multipart is one open multipart.
type multipart struct {
	boundary  string // "" while it must be guessed
	mediaType string
	number    string
	fileName  string // given by the resource fork of a multipart/appledouble
	parts     int
	closed    bool // its closing boundary was read
	indented  bool // its first boundary was indented: the others may be, too
	junk      bool // text stood behind its first boundary: it may behind the others, too
	html      bool // an HTML text stood in it
	doubtful  bool // its type is not a multipart's: parts need not come
}

const (
	// longestLine is the longest line, in bytes, that is compared with the boundaries. RFC
	// 2046 section 5.1.1 allows a boundary 70 characters.
	longestLine = 8 << 10
	// longestBoundary is the longest boundary, in bytes.
	longestBoundary = longestLine - 100
	// deepestIndent is how many blanks may stand before a boundary.
	deepestIndent = 16
	// distinctive is the length from which an indented boundary is no accident.
	distinctive = 10
)

// indexBoundary returns the start of the first line of b that may be a boundary, or -1. Such
// a line begins with dashes, or with blanks and dashes. The last line also may be one if it
// is too short to tell.
func (p *parser) indexBoundary(b []byte) int {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte("--"))
		if i < 0 {
			break
		}
		i += from
		if start := p.indentedLine(b[from:i]); start >= 0 && (from+start > 0 && b[from+start-1] == p.eol || from+start == 0) {
			if p.state == inGap || p.suggests(b[i+2:]) {
				return from + start
			}
		}
		for from = i + 2; from < len(b) && b[from] == '-'; from++ {
		}
	}
	tail := b
	if len(b) > deepestIndent+1 {
		tail = b[len(b)-deepestIndent-1:]
	}
	text := bytes.TrimSuffix(tail, []byte("-"))
	start := p.indentedLine(text)
	if start < 0 || start == len(tail) {
		return -1
	}
	if start += len(b) - len(tail); start > 0 && b[start-1] != p.eol {
		return -1
	}
	return start
}

// suggests reports whether a line with b behind its dashes may be one of the boundaries. It
// is quick, for nested messages full of dashes.
func (p *parser) suggests(b []byte) bool {
	for i := range p.stack {
		boundary := p.stack[i].boundary
		n := min(len(boundary), len(b))
		if n == 0 && len(b) > 0 {
			continue
		}
		if n == 0 || b[0] == boundary[0] && string(b[:n]) == boundary[:n] {
			return true
		}
	}
	return false
}

// indentedLine returns the start of the line whose indentation ends b, or -1. The beginning
// of b counts as the start of a line.
func (p *parser) indentedLine(b []byte) int {
	for n := range deepestIndent + 1 {
		i := len(b) - n
		if i == 0 || b[i-1] == p.eol {
			return i
		}
		if b[i-1] != ' ' && b[i-1] != '\t' {
			return -1
		}
	}
	return -1
}

// match returns the level of the multipart whose boundary a line is, or -1. Several may have
// that boundary, since a part may use the one of the multipart around it: the innermost that
// is not closed counts. A line equal to a boundary counts before a line that only begins
// with one, because a boundary may be the beginning of another.
func (p *parser) match(line []byte) (level int, closing bool) {
	level, closing, rank, indented := p.find(line)
	if level < 0 {
		return level, false
	}
	m := &p.stack[level]
	if rank == 1 {
		m.junk = true
	}
	if indented {
		if m.parts == 0 {
			m.indented = true
		}
		p.run.report(m.number, ProblemIndented, "")
	}
	return level, closing
}

// find is match, and notes nothing. rank says how well the boundary fits.
func (p *parser) find(line []byte) (level int, closing bool, rank int, indented bool) {
	text := blankBytes.trimLeft(line)
	rest, ok := bytes.CutPrefix(text, []byte("--"))
	indent := len(line) - len(text)
	if !ok || indent > deepestIndent {
		return -1, false, 0, false
	}
	indented = indent > 0
	level = -1
	best := 0
	for i := len(p.stack) - 1; i >= 0; i-- {
		m := &p.stack[i]
		n := len(m.boundary)
		if n == 0 || len(rest) < n || string(rest[:n]) != m.boundary {
			continue
		}
		suffix := string(rest[n:min(len(rest), n+3)])
		rank := 0
		switch {
		case suffix == "" || suffix == "--" && len(rest) == n+2:
			rank = 2
		case indented:
			continue
		case p.state != inGap && !m.junk:
			continue // a text that begins like a boundary, such as a log of mail
		case strings.HasPrefix(suffix, "--") && m.junk, suffix[0] == ' ', suffix[0] == '\t':
			// QUIRK: "--boundary junk" and "--boundary--junk". RFC 2046 section 5.1.1
			// compares the beginning of the line only, which loses a file's lines.
			rank = 1
		default:
			continue
		}
		if indented && m.parts > 0 && !m.indented && n < distinctive {
			continue // an indented line like "--a" is more likely text
		}
		if !m.closed && rank == 2 {
			rank++
		}
		if rank > best {
			level, closing, best = i, strings.HasPrefix(suffix, "--"), rank
		}
	}
	return level, closing, best, indented
}

// boundary ends the part under way, and all multiparts within the one at level.
func (p *parser) boundary(level int, closing bool) error {
	if p.state == inHeader {
		// The part has a header and no body.
		if err := p.startBody(nil); err != nil {
			return err
		}
	}
	p.held = nil
	p.byLine, p.guess = false, ""
	p.whole = identity
	if err := p.endLeaf(); err != nil {
		return err
	}
	p.popTo(level + 1)
	m := &p.stack[level]
	if closing {
		m.closed = true
		p.state = inGap
		return nil
	}
	m.closed = false
	m.parts++
	if p.run.parts++; p.run.parts > p.run.limits.Parts {
		return &LimitError{"parts", int64(p.run.limits.Parts)}
	}
	p.header.reset()
	p.state = inHeader
	return nil
}

// popTo drops the multiparts above level n.
func (p *parser) popTo(n int) {
	for len(p.stack) > n {
		switch m := p.stack[len(p.stack)-1]; {
		case !m.closed:
			p.run.report(m.number, ProblemUnclosed, "")
		case m.parts == 0 && !m.doubtful:
			p.run.report(m.number, ProblemNoParts, "")
		}
		p.stack = p.stack[:len(p.stack)-1]
	}
}

// gapLine handles a line between parts that is no known boundary. Before the first part it
// looks for a multipart that is encoded as a whole. If the boundary is unknown or does not
// come, it looks for a line "--x" with a part's header behind it.
func (p *parser) gapLine(text, line []byte) error {
	top := &p.stack[len(p.stack)-1]
	if guess := p.guess; guess != "" {
		p.guess = ""
		name, _, isField := splitField(text)
		if isField && hasPrefixFold(name, "content-") || len(text) == 0 && top.boundary == "" && strings.Trim(guess, "-_=*") != "" {
			p.run.report(top.number, ProblemWrongBoundary, clip(guess))
			top.boundary = guess
			if err := p.boundary(len(p.stack)-1, false); err != nil {
				return err
			}
			return p.headerLine(line)
		}
	}
	if top.parts == 0 && !top.closed && len(text) > 2 && len(line) <= longestLine && bytes.HasPrefix(text, []byte("--")) && !bytes.HasSuffix(text, []byte("--")) {
		p.guess = string(text[2:])
	}
	if p.whole == identity || len(text) == 0 {
		p.byLine = p.guess != "" || p.whole != identity
		return nil
	}
	// QUIRK: a multipart is encoded as a whole, which RFC 2045 section 6.4 forbids. Most that
	// say so are not. The first line tells for base64, and a boundary with an escape in it
	// for quoted-printable.
	encoding := p.whole
	if encoding == quotedPrintable && string(text) != "--"+strings.ReplaceAll(top.boundary, "=", "=3D") {
		p.byLine = p.guess != ""
		return nil
	}
	p.whole = identity
	p.byLine = p.guess != ""
	if encoding == base64Encoding && !isBase64Line(text) || encoding == uuencodeEncoding || encoding == textEncoding {
		return nil
	}
	p.run.report(top.number, ProblemEncodedMultipart, "")
	at := p.inside(top.number)
	at.depth -= 2 // the multipart goes into the nested parser
	nested := newParser(p.run, at)
	nested.stack = append(nested.stack, *top)
	nested.state = inGap
	p.stack = p.stack[:len(p.stack)-1]
	p.byLine = false
	p.leaf.clear()
	p.leaf.unpackWith(nested)
	p.leaf.decode(encoding, p.run, nested.number)
	p.state = inBody
	return p.body(line)
}

// leafExpects reports whether the attached message under way has a multipart of that
// boundary open. Some mailers use one boundary for both messages.
func (p *parser) leafExpects(boundary string) bool {
	l := &p.leaf
	if l.failed == nil {
		l.failed = p.decideStart()
	}
	if l.decoder != nil {
		return false // its boundaries are encoded, and not all that came is decoded
	}
	if l.failed == nil {
		l.failed = l.content.settle()
	}
	nested, ok := l.content.unpacker.(*parser)
	return ok && nested.expects(boundary)
}

// expects reports whether this message or the attached one under way has a multipart of
// that boundary open, or announces one.
func (p *parser) expects(boundary string) bool {
	if p.state == inHeader {
		return p.header.boundary() == boundary || p.open(boundary)
	}
	return p.open(boundary) || p.leafExpects(boundary)
}

// open reports whether a multipart of that boundary is open.
func (p *parser) open(boundary string) bool {
	for i := range p.stack {
		if m := &p.stack[i]; m.boundary == boundary && !m.closed {
			return true
		}
	}
	return false
}
