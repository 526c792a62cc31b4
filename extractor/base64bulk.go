package extractor

import (
	"bytes"
	"slices"

	"github.com/segmentio/asm/base64"
)

// bulk decodes a piece of the alphabet and line ends. It reports false, with nothing
// changed, if anything else is in it.
func (d *base64Decoder) bulk(piece []byte, lines bool) bool {
	s := append(d.buffers.stripped[:0], d.quantum[:d.n]...)
	longest, last, gap := d.longest, d.last, d.gap
	if lines {
		var n int
		if s, n = appendUsualLines(s, piece); n > 0 {
			longest, last, gap, piece = max(longest, usualLine), usualLine, false, piece[n:]
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
			gap = last > 0
		case long:
			longest, last, gap = max(longest, base64Line), base64Line, false
		default:
			longest, last, gap = max(longest, n), n, false
		}
		s, piece = append(s, line...), rest
	}
	whole := len(s) &^ 3
	start := len(d.out)
	d.out = slices.Grow(d.out, whole/4*3)
	out := d.out[start:cap(d.out)]
	n, err := base64.RawStdEncoding.Decode(out, s[:whole])
	if err != nil || n != whole/4*3 {
		// RawStdEncoding skips a bare CR within a line: the count tells.
		return false
	}
	for _, c := range s[whole:] {
		if base64Value(c) >= base64Blank {
			return false
		}
	}
	d.out = d.out[:start+n]
	if lines {
		d.longest, d.last, d.gap = longest, last, gap
	}
	d.any = d.any || len(s) > 0
	d.n = copy(d.quantum[:], s[whole:])
	return true
}

// usualLine is how many characters almost every line of base64 has (RFC 2045 section 6.8).
const usualLine = 76

// appendUsualLines appends the characters of the usual lines that piece begins with, and returns
// how many bytes of piece they are. A search for each line's end would take longer than to decode
// it.
func appendUsualLines(s, piece []byte) ([]byte, int) {
	const width = usualLine + len("\r\n")
	start, n := len(s), 0
	for len(piece)-n >= width && piece[n+usualLine] == '\r' && piece[n+usualLine+1] == '\n' && cap(s)-len(s) >= usualLine {
		at := len(s)
		s = s[:at+usualLine]
		*(*[usualLine]byte)(s[at:]) = [usualLine]byte(piece[n:])
		n += width
	}
	if bytes.IndexByte(s[start:], '\n') >= 0 {
		return s[:start], 0 // three lines of 24 are as wide
	}
	return s, n
}
