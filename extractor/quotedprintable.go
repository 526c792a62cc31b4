package extractor

import (
	"bytes"
	"io"
)

const (
	// qpBlock is how many decoded bytes are gathered before they are written.
	qpBlock = 32 << 10
	// qpBlanks is how many blanks before a line end are dropped at most.
	qpBlanks = 1 << 10
)

// qpDecoder decodes quoted-printable (RFC 2045 section 6.7), and writes the bytes to w.
// Lines may have any length. Bytes that should have been encoded are kept, and a "=" that
// begins no escape stands for itself. Blanks before a line end are dropped, since transport
// added them (rule 3).
type qpDecoder struct {
	w      io.Writer
	report func(ProblemKind, string)

	out  []byte
	held []byte // blanks, CR or the start of an escape: the next bytes decide
	soft bool   // the line ended in a soft line break
	bad  bool   // a bad escape was reported
}

func (d *qpDecoder) Write(p []byte) (int, error) {
	written := len(p)
	if known := len(d.held); known > 0 {
		// So many bytes decide on anything that is held.
		d.held = append(d.held, p[:min(len(p), 2*qpBlanks)]...)
		n, err := d.decode(d.held)
		if err != nil {
			return 0, err
		}
		if n < known {
			d.held = append(d.held[:0], d.held[n:]...)
			return written, nil
		}
		d.held = d.held[:0]
		p = p[n-known:]
	}
	n, err := d.decode(p)
	d.held = append(d.held, p[n:]...)
	return written, err
}

// decode decodes p, up to an end that more bytes must decide on, and returns how many bytes
// it decoded.
func (d *qpDecoder) decode(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		end := bytes.IndexByte(p[n:], '\n')
		if end < 0 {
			n += d.text(p[n:], false)
			return n, d.flush(qpBlock)
		}
		eol := n + end
		if end > 0 && p[eol-1] == '\r' {
			eol--
		}
		d.soft = false
		if eol > n {
			d.text(p[n:eol], true)
		}
		n += end + 1
		if !d.soft {
			d.out = append(d.out, p[eol:n]...)
		}
		err = d.flush(qpBlock)
	}
	return n, err
}

// text decodes a line without its line end. whole says that all of the line is there. It
// returns how many bytes it decoded.
func (d *qpDecoder) text(p []byte, whole bool) int {
	n := 0
	for {
		i := bytes.IndexByte(p[n:], '=')
		if i < 0 {
			break
		}
		d.out = append(d.out, p[n:n+i]...)
		n += i
		length := d.escape(p[n:], whole)
		if length == 0 {
			return n
		}
		n += length
	}
	end := len(p)
	if !whole && end > n && p[end-1] == '\r' {
		end--
	}
	blanks := end - n - len(blankBytes.trimRight(p[n:end]))
	end -= blanks % qpBlanks
	d.out = append(d.out, p[n:end]...)
	if whole {
		return len(p)
	}
	return end
}

// escape decodes the escape at the beginning of p, a "=", and returns its length; 0 if more
// bytes must decide.
func (d *qpDecoder) escape(p []byte, whole bool) int {
	if len(p) >= 3 {
		hi, ok1 := unhex(p[1])
		lo, ok2 := unhex(p[2])
		if ok1 && ok2 {
			d.out = append(d.out, hi<<4|lo)
			return 3
		}
	}
	// A soft line break: "=", blanks that were added on the way, the line end.
	end := 1
	for end < len(p) && end <= qpBlanks && (p[end] == ' ' || p[end] == '\t') {
		end++
	}
	switch {
	case end > qpBlanks:
	case end == len(p) && whole:
		d.soft = true
		return end
	case end == len(p), !whole && end+1 == len(p) && (p[end] == '\r' || end == 1):
		return 0
	case p[end] == '\r': // a bare one
		return end + 1
	}
	d.reportBad()
	d.out = append(d.out, '=')
	return 1
}

func (d *qpDecoder) reportBad() {
	if !d.bad {
		d.bad = true
		d.report(ProblemBadEscape, "")
	}
}

// flush writes the decoded bytes if there are at least so many.
func (d *qpDecoder) flush(least int) error {
	if len(d.out) < least || len(d.out) == 0 {
		return nil
	}
	_, err := d.w.Write(d.out)
	d.out = d.out[:0]
	return err
}

// Close decodes the rest. It does not close w. At the very end, blanks are dropped, "=" is a
// soft line break, and anything else is kept.
func (d *qpDecoder) Close() error {
	held := d.held
	d.held = nil
	switch text := bytes.TrimRight(bytes.TrimSuffix(held, []byte("\r")), " \t"); {
	case len(text) == 0:
		d.out = append(d.out, held[len(bytes.TrimSuffix(held, []byte("\r"))):]...)
	case len(text) == 2:
		d.reportBad()
		d.out = append(d.out, held...)
	}
	return d.flush(0)
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
