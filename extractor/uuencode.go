package extractor

import (
	"bytes"
	"io"
)

// longestTextLine is the longest line of a text, in bytes, that is looked at as a whole.
// Encoded lines have 61 to some hundred characters.
const longestTextLine = 1 << 10

// uuValue returns the six bits of a character. A line's first character has the line's
// length. A blank and a grave accent both stand for zero.
func uuValue(c byte) byte { return (c - ' ') & 0x3f }

// decodeUULine decodes a line without its end (POSIX uuencode), and appends the bytes to
// out. It makes up for blanks at the end, which gateways cut off. It passes over one or two
// characters too many, the check sums of old encoders.
func decodeUULine(out, line []byte) ([]byte, bool) {
	if len(line) == 0 || line[0] < ' ' || line[0] > '`' {
		return out, false
	}
	for _, c := range line {
		if c < ' ' || c > '`' {
			return out, false
		}
	}
	n := int(uuValue(line[0]))
	data := line[1:]
	needed := (n + 2) / 3 * 4
	if len(data) > needed+2 && len(bytes.TrimRight(data[needed:], " ")) > 2 {
		return out, false
	}
	at := func(i int) byte {
		if i < len(data) {
			return uuValue(data[i])
		}
		return 0
	}
	end := len(out) + n
	for i := 0; i < n; i += 3 {
		j := i / 3 * 4
		if j >= len(data) {
			out = append(out, uuZeros[:n-i]...)
			break
		}
		a, b, c, d := at(j), at(j+1), at(j+2), at(j+3)
		out = append(out, a<<2|b>>4, b<<4|c>>2, c<<6|d)
	}
	return out[:end], true
}

// uuZeros are what blanks that were cut off stand for.
var uuZeros [63]byte

// uuBegin reads the first line of a uuencoded file: "begin 644 name", or "begin-base64 644
// name" from newer encoders.
func uuBegin(line []byte) (name string, inBase64, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("begin"))
	if !ok {
		return "", false, false
	}
	if r, ok := bytes.CutPrefix(rest, []byte("-base64")); ok {
		rest, inBase64 = r, true
	}
	if len(rest) == 0 || rest[0] != ' ' {
		return "", false, false
	}
	rest = bytes.TrimLeft(rest, " ")
	mode := 0
	for mode < len(rest) && rest[mode] >= '0' && rest[mode] <= '7' {
		mode++
	}
	if mode < 3 || mode > 6 || mode < len(rest) && rest[mode] != ' ' {
		return "", false, false
	}
	return string(bytes.TrimSpace(rest[mode:])), inBase64, true
}

// isUUEnd reports whether a line ends a uuencoded file.
func isUUEnd(line []byte) bool { return string(bytes.TrimSpace(line)) == "end" }

// lines splits what is written to it into lines, which end with LF, CRLF or CR. A line that
// two blocks share is put together.
type lines struct {
	held   []byte // the beginning of a line
	long   bool   // within a line longer than longestTextLine
	wasCR  bool   // the last block ended in CR, and LF may follow
	bounds func(line []byte) error
	stop   bool // set by bounds to leave the rest of what is written to the caller
}

// write hands every whole line on, without its end. It cuts a line that is too long. It
// returns how many bytes of p it took: all of them, unless bounds stops it.
func (l *lines) write(p []byte) (int, error) {
	lf := -1 // the next LF from n on. Between lines that end with CR, it is looked for once
	for n := 0; n < len(p); {
		if l.wasCR {
			l.wasCR = false
			if p[n] == '\n' {
				n++
				continue
			}
		}
		if lf < n {
			if lf = bytes.IndexByte(p[n:], '\n') + n; lf < n {
				lf = len(p)
			}
		}
		end := lf
		if cr := bytes.IndexByte(p[n:lf], '\r'); cr >= 0 {
			end = n + cr
		}
		if end == len(p) {
			l.hold(p[n:])
			break
		}
		line := p[n:min(end, n+longestTextLine)]
		if len(l.held) > 0 || l.long {
			l.hold(line)
			line = l.held
		}
		l.wasCR = p[end] == '\r'
		n = end + 1
		l.held, l.long = l.held[:0], false
		if err := l.bounds(line); err != nil || l.stop {
			l.stop = false
			return n, err
		}
	}
	return len(p), nil
}

