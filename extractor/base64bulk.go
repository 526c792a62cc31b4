package extractor

import (
	"bytes"
	"slices"

	"github.com/segmentio/asm/base64"
)

// bulk decodes a piece of the alphabet and line ends. It reports false, with nothing
// changed, if anything else is in it.
func (d *base64Decoder) bulk(piece []byte, lines bool) bool {
	decoded, lineEnd := d.bulkOf(piece, lines, lines)
	if lineEnd {
		decoded, _ = d.bulkOf(piece, lines, false)
	}
	return decoded
}

// bulkOf is bulk. usual says that the lines may be the usual ones. Where they are not, a lineEnd
// may have been taken for a character, and they must be looked at one by one.
func (d *base64Decoder) bulkOf(piece []byte, lines, usual bool) (decoded, lineEnd bool) {
	s := append(d.buffers.stripped[:0], d.quantum[:d.n]...)
	shape := d.shape
	if usual {
		var n int
		if s, n = appendUsualLines(s, piece); n > 0 {
			shape.saw(usualLine)
			piece = piece[n:]
		}
	}
	for len(piece) > 0 {
		line, rest, long := piece, []byte(nil), false
		if i := bytes.IndexByte(piece, '\n'); i >= 0 {
			line, rest, long = piece[:i], piece[i+1:], i >= base64Line
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		switch n := len(line); {
		case n == 0:
			shape.gap = shape.last > 0
		case long:
			shape.saw(base64Line)
		default:
			shape.saw(n)
		}
		s, piece = append(s, line...), rest
	}
	whole := len(s) &^ 3
	start := len(d.out)
	d.out = slices.Grow(d.out, whole/4*3)
	out := d.out[start:cap(d.out)]
	n, err := base64.RawStdEncoding.Decode(out, s[:whole])
	valid := err == nil && n == whole/4*3 // RawStdEncoding skips line ends: the count tells
	for _, c := range s[whole:] {
		valid = valid && base64Value(c) < base64Blank
	}
	if !valid {
		return false, usual && bytes.IndexByte(s, '\n') >= 0
	}
	d.out = d.out[:start+n]
	if lines {
		d.shape = shape
	}
	d.any = d.any || len(s) > 0
	d.n = copy(d.quantum[:], s[whole:])
	return true, false
}

// usualLine is how many characters almost every line of base64 has (RFC 2045 section 6.8).
const usualLine = 76

// appendUsualLines appends the characters of the usual lines that piece begins with, and returns
// how many bytes of piece they are. A search for each line's end would take longer than to decode
// it. Three lines of 24 are as wide as a usual one: a line end may be among the characters.
func appendUsualLines(s, piece []byte) ([]byte, int) {
	const width = usualLine + len("\r\n")
	// A line is copied in registers, which takes less time than a call of memmove. Four bytes more
	// than the line has are copied, and the next line overwrites them.
	const moved = 5 * 16
	n, at := 0, len(s)
	free := s[:cap(s)]
	for len(piece)-n >= moved && len(free)-at >= moved && piece[n+usualLine] == '\r' && piece[n+usualLine+1] == '\n' {
		to, from := (*[moved]byte)(free[at:]), (*[moved]byte)(piece[n:])
		*(*[16]byte)(to[0:]) = [16]byte(from[0:])
		*(*[16]byte)(to[16:]) = [16]byte(from[16:])
		*(*[16]byte)(to[32:]) = [16]byte(from[32:])
		*(*[16]byte)(to[48:]) = [16]byte(from[48:])
		*(*[16]byte)(to[64:]) = [16]byte(from[64:])
		at, n = at+usualLine, n+width
	}
	return free[:at], n
}
