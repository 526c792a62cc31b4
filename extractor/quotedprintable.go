package extractor

import (
	"bytes"
	"io"
)

// qpBlock is how much decoded text is gathered before it is written.
const qpBlock = 32 << 10

// qpDecoder decodes quoted-printable (RFC 2045 section 6.7) and writes the bytes
// to w. Lines may have any length, bytes that should have been encoded are kept,
// and a "=" that begins no escape stands for itself. Blanks before a line end are
// dropped, as the RFC says, since they were added on the way.
type qpDecoder struct {
	w      io.Writer
	report func(ProblemKind, string)

	out  []byte
	held []byte // blanks that may stand before a line end, or the start of an escape
}

func (d *qpDecoder) Write(p []byte) (int, error) {
	written := len(p)
	if len(d.held) > 0 {
		p = append(d.held, p...)
		d.held = nil
	}
	for len(p) > 0 {
		i := bytes.IndexAny(p, "= \t\r")
		if i < 0 {
			i = len(p)
		}
		d.out = append(d.out, p[:i]...)
		p = p[i:]
		if len(d.out) >= qpBlock {
			if err := d.flush(); err != nil {
				return 0, err
			}
		}
		if len(p) == 0 {
			break
		}
		var n int
		if p[0] == '=' {
			n = d.escape(p)
		} else {
			n = d.blanks(p)
		}
		if n == 0 { // more is needed to tell
			d.held = bytes.Clone(p)
			break
		}
		p = p[n:]
	}
	return written, nil
}

// escape handles what begins with "=" and returns how long it is, 0 when more is
// needed to tell.
func (d *qpDecoder) escape(p []byte) int {
	if len(p) >= 3 {
		hi, ok1 := unhex(p[1])
		lo, ok2 := unhex(p[2])
		if ok1 && ok2 {
			d.out = append(d.out, hi<<4|lo)
			return 3
		}
	}
	// A soft line break: "=", blanks that were added on the way, a line end.
	end := 1
	for end < len(p) && (p[end] == ' ' || p[end] == '\t') {
		end++
	}
	switch rest := p[end:]; {
	case len(rest) > 0 && rest[0] == '\n':
		return end + 1
	case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
		return end + 2
	case len(rest) > 1 && rest[0] == '\r':
		return end + 1
	case len(rest) == 0 && end < base64Line || len(rest) == 1 && rest[0] == '\r':
		return 0
	}
	if len(p) < 3 {
		return 0
	}
	d.report(ProblemBadEscape, "")
	d.out = append(d.out, '=')
	return 1
}

// blanks handles blanks and CR, which count unless a line end follows them.
func (d *qpDecoder) blanks(p []byte) int {
	end := 0
	for end < len(p) && (p[end] == ' ' || p[end] == '\t') {
		end++
	}
	if end == len(p) {
		if end > base64Line { // no line end in sight: keep them
			d.out = append(d.out, p[:end]...)
			return end
		}
		return 0
	}
	switch p[end] {
	case '\n':
		return end // dropped; the line end itself is copied next
	case '\r':
		if end+1 == len(p) {
			return 0
		}
		if p[end+1] == '\n' {
			if end > 0 {
				return end
			}
			d.out = append(d.out, '\r', '\n')
			return 2
		}
		d.out = append(append(d.out, p[:end]...), '\r')
		return end + 1
	}
	d.out = append(d.out, p[:end]...)
	return end
}

func (d *qpDecoder) flush() error {
	if len(d.out) == 0 {
		return nil
	}
	_, err := d.w.Write(d.out)
	d.out = d.out[:0]
	return err
}

// Close decodes what is left, without closing w.
func (d *qpDecoder) Close() error {
	// What was held stands at the very end: blanks are dropped, "=" is a soft
	// line break, and anything else is kept.
	held := bytes.TrimRight(d.held, " \t")
	if !bytes.Equal(bytes.TrimRight(held, "\r"), []byte("=")) {
		d.out = append(d.out, held...)
	}
	d.held = nil
	return d.flush()
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
