package extractor

import "bytes"

// parser reads one message, which is written to it in blocks of any size. It keeps the
// stack of open multiparts, and hands stretches of whole lines on to their leaf, straight
// from the block. The line end before a boundary belongs to the boundary (RFC 2046 section
// 5.1.1), so the last line end is always held back.
//
// No decision depends on where the blocks are cut. The parser first gathers what it must
// see together, up to a fixed length.
type parser struct {
	run   *run
	place // of this message: its number is "" for the outermost

	state    state
	stack    []multipart
	header   header
	entity   entity                    // of the header read last
	report   func(ProblemKind, string) // entity.report, made once
	leaf     leaf
	subject  string
	pictures pictures // that its HTML shows

	eol     byte     // what lines end with: LF, CR, or 0 while it is unknown
	start   []byte   // what was read while eol is unknown
	line    []byte   // the beginning of a line that must be seen whole
	within  bool     // within a line whose beginning is dealt with
	byLine  bool     // the next line of a gap must be seen whole, whatever it is
	guess   string   // the boundary that the line before suggests
	whole   encoding // of the multipart as a whole, until its first line is read
	held    []byte   // the line end, or a lone CR, not yet given to the leaf
	heldBuf [2]byte
	done    bool
}

type state int

const (
	inHeader state = iota
	inBody         // of a leaf
	inGap          // before the first or behind the last part of a multipart
)

// eolWindow is how many bytes of a message decide on its line ends.
const eolWindow = 16 << 10

func newParser(x *run, at place) *parser {
	return &parser{run: x, place: at}
}

// inside returns the place of a part of that number in the innermost open multipart.
func (p *parser) inside(number string) place {
	at := p.place
	at.number = number
	at.depth += len(p.stack) + 1
	return at
}

// Write parses a block.
func (p *parser) Write(block []byte) (int, error) {
	return len(block), p.parse(block)
}

func (p *parser) parse(block []byte) (err error) {
	for len(block) > 0 && err == nil {
		if p.eol == 0 {
			if block = p.learnEOL(block); len(block) == 0 {
				break
			}
		}
		switch {
		case p.state == inHeader || len(p.line) > 0 || p.byLine:
			block, err = p.gather(block)
		case p.within:
			block, err = p.finishLine(block)
		case len(p.stack) == 0:
			return p.body(block) // no boundary can come
		default:
			block, err = p.scan(block)
		}
	}
	return err
}

// learnEOL decides what lines end with: LF, or CR in mail of very old Macs, which has no LF
// at all. It returns the bytes to be parsed now.
func (p *parser) learnEOL(block []byte) []byte {
	known := len(p.start)
	room := min(len(block), eolWindow-known)
	if bytes.IndexByte(block[:room], '\n') < 0 {
		if known+room < eolWindow {
			p.start = append(p.start, block...)
			return nil
		}
		p.settleEOL(block[:room])
	} else {
		p.eol = '\n'
	}
	if known > 0 {
		block = append(p.start, block...)
		p.start = nil
	}
	return block
}

// settleEOL decides on the line ends of a beginning without any LF.
func (p *parser) settleEOL(more []byte) {
	p.eol = '\n'
	if bytes.IndexByte(p.start, '\r') >= 0 || bytes.IndexByte(more, '\r') >= 0 {
		p.eol = '\r'
	}
}

// endOfLine returns the index behind the first line end of b; 0 for none.
func (p *parser) endOfLine(b []byte) int { return bytes.IndexByte(b, p.eol) + 1 }

// finishLine gives the leaf the rest of a line.
func (p *parser) finishLine(block []byte) ([]byte, error) {
	end := p.endOfLine(block)
	if end == 0 {
		return nil, p.body(block)
	}
	p.within = false
	return block[end:], p.body(block[:end])
}

// gather puts a line together and hands it on: a header's line, or one that may be a
// boundary.
func (p *parser) gather(block []byte) ([]byte, error) {
	line, rest := block, []byte(nil)
	end := p.endOfLine(block)
	if end > 0 {
		line, rest = block[:end], block[end:]
	}
	if room := longestLine + 1 - len(p.line); p.state == inHeader && room > 0 && len(line) > room {
		// The beginning of a line this long tells whether it is the header's. A line of a
		// body is passed on from here, since it may have any length.
		if begin := append(p.line, line[:room]...); p.isBodyLine(begin) {
			p.line = nil
			if err := p.countHeader(room); err != nil {
				return nil, err
			}
			err := p.headerLine(begin)
			p.within = p.eol != 0 // a body whose line ends are unknown begins anew
			return block[room:], err
		}
	}
	if err := p.countHeader(len(line)); err != nil {
		return nil, err
	}
	if len(p.line) > 0 || end == 0 {
		p.line = p.keep(p.line, line)
		line = p.line
	}
	if end == 0 && len(line) <= longestLine {
		return nil, nil
	}
	if end == 0 && p.state == inHeader && !p.isBodyLine(line) {
		return nil, nil
	}
	p.line = reusable(p.line)
	if end == 0 {
		// Neither a boundary nor a field: the rest of the line need not be seen with it.
		defer func() { p.within = p.eol != 0 }()
	}
	if p.state == inHeader {
		return rest, p.headerLine(line)
	}
	return rest, p.bodyLine(line)
}

