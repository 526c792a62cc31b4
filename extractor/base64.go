package extractor

import (
	"bytes"
	"io"
	"sync"
)

// The values of bytes outside of the alphabet.
const (
	base64Blank   = 0x80
	base64Pad     = 0x81
	base64Illegal = 0x82
)

// base64Value returns the six bits of a character in the usual or the url-safe alphabet
// (RFC 4648 sections 4 and 5), or base64Blank, base64Pad or base64Illegal.
func base64Value(c byte) byte { return base64Values[c] }

var base64Values = func() (values [256]byte) {
	for c := range values {
		values[c] = base64Illegal
	}
	for _, alphabet := range []string{
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	} {
		for value, c := range []byte(alphabet) {
			values[c] = byte(value)
		}
	}
	for _, c := range []byte("\r\n \t") {
		values[c] = base64Blank
	}
	values['='] = base64Pad
	return values
}()

const (
	// base64Piece is how many bytes of encoded text are decoded in one go.
	base64Piece = 48 << 10
	// base64Line is the longest line, in bytes, that is judged as a whole.
	base64Line = 1 << 10
	// base64Careful is how many bytes behind an oddity are decoded line by line.
	base64Careful = 64 << 10
)

// base64Buffers are the buffers of a decoder. One decoder after the other uses them.
type base64Buffers struct {
	stripped [base64Piece + 4]byte
	out      [base64Piece]byte
	line     [base64Line]byte
}

var base64Pool = sync.Pool{New: func() any { return new(base64Buffers) }}

// base64Decoder decodes base64 (RFC 2045 section 6.8), and writes the bytes to w. It passes
// over bytes outside of the alphabet, as the RFC asks, and makes up for missing padding.
// Behind padding, a line counts only if it is base64 and nothing else: some mailers
// concatenate blocks, and mailing lists put footers behind attachments. Text behind base64
// ends the body for good, and base64 behind that text is reported as lost.
type base64Decoder struct {
	w      io.Writer
	report func(ProblemKind, string)

	buffers       *base64Buffers // nil before the first byte and after Close
	out           []byte         // decoded, not yet written
	quantum       [4]byte        // characters, not yet decoded
	n             int            // of quantum
	line          []byte         // the beginning of a line, until the rest comes
	long          bool           // within a line too long to judge
	careful       int            // how many more bytes are decoded line by line
	owed          int            // characters of padding that are still to come
	short         bool           // a group without all its characters was reported
	padded, ended bool
	lost          bool // base64 stands behind the end: it was reported
	dash          bool // a dash stands behind padding
	any           bool // something was decoded
	shape
	illegal bool // a byte outside of the alphabet was reported
}

func (d *base64Decoder) Write(p []byte) (int, error) {
	written := len(p)
	if d.buffers == nil && len(p) > 0 {
		d.buffers = base64Pool.Get().(*base64Buffers)
		d.out, d.line = d.buffers.out[:0], d.buffers.line[:0]
	}
	for len(p) > 0 && !d.lost {
		n := 0
		if len(d.line) > 0 || d.long {
			n = d.finishLine(p)
		} else if n = bytes.LastIndexByte(p[:min(len(p), base64Piece)], '\n') + 1; n > 0 {
			d.lines(p[:n])
		} else if len(p) > base64Line {
			n = min(len(p), base64Piece)
			d.long = true
			d.data(p[:n])
		} else {
			n = len(p)
			d.line = append(d.line, p...)
		}
		p = p[n:]
		if err := d.flush(); err != nil {
			return 0, err
		}
	}
	return written, nil
}

// finishLine handles p up to the end of the line under way, and returns how many bytes it
// took.
func (d *base64Decoder) finishLine(p []byte) int {
	n := bytes.IndexByte(p, '\n') + 1
	end := n > 0
	if !end {
		n = min(len(p), base64Piece)
	}
	switch {
	case d.long:
		d.data(p[:n])
		d.long = !end
		return n
	case len(d.line)+n > base64Line:
		d.data(d.line)
		d.line = d.line[:0]
		d.data(p[:n])
		d.long = !end
		return n
	}
	d.line = append(d.line, p[:n]...)
	if end {
		line := d.line
		d.line = d.line[:0]
		d.lines(line)
	}
	return n
}

// data decodes a stretch that is surely base64.
func (d *base64Decoder) data(p []byte) {
	if d.ended {
		d.pass(p)
		return
	}
	d.saw(base64Line)
	if !d.tryBulk(p, false) {
		d.decode(p)
	}
}

// shape is what is known of the lines of a body.
type shape struct {
	longest, last int  // lengths of the longest line and of the last one, without blanks
	gap, gaps     bool // a blank line stands behind the last one, or between two before
	blanks        bool // blanks stand within a line
}

// saw notes a line of data of n bytes. A line too long to judge counts as base64Line.
func (s *shape) saw(n int) {
	s.gaps = s.gaps || s.gap
	s.longest, s.last, s.gap = max(s.longest, n), n, false
}

// tryBulk decodes a piece in one go, and reports false if something odd is in it or was
// shortly before it.
func (d *base64Decoder) tryBulk(p []byte, lines bool) bool {
	if d.careful -= len(p); d.careful > 0 || d.padded || d.ended {
		return false
	}
	if d.bulk(p, lines) {
		d.careful = 0
		return true
	}
	d.careful = base64Careful
	return false
}

// lines decodes whole lines.
func (d *base64Decoder) lines(p []byte) {
	if d.tryBulk(p, true) {
		return
	}
	for len(p) > 0 && !d.lost {
		n := bytes.IndexByte(p, '\n') + 1
		if n == 0 {
			n = len(p)
		}
		if d.ended {
			d.pass(p[:n])
		} else {
			d.judge(p[:n])
		}
		p = p[n:]
	}
}

