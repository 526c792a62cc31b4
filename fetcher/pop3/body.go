package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// body reads a message up to its terminating line and takes off the dots that
// the server stuffed (RFC 1939 section 3). It works on whole stretches of the
// read buffer and looks for dots at the beginning of lines only.
type body struct {
	c    *Client
	what string // "RETR 3"
	run  []byte // of the buffer, ready to be given out
	skip int    // bytes of the buffer that run and what follows it take up

	lineStart bool
	done      bool
}

func newBody(c *Client, what string) *body { return &body{c: c, what: what, lineStart: true} }

// Read gives out what is buffered, at least a byte.
func (b *body) Read(p []byte) (int, error) {
	for len(b.run) == 0 {
		if err := b.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.run)
	b.run = b.run[n:]
	return n, nil
}

// WriteTo gives w the message in stretches of the read buffer, without copying.
func (b *body) WriteTo(w io.Writer) (total int64, err error) {
	for {
		for len(b.run) == 0 {
			if err := b.fill(); err != nil {
				if errors.Is(err, io.EOF) {
					return total, nil
				}
				return total, err
			}
		}
		n, err := w.Write(b.run)
		total += int64(n)
		b.run = b.run[n:]
		if err != nil {
			return total, err
		}
	}
}

var (
	lineDot     = []byte("\n.")
	stuffed     = []byte("..")
	terminator  = []byte(".\r\n")
	terminator2 = []byte(".\n")
)

// fill makes the next stretch of the message available: up to a dot that begins
// a line, or all that is buffered.
func (b *body) fill() error {
	if b.c.err != nil {
		return b.c.err
	}
	if b.done {
		return io.EOF
	}
	b.c.r.Discard(b.skip)
	b.skip = 0
	if b.c.r.Buffered() == 0 {
		if _, err := b.c.r.Peek(1); err != nil {
			return b.broken(err)
		}
	}
	data, _ := b.c.r.Peek(b.c.r.Buffered())
	if b.lineStart && data[0] == '.' {
		return b.dot(data)
	}
	if i := bytes.Index(data, lineDot); i >= 0 {
		data = data[:i+1]
	}
	b.lineStart = data[len(data)-1] == '\n'
	b.run, b.skip = data, len(data)
	return nil
}

// dot handles a dot at the beginning of a line.
func (b *body) dot(data []byte) error {
	// Three bytes tell the terminating line from all else.
	if len(data) < 3 && !bytes.HasPrefix(data, terminator2) && !bytes.HasPrefix(data, stuffed) {
		var err error
		if data, err = b.c.r.Peek(len(data) + 1); err != nil {
			return b.broken(err)
		}
		if len(data) < 3 && !bytes.HasPrefix(data, terminator2) && !bytes.HasPrefix(data, stuffed) {
			return nil // Read asks again, with one more byte there
		}
	}
	end := 0
	switch {
	case bytes.HasPrefix(data, terminator):
		end = len(terminator)
	case bytes.HasPrefix(data, terminator2):
		end = len(terminator2)
	}
	if end > 0 {
		b.c.r.Discard(end)
		b.done, b.c.received = true, true
		return io.EOF
	}
	b.lineStart = false
	if bytes.HasPrefix(data, stuffed) {
		b.c.r.Discard(1)
		b.run, b.skip = data[1:2], 1
		return nil
	}
	// QUIRK: a server that does not stuff sends ".x" for ".x": its dot belongs
	// to the message.
	b.run, b.skip = data[:1], 1
	return nil
}

func (b *body) broken(err error) error {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("connection ended in the middle: %w", io.ErrUnexpectedEOF)
	}
	return b.c.fail(fmt.Errorf("read %s: %w", b.what, err))
}

// Close skips what was not read, so that the session can go on.
func (b *body) Close() error {
	if b.done && len(b.run) == 0 {
		return nil
	}
	_, err := b.WriteTo(io.Discard)
	return err
}