// keep appends to a line. A header's line is kept up to keptField bytes.
func (p *parser) keep(line, more []byte) []byte {
	if p.state != inHeader || len(line)+len(more) <= keptField {
		return append(line, more...)
	}
	if room := keptField - len(line); room > 0 {
		line = append(line, more[:min(room, len(more))]...)
	}
	if more[len(more)-1] == p.eol {
		line[len(line)-1] = p.eol
	}
	return line
}

// countHeader counts n more bytes if they are a header's.
func (p *parser) countHeader(n int) error {
	if p.state != inHeader || p.header.blank {
		return nil
	}
	p.header.bytes += int64(n)
	if limits := p.run.limits; p.header.bytes > limits.HeaderBytes {
		return &LimitError{"header bytes", limits.HeaderBytes}
	}
	return nil
}

// scan gives the leaf the longest beginning of a block without a line that may be a
// boundary. The block begins with a line.
func (p *parser) scan(block []byte) ([]byte, error) {
	at := p.indexBoundary(block)
	for at >= 0 && p.state == inBody {
		// A line that turns out to be none is no end: a stretch for each costs far more.
		end := at + p.endOfLine(block[at:])
		if end == at || end-at > longestLine {
			break
		}
		if level, _, _, _ := p.find(spaceBytes.trimRight(block[at:end])); level >= 0 {
			break
		}
		if at = p.indexBoundary(block[end:]); at >= 0 {
			at += end
		}
	}
	switch {
	case at < 0:
		p.within = block[len(block)-1] != p.eol
		return nil, p.body(block)
	case at > 0:
		return block[at:], p.body(block[:at])
	}
	return p.gather(block)
}

// bodyLine handles a whole line of a body or a gap that may be a boundary.
func (p *parser) bodyLine(line []byte) error {
	if len(line) > longestLine {
		if p.state == inGap {
			p.guess = ""
			return p.gapLine(line[:longestLine], line)
		}
		return p.body(line)
	}
	text := spaceBytes.trimRight(line)
	if level, closing := p.match(text); level >= 0 && !p.leafExpects(p.stack[level].boundary) {
		return p.boundary(level, closing)
	}
	if p.state == inGap {
		return p.gapLine(text, line)
	}
	return p.body(line)
}

// body gives the leaf a stretch of lines, and holds the last line end back.
func (p *parser) body(b []byte) error {
	if p.state == inGap || len(b) == 0 {
		return nil
	}
	if len(p.held) > 0 {
		if len(p.held) == 1 && p.held[0] == '\r' && p.eol == '\n' && b[0] == '\n' {
			// Two blocks share a CRLF.
			p.held = append(p.heldBuf[:0], '\r', '\n')
			if b = b[1:]; len(b) == 0 {
				return nil
			}
		}
		held := p.held
		p.held = nil
		if err := p.writeLeaf(held); err != nil {
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
	return p.writeLeaf(b[:keep])
}

// Close ends the message.
func (p *parser) Close() error {
	if p.done {
		return nil
	}
	p.done = true
	for p.eol == 0 || len(p.line) > 0 || p.state == inHeader {
		if err := p.rest(); err != nil {
			return err
		}
	}
	if held := p.held; len(held) > 0 {
		p.held = nil
		if err := p.writeLeaf(held); err != nil {
			return err
		}
	}
	err := p.endLeaf()
	p.popTo(0)
	return err
}

// rest handles what still waits at the message's end.
func (p *parser) rest() error {
	line, dashes, start := p.line, p.header.dashes, p.start
	switch {
	case len(line) > 0:
		p.line = nil
		return p.wholeLine(line)
	case p.state == inHeader && dashes != nil:
		p.header.dashes = nil
		return p.beginBody(dashes)
	case p.state == inHeader && len(p.header.loose) > 0:
		loose := p.header.loose
		p.header.loose = nil
		return p.beginBody(loose...)
	case p.eol == 0:
		p.settleEOL(nil)
		p.start = nil
		return p.parse(start)
	}
	return p.startBody(nil)
}

// wholeLine handles a line according to the state.
func (p *parser) wholeLine(line []byte) error {
	if p.state == inHeader {
		return p.headerLine(line)
	}
	return p.bodyLine(line)
}

// finish implements unpacker. An attached message is never whole: it is kept as well.
func (p *parser) finish() (whole bool, err error) { return false, p.Close() }

// abort closes what is open after an error.
func (p *parser) abort() { p.leaf.abort() }
