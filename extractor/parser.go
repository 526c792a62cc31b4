package extractor

import (
	"bytes"
	"strings"
)

// parser reads one message that is pushed to it in blocks of any size. It keeps
// the stack of open multiparts and hands stretches of whole lines on to the leaf
// they belong to, straight from the block. The line end before a boundary belongs
// to the boundary (RFC 2046 section 5.1.1), so the last one is always held back.
type parser struct {
	run    *run
	number string // part number of this message, "" for the outermost
	depth  int    // of this message among the multiparts and messages around it

	state   state
	stack   []multipart
	header  header
	leaf    leaf
	subject string

	line     []byte // the beginning of a line that the last block ended in
	within   bool   // within a line whose beginning is dealt with already
	held     []byte // the line end, and a lone CR, not yet given to the leaf
	heldBuf  [2]byte
	cr       bool // lines end with a bare CR
	eolKnown bool // what lines end with is settled; line is the message so far until then
	done     bool
}

type state int

const (
	inHeader state = iota
	inBody         // of a leaf
	inGap          // before the first or behind the last part of a multipart
)

// multipart is one open multipart.
type multipart struct {
	boundary  string // "" while it is to be guessed from the first line that looks like one
	mediaType string
	number    string
	parts     int
	closed    bool // its closing boundary was read
	indented  bool // its first boundary was, so that the others may be
}

// longestBoundary is how long a line may be to be held together for comparison
// with the boundaries. RFC 2046 allows 70 characters.
const longestBoundary = 8 << 10

func newParser(x *run, number string, depth int) *parser {
	return &parser{run: x, number: number, depth: depth}
}

// Write parses a block.
func (p *parser) Write(block []byte) (int, error) {
	n := len(block)
	if !p.eolKnown {
		if len(p.line) > 0 {
			block = append(p.line, block...)
			p.line = nil
		}
		if !p.learnEOL(block, false) {
			p.line = bytes.Clone(block)
			return n, nil
		}
	}
	return n, p.parse(block)
}

func (p *parser) parse(block []byte) (err error) {
	for len(block) > 0 && err == nil {
		if p.state == inHeader || len(p.line) > 0 {
			block, err = p.gather(block)
		} else {
			block, err = p.scan(block)
		}
	}
	return err
}

// learnEOL settles from the message's beginning whether its lines end with a
// bare CR, as mail of very old Macs does: no LF stands in it then. It reports
// false when more is needed to tell.
func (p *parser) learnEOL(start []byte, all bool) bool {
	hasLF := bytes.IndexByte(start, '\n') >= 0
	if !hasLF && !all && len(start) < longestBoundary {
		return false
	}
	p.cr = !hasLF && bytes.IndexByte(start, '\r') >= 0
	p.eolKnown = true
	return true
}

// eol finds the end of the first line of b: the index behind its line end, 0 for
// none.
func (p *parser) eol(b []byte) int {
	if p.cr {
		return bytes.IndexByte(b, '\r') + 1
	}
	return bytes.IndexByte(b, '\n') + 1
}

// gather puts a line together and hands it on: header lines, and those that may
// be boundaries.
func (p *parser) gather(block []byte) ([]byte, error) {
	end := p.eol(block)
	if end == 0 {
		p.line = p.keep(p.line, block)
		if p.state != inHeader && len(p.line) > longestBoundary {
			// Too long for a boundary.
			line := p.line
			p.line = nil
			p.within = true
			return nil, p.body(line)
		}
		return nil, p.checkHeader(len(block))
	}
	line := block[:end]
	rest := block[end:]
	if err := p.checkHeader(len(line)); err != nil {
		return nil, err
	}
	if len(p.line) > 0 {
		line = p.keep(p.line, line)
		p.line = line[:0]
	}
	if p.state == inHeader {
		return rest, p.headerLine(line)
	}
	return rest, p.bodyLine(line)
}

// keep appends to a line; of a header's line no more than is of use.
func (p *parser) keep(line, more []byte) []byte {
	if p.state == inHeader && len(line)+len(more) > keptField {
		if room := keptField - len(line); room > 2 {
			line = append(line, more[:min(room-2, len(more))]...)
		}
		if more[len(more)-1] == '\n' || p.cr && more[len(more)-1] == '\r' {
			line = append(line, more[len(more)-1])
		}
		return line
	}
	return append(line, more...)
}