// judge decodes one line, unless it is text.
func (d *base64Decoder) judge(line []byte) {
	trimmed := bytes.TrimSpace(line)
	if len(trimmed) == 0 {
		d.gap = d.last > 0
		return
	}
	if n := d.endOfPadding(trimmed); n > 0 && len(line) <= base64Line {
		d.lines(trimmed[:n])
		d.lines(trimmed[n:]) // a block of its own, or text without a line end before it
		return
	}
	// QUIRK: an answer quotes base64, with marks before each line.
	is := base64Data
	if len(line) <= base64Line {
		is = d.weigh(quoteBytes.trimLeft(trimmed))
	}
	switch {
	case is == plainText && !d.any:
		d.foreign("text before base64 passed over")
		return
	case is == plainText || is == likelyText:
		if !d.padded && !d.gap && d.last == d.longest && !isRule(trimmed) {
			// Nothing says that base64 has ended before.
			is = likelyText
			d.decode(d.glued(trimmed))
		}
		d.end()
		d.report(ProblemTrailingText, "text behind base64")
		if is == likelyText {
			d.foreign("words behind base64, which may be of it")
		}
		return
	case is == likelyData:
		d.foreign("words within base64, which may be text")
	}
	if len(line) > base64Line {
		d.saw(base64Line)
	} else {
		blanks := countBlanks(trimmed)
		d.saw(len(trimmed) - blanks)
		d.blanks = d.blanks || blanks > 0
	}
	d.decode(line)
}

// end ends the body.
func (d *base64Decoder) end() {
	d.ended = true
	d.incomplete(d.n > 0 || d.owed > 0)
	if d.n > 0 {
		d.decodeQuantum(d.n)
	}
	d.owed = 0
}

// incomplete reports, if it is so, that the last group of four has not all its characters.
func (d *base64Decoder) incomplete(is bool) {
	if is && !d.short {
		d.short = true
		d.report(ProblemMissingPadding, "")
	}
}

// foreign reports what is no base64, the first time.
func (d *base64Decoder) foreign(what string) {
	if !d.illegal {
		d.illegal = true
		d.report(ProblemIllegalBase64, what)
	}
}

// pass passes over a line behind the end. A line of base64 there was to be decoded: the body of
// another part, or more of this one behind a line that was wrongly taken for text.
func (d *base64Decoder) pass(line []byte) {
	line = spaceBytes.trimRight(line)
	blanks := countBlanks(line)
	if n := len(line) - blanks; (n >= sureLine || n == d.longest && (n >= shortestLine || n%4 == 0)) && base64Junk(line) == blanks && !isWords(line) {
		d.lost = true
		d.report(ProblemTrailingBase64, "")
	}
}

// decode decodes character by character.
func (d *base64Decoder) decode(p []byte) {
	for _, c := range p {
		if d.ended {
			return
		}
		switch base64Value(c) {
		case base64Blank:
		case base64Illegal:
			d.foreign("bytes outside the alphabet passed over")
		case base64Pad:
			d.pad()
		default:
			if d.padded && c == '-' {
				if !d.dash {
					d.dash = true
					continue
				}
				// QUIRK: the boundary has no line end before it.
				d.ended = true
				d.report(ProblemTrailingText, "a boundary behind base64, in the same line")
				continue
			}
			if d.dash {
				d.add('-')
			}
			d.add(c)
		}
	}
}

// add takes one character of the alphabet.
func (d *base64Decoder) add(c byte) {
	d.incomplete(d.owed > 0)
	d.padded, d.dash, d.any, d.owed = false, false, true, 0
	d.quantum[d.n] = c
	if d.n++; d.n == 4 {
		d.decodeQuantum(4)
	}
}

// pad ends a block of base64. Behind whole groups of four, padding says nothing.
func (d *base64Decoder) pad() {
	switch {
	case d.n > 0:
		d.incomplete(d.n == 1)
		d.owed = 3 - d.n
		d.decodeQuantum(d.n)
	case d.owed > 0:
		d.owed--
	}
	d.padded = true
}

// decodeQuantum decodes the n characters of the last group of four.
func (d *base64Decoder) decodeQuantum(n int) {
	var bits uint32
	for i := range 4 {
		bits <<= 6
		if i < n {
			bits |= uint32(base64Value(d.quantum[i]))
		}
	}
	d.n = 0
	b := [3]byte{byte(bits >> 16), byte(bits >> 8), byte(bits)}
	// A single character holds no whole byte.
	d.out = append(d.out, b[:n*6/8]...)
}

// Close decodes the rest. It does not close w.
func (d *base64Decoder) Close() error {
	if len(d.line) > 0 && !d.lost {
		d.lines(d.line)
	}
	if !d.ended {
		d.end()
	}
	err := d.flush()
	if d.buffers != nil {
		base64Pool.Put(d.buffers)
		d.buffers, d.out, d.line = nil, nil, nil
	}
	return err
}

func (d *base64Decoder) flush() error {
	if len(d.out) == 0 {
		return nil
	}
	_, err := d.w.Write(d.out)
	d.out = d.out[:0]
	return err
}

// isBase64Line reports whether a line is base64 of printable text, like that of an encoded
// multipart. A word of a preamble most likely is not.
func isBase64Line(line []byte) bool {
	text := decodeB(string(line))
	if len(line) < 16 || len(line)%4 != 0 && len(line) <= base64Line {
		return false
	}
	for _, c := range bytes.TrimRight(line, "=") {
		if base64Value(c) >= base64Blank {
			return false
		}
	}
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c >= 0x7f {
			return false
		}
	}
	return true
}
