package extractor

import (
	"bytes"
	"strings"
)

// multipart is one open multipart.
type multipart struct {
	boundary  string // "" while it is to be guessed
	mediaType string
	number    string
	fileName  string // that the resource fork of a multipart/appledouble gave
	parts     int
	closed    bool // its closing boundary was read
	indented  bool // its first boundary was, so that the others may be
	junk      bool // more text stood behind its first boundary, as behind the others
	html      bool // an HTML text stood in it
	doubtful  bool // its type is not a multipart's, so that parts need not come
}

const (
	// longestLine is how long a line may be to be compared with the boundaries,
	// which RFC 2046 allows 70 characters.
	longestLine = 8 << 10
	// longestBoundary is how long one may be for its lines to be compared.
	longestBoundary = longestLine - 100
	// deepestIndent is how far a boundary may be indented.
	deepestIndent = 16
	// distinctive is how long a boundary must be to be no accident when it is indented.
	distinctive = 10
)

// indexBoundary finds the first line that may be a boundary: dashes, also behind
// blanks. The last line of b may when it does not tell yet. -1 is for none.
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

// suggests reports whether a line that goes on with b behind its dashes may be one
// of the boundaries. Nested messages full of dashes are what it is quick for.
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

// indentedLine returns where the line begins of which b ends in the indentation,
// -1 when it does not. The beginning of b may be one.
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

// match finds the multipart whose boundary a line is, -1 for none: the innermost
// one that is not closed, as a part may use the boundary of the multipart it
// stands in. A whole line that is equal is better than one that only begins so,
// because a boundary may be the beginning of another.
func (p *parser) match(line []byte) (level int, closing bool) {
	text := bytes.TrimLeft(line, " \t")
	rest, ok := bytes.CutPrefix(text, []byte("--"))
	if !ok {
		return -1, false
	}
	indent := len(line) - len(text)
	if indent > deepestIndent {
		return -1, false
	}
	indented := indent > 0
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
			continue // text that begins like a boundary, as a log of mail does
		case strings.HasPrefix(suffix, "--") && m.junk, suffix[0] == ' ', suffix[0] == '\t':
			// QUIRK: "--boundary junk" and "--boundary--junk". RFC 2046 section 5.1.1 has
			// only the beginning of the line compared, which loses a file's lines.
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
	if level >= 0 && best == 1 {
		p.stack[level].junk = true
	}
	if level >= 0 && indented {
		if m := &p.stack[level]; m.parts == 0 {
			m.indented = true
		}
		p.run.report(p.stack[level].number, ProblemIndented, "")
	}
	return level, closing
}

// boundary ends the part under way, and all multiparts within the one at level.
func (p *parser) boundary(level int, closing bool) error {
	if p.state == inHeader {
		// A part that is all header.
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

// gapLine handles a line between parts that is no known boundary. Before the first
// part it looks for what may be meant: a multipart that is encoded as a whole, and,
// when the boundary is not known or does not come, a line "--x" with a part's
// header behind it.
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
	// QUIRK: a multipart that is encoded as a whole, which RFC 2045 section 6.4
	// forbids. Most that say so are not: of base64 the first line tells, of
	// quoted-printable a boundary with an equals sign in it.
	encoding := p.whole
	if encoding == quotedPrintable && string(text) != "--"+strings.ReplaceAll(top.boundary, "=", "=3D") {
		p.byLine = true
		return nil
	}
	p.whole = identity
	p.byLine = p.guess != ""
	if encoding == base64Encoding && !isBase64Line(text) || encoding == uuencodeEncoding || encoding == textEncoding {
		return nil
	}
	p.run.report(top.number, ProblemEncodedMultipart, "")
	at := p.inside(top.number)
	at.depth -= 2 // the multipart goes along
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

// leafExpects reports whether a boundary is one of the attached message's that is being
// read: some mailers use one boundary for both.
func (p *parser) leafExpects(boundary string) bool {
	l := &p.leaf
	if l.failed == nil {
		l.failed = p.decideStart()
	}
	if l.decoder != nil {
		return false // what it expects is encoded, and what has come is not all decoded
	}
	if l.failed == nil {
		l.failed = l.content.settle()
	}
	nested, ok := l.content.unpacker.(*parser)
	return ok && nested.expects(boundary)
}

// expects reports whether a boundary is one of this message's, or of an attached one's
// that is being read.
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