func (l *lines) hold(p []byte) {
	if room := longestTextLine - len(l.held); len(p) > room {
		p, l.long = p[:room], true
	}
	l.held = append(l.held, p...)
}

// close hands on a last line that has no end.
func (l *lines) close() error {
	if len(l.held) == 0 {
		return nil
	}
	line := l.held
	l.held = nil
	return l.bounds(line)
}

// uuDecoder decodes a body whose transfer encoding is uuencode. A body that is not
// uuencoded at all is passed on as it is.
type uuDecoder struct {
	w      io.Writer
	report func(ProblemKind, string)
	named  func(name string) // is called with the name in the body

	lines lines
	raw   []byte // the beginning, until it is known whether it is uuencoded
	out   []byte
	state uuState
}

type uuState int

const (
	uuBefore   uuState = iota // no line of the file was seen
	uuWithin                  // in the file
	uuAfter                   // behind it
	uuIdentity                // there is none
)

const (
	// uuPreface is how many bytes of text may stand before the file.
	uuPreface = 64 << 10
	// uuBlock is how many decoded bytes are gathered before they are written.
	uuBlock = 32 << 10
)

func (d *uuDecoder) Write(p []byte) (int, error) {
	n := len(p)
	if d.lines.bounds == nil {
		d.lines.bounds = d.line
	}
	for len(p) > 0 && d.state == uuBefore {
		// Line by line, so that the outcome does not depend on the blocks.
		k := bytes.IndexAny(p, "\r\n") + 1
		if k == 0 {
			k = len(p)
		}
		if len(d.raw)+k > uuPreface {
			d.state = uuIdentity
			d.report(ProblemEncoding, "said to be uuencoded")
			if _, err := d.w.Write(d.raw); err != nil {
				return 0, err
			}
			d.raw = nil
			break
		}
		d.raw = append(d.raw, p[:k]...)
		if _, err := d.lines.write(p[:k]); err != nil {
			return 0, err
		}
		p = p[k:]
	}
	switch d.state {
	case uuIdentity:
		if _, err := d.w.Write(p); err != nil {
			return 0, err
		}
	case uuWithin:
		d.raw = nil
		if _, err := d.lines.write(p); err != nil {
			return 0, err
		}
	}
	return n, nil
}

func (d *uuDecoder) line(line []byte) error {
	switch d.state {
	case uuBefore:
		if name, inBase64, ok := uuBegin(line); ok && !inBase64 {
			d.state = uuWithin
			d.named(name)
			return nil
		}
		// QUIRK: the line "begin" is missing, as in a piece of a file.
		out, ok := decodeUULine(d.out, line)
		if ok && line[0] == 'M' && len(out) == 45 {
			d.report(ProblemUUEncode, "no begin line")
			d.state, d.out = uuWithin, out
		}
	case uuWithin:
		if isUUEnd(line) {
			d.state = uuAfter
			return d.flush(1)
		}
		if len(line) == 0 {
			return nil
		}
		out, ok := decodeUULine(d.out, line)
		if !ok {
			d.report(ProblemUUEncode, "line passed over")
			return nil
		}
		d.out = out
		return d.flush(uuBlock)
	}
	return nil
}

// flush writes the decoded bytes if there are at least so many.
func (d *uuDecoder) flush(least int) error {
	if len(d.out) < least {
		return nil
	}
	_, err := d.w.Write(d.out)
	d.out = d.out[:0]
	return err
}

// Close decodes the rest. It does not close w.
func (d *uuDecoder) Close() error {
	if d.lines.bounds != nil {
		if err := d.lines.close(); err != nil {
			return err
		}
	}
	switch d.state {
	case uuBefore:
		if len(d.raw) > 0 {
			d.report(ProblemEncoding, "said to be uuencoded")
			_, err := d.w.Write(d.raw)
			return err
		}
	case uuWithin:
		d.report(ProblemUUEncode, "no end line")
		return d.flush(1)
	}
	return nil
}