// checkHeader counts n more bytes of a header.
func (p *parser) checkHeader(n int) error {
	if p.state != inHeader {
		return nil
	}
	p.header.bytes += int64(n)
	if limit := p.run.limits; p.header.bytes > limit.HeaderBytes {
		return &LimitError{"header bytes", limit.HeaderBytes}
	} else if p.header.count > limit.HeaderFields {
		return &LimitError{"header fields", int64(limit.HeaderFields)}
	}
	return nil
}

// scan takes the longest stretch of a block's beginning in which no line may be a
// boundary, and gives it to the leaf.
func (p *parser) scan(block []byte) ([]byte, error) {
	if p.within {
		end := p.eol(block)
		if end == 0 {
			return nil, p.body(block)
		}
		p.within = false
		return block[end:], p.body(block[:end])
	}
	if len(p.stack) == 0 {
		// No boundary can come. The end of the block may still be within a line,
		// which is of no matter either.
		return nil, p.body(block)
	}
	if mayBeBoundary(block) {
		if end := p.eol(block); end > 0 {
			return block[end:], p.bodyLine(block[:end])
		}
		if len(block) > longestBoundary {
			p.within = true
			return nil, p.body(block)
		}
		p.line = append(p.line[:0], block...)
		return nil, nil
	}
	if i := p.indexBoundary(block); i >= 0 {
		return block[i+1:], p.body(block[:i+1])
	}
	// No line begins like a boundary, but the block's last line may go on in the next one.
	end := byte('\n')
	if p.cr {
		end = '\r'
	}
	p.within = block[len(block)-1] != end
	return nil, p.body(block)
}

// mayBeBoundary reports whether a line that begins like b may be a boundary. One
// that is too short to tell may.
func mayBeBoundary(b []byte) bool {
	if b[0] == ' ' || b[0] == '\t' {
		b = bytes.TrimLeft(b, " \t") // QUIRK: indented boundaries
	}
	return len(b) == 0 || b[0] == '-' && (len(b) == 1 || b[1] == '-')
}

// lineStarts are how lines begin that may be boundaries, with the line end before.
var (
	lineStarts   = [][]byte{[]byte("\n-"), []byte("\n "), []byte("\n\t")}
	lineStartsCR = [][]byte{[]byte("\r-"), []byte("\r "), []byte("\r\t")}
)

// indexBoundary finds the line end before the first line that may be a boundary,
// -1 for none.
func (p *parser) indexBoundary(b []byte) int {
	starts := lineStarts
	if p.cr {
		starts = lineStartsCR
	}
	first := -1
	for _, start := range starts {
		for from := 0; ; {
			i := bytes.Index(b[from:], start)
			if i < 0 {
				break
			}
			i += from
			if mayBeBoundary(b[i+1:]) {
				b, first = b[:i+1], i // only an earlier one is of interest now
				break
			}
			from = i + len(start)
		}
	}
	return first
}

// bodyLine handles a whole line of a body or a gap that may be a boundary.
func (p *parser) bodyLine(line []byte) error {
	text := strings.TrimRight(string(line), " \t\r\n")
	if level, closing := p.match(text); level >= 0 {
		return p.boundary(level, closing)
	}
	if p.state == inGap {
		if top := &p.stack[len(p.stack)-1]; top.boundary == "" && len(text) > 2 && strings.HasPrefix(text, "--") && !strings.HasSuffix(text, "--") {
			top.boundary = text[2:]
			return p.boundary(len(p.stack)-1, false)
		}
	}
	return p.body(line)
}

