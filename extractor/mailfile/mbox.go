package mailfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Mbox calls each for every message of an mbox file (RFC 4155), without its postmark and
// without the blank line at its end. It skips the bytes of a message that each leaves
// unread. An error of each ends it and is returned as it is.
//
// A postmark is a line "From " with a sender and a time of day. It is the first line of the
// file, or stands behind a blank line. The dialects of mbox agree on no more than that. Mbox
// takes one ">" off a line that begins with ">From ", ">>From " and so on, as mboxrd writes
// it; a dialect that quotes less looks the same.
func Mbox(r *bufio.Reader, each func(io.Reader) error) error {
	line, err := r.Peek(5)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read mbox: %w", err)
	}
	if len(line) == 0 {
		return nil
	}
	m := &mboxMessage{r: r, lineStart: true, afterBlank: true}
	for m.next() {
		if err := each(m); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, m); err != nil {
			return fmt.Errorf("read mbox: %w", err)
		}
	}
	if m.err != nil && !errors.Is(m.err, io.EOF) {
		return fmt.Errorf("read mbox: %w", m.err)
	}
	return nil
}

// mboxMessage reads the messages of an mbox, one after the other.
type mboxMessage struct {
	r          *bufio.Reader
	pending    []byte // not yet given out; in the reader's buffer or in blank
	blank      []byte // a blank line held back: it may be the separator
	held       bool
	lineStart  bool // the next byte begins a line
	afterBlank bool // the line before was blank, or there was none
	ended      bool // at the next message's postmark
	err        error
}

// next moves behind the next message's postmark.
func (m *mboxMessage) next() bool {
	if m.err != nil {
		return false
	}
	m.ended, m.held, m.afterBlank = false, false, false
	for {
		_, err := m.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			m.err = err
			return false
		}
		return true
	}
}

// Read returns the message line by line, at most a buffer at a time.
func (m *mboxMessage) Read(p []byte) (int, error) {
	for len(m.pending) == 0 {
		if m.ended {
			return 0, io.EOF
		}
		if m.err != nil {
			return 0, m.err
		}
		m.fill()
	}
	n := copy(p, m.pending)
	m.pending = m.pending[n:]
	return n, nil
}

// fill reads one line, or a part of an over-long one.
func (m *mboxMessage) fill() {
	if m.lineStart && m.afterBlank {
		start, _ := m.r.Peek(256)
		if isPostmark(firstLine(start)) {
			m.ended, m.held = true, false
			return
		}
		if m.held && len(start) > 0 {
			// The blank line is no separator: it belongs to the message.
			m.held = false
			m.pending = m.blank
			return
		}
	}
	line, err := m.r.ReadSlice('\n')
	whole := err == nil
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		m.err = err
	}
	if m.lineStart {
		if whole && len(bytes.TrimRight(line, "\r\n")) == 0 {
			m.blank, m.held, m.afterBlank = append(m.blank[:0], line...), true, true
			return
		}
		if quoted := bytes.TrimLeft(line, ">"); len(quoted) < len(line) && bytes.HasPrefix(quoted, []byte("From ")) {
			line = line[1:]
		}
	}
	m.afterBlank = false
	m.lineStart = whole
	m.pending = line
}

// isPostmark reports whether a line is "From sender ... hh:mm ...". The time tells it from a
// sentence that begins with "From".
func isPostmark(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("From "))
	if !ok {
		return false
	}
	for i := 1; i+2 < len(rest); i++ {
		if rest[i] == ':' && isDigit(rest[i-1]) && isDigit(rest[i+1]) && isDigit(rest[i+2]) {
			return true
		}
	}
	return false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