// match finds the multipart whose boundary a line is, -1 for none: the innermost
// one that is not closed, as a part may use the boundary of the multipart it
// stands in. A whole line that is equal is better than one that only begins so,
// because a boundary may be the beginning of another.
func (p *parser) match(line string) (level int, closing bool) {
	text := strings.TrimLeft(line, " \t")
	indented := len(text) < len(line)
	rest, ok := strings.CutPrefix(text, "--")
	if !ok {
		return -1, false
	}
	level = -1
	best := 0
	for i := len(p.stack) - 1; i >= 0; i-- {
		m := &p.stack[i]
		if m.boundary == "" || !strings.HasPrefix(rest, m.boundary) || indented && m.parts > 0 && !m.indented {
			continue
		}
		suffix := rest[len(m.boundary):]
		rank := 0
		switch {
		case suffix == "" || suffix == "--":
			rank = 3
		case strings.HasPrefix(suffix, "--") || suffix[0] == ' ' || suffix[0] == '\t':
			// QUIRK: "--boundary--junk" and "--boundary junk" (RFC 2046 section 5.1.1
			// compares the beginning of the line only).
			rank = 1
		default:
			continue
		}
		if !m.closed && rank == 3 {
			rank++
		}
		if rank > best {
			level, closing, best = i, strings.HasPrefix(suffix, "--"), rank
		}
	}
	if level >= 0 && p.stack[level].parts == 0 {
		p.stack[level].indented = indented
	}
	return level, closing
}

// boundary ends the part under way, and all multiparts within the one at level.
func (p *parser) boundary(level int, closing bool) error {
	p.held = nil
	if p.state == inHeader {
		// A part that is all header.
		if err := p.endHeader(); err != nil {
			return err
		}
		p.held = nil
	}
	if err := p.leaf.end(); err != nil {
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
		if m := p.stack[len(p.stack)-1]; !m.closed {
			p.run.report(m.number, ProblemUnclosed, "")
		}
		p.stack = p.stack[:len(p.stack)-1]
	}
}

// body gives the leaf a stretch of lines, but for the last line end.
func (p *parser) body(b []byte) error {
	if p.state == inGap || len(b) == 0 {
		return nil
	}
	if len(p.held) > 0 {
		if len(p.held) == 1 && p.held[0] == '\r' && !p.cr && b[0] == '\n' {
			// A CRLF that two blocks share.
			p.held = append(p.heldBuf[:0], '\r', '\n')
			if b = b[1:]; len(b) == 0 {
				return nil
			}
		}
		held := p.held
		p.held = nil
		if err := p.leaf.write(held); err != nil {
			return err
		}
	}
	keep := len(b)
	switch {
	case b[keep-1] == '\n' && keep > 1 && b[keep-2] == '\r':
		keep -= 2
	case b[keep-1] == '\n' || b[keep-1] == '\r':
		keep--
	}
	p.held = append(p.heldBuf[:0], b[keep:]...)
	return p.leaf.write(b[:keep])
}

// headerLine handles one line of a header, line end included.
func (p *parser) headerLine(line []byte) error {
	h := &p.header
	text := bytes.TrimRight(line, "\r\n")
	if len(p.stack) > 0 && bytes.HasPrefix(text, []byte("--")) {
		if level, closing := p.match(strings.TrimRight(string(text), " \t")); level >= 0 {
			return p.boundary(level, closing)
		}
	}
	if !h.begun && len(h.odd) == 0 && p.topHeader() {
		text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		trimmed := bytes.TrimLeft(text, ">")
		if len(bytes.TrimSpace(text)) == 0 || bytes.HasPrefix(trimmed, []byte("From ")) {
			return nil // blank lines and postmarks before the header
		}
	}
	if len(text) == 0 {
		h.odd = h.odd[:0]
		return p.endHeader()
	}
	if len(h.odd) > 0 {
		// The line before was no field.
		_, _, ok := splitField(text)
		if ok || text[0] == ' ' || text[0] == '\t' {
			p.run.report(p.partNumber(), ProblemHeaderLine, clip(string(bytes.TrimRight(h.odd, "\r\n"))))
			h.odd = h.odd[:0]
		} else {
			return p.startBodyWith(line)
		}
	}
	if (text[0] == ' ' || text[0] == '\t') && h.open {
		if len(bytes.TrimSpace(text)) > 0 {
			h.more(text)
		}
		return nil
	}
	if name, value, ok := splitField(bytes.TrimLeft(text, " \t")); ok {
		h.field(name, value)
		return nil
	}
	if h.isParameterLine(text) {
		h.more(append([]byte("; "), text...))
		return nil
	}
	h.close()
	h.odd = append(h.odd[:0], line...)
	if len(h.odd) > longestBoundary {
		h.odd = h.odd[:0]
		return nil
	}
	if p.looksLikeBody(text) {
		return p.startBodyWith(nil)
	}
	return nil
}

// looksLikeBody reports whether a line behind a header that announced base64 is
// base64, and thus the body's first: some mailers forget the blank line.
func (p *parser) looksLikeBody(text []byte) bool {
	if parseEncoding(p.header.fields.Get("Content-Transfer-Encoding"), func(ProblemKind, string) {}) != base64Encoding {
		return false
	}
	for _, c := range bytes.TrimSpace(text) {
		if v := base64Value(c); v >= base64Blank && v != base64Pad {
			return false
		}
	}
	return len(text) >= 4
}

// startBodyWith ends a header that no blank line ended, and begins the body with
// the line that was no field.
func (p *parser) startBodyWith(line []byte) error {
	odd := bytes.Clone(p.header.odd)
	p.header.odd = p.header.odd[:0]
	p.run.report(p.partNumber(), ProblemNoBlankLine, "")
	if err := p.endHeader(); err != nil {
		return err
	}
	for _, l := range [][]byte{odd, line} {
		if len(l) == 0 {
			continue
		}
		if err := p.bodyLine(l); err != nil {
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
	top := p.stack[len(p.stack)-1]
	return childNumber(top.number, max(top.parts, 1))
}

// endHeader decides what the part is whose header has been read.
func (p *parser) endHeader() error {
	h := &p.header
	h.close()
	defaultType, related, number := "text/plain", false, p.partNumber()
	if len(p.stack) == 0 {
		p.subject = decodeText(h.fields.Get("Subject"), func(ProblemKind, string) {})
		if p.depth == 0 && p.number == "" {
			p.run.describe(&h.fields)
		}
	} else {
		top := p.stack[len(p.stack)-1]
		related = top.mediaType == "multipart/related"
		if top.mediaType == "multipart/digest" {
			defaultType = "message/rfc822"
		}
	}
	e := h.read(defaultType)
	for _, problem := range e.problems {
		p.run.report(number, problem.Kind, problem.Detail)
	}
	p.held = nil
	if !strings.HasPrefix(e.mediaType.value, "multipart/") {
		p.state = inBody
		return p.beginLeaf(e, number, related)
	}
	if p.depth+len(p.stack)+1 > p.run.limits.Depth {
		return &LimitError{"depth", int64(p.run.limits.Depth)}
	}
	m := multipart{boundary: strings.TrimRight(e.mediaType.text("boundary", func(ProblemKind, string) {}), " \t"), mediaType: e.mediaType.value, number: number}
	if len(p.stack) == 0 {
		m.number = p.number // the parts of a message's own multipart count from 1
	}
	if m.boundary == "" {
		p.run.report(number, ProblemMissingBoundary, "")
	}
	p.stack = append(p.stack, m)
	p.state = inGap
	return nil
}

// Close ends the message.
func (p *parser) Close() error {
	if p.done {
		return nil
	}
	p.done = true
	if !p.eolKnown {
		start := p.line
		p.line = nil
		p.learnEOL(start, true)
		if err := p.parse(start); err != nil {
			return err
		}
	}
	if len(p.line) > 0 {
		line := p.line
		p.line = nil
		var err error
		if p.state == inHeader {
			err = p.headerLine(line)
		} else {
			err = p.bodyLine(line)
		}
		if err != nil {
			return err
		}
	}
	if p.state == inHeader {
		if len(p.header.odd) > 0 {
			if err := p.startBodyWith(nil); err != nil {
				return err
			}
		} else if err := p.endHeader(); err != nil {
			return err
		}
	}
	if len(p.held) > 0 {
		held := p.held
		p.held = nil
		if err := p.leaf.write(held); err != nil {
			return err
		}
	}
	err := p.leaf.end()
	p.popTo(0)
	return err
}

// abort closes what is open after an error.
func (p *parser) abort() { p.leaf.abort() }
