package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
)

// body is a message as the server sends it, up to its final dot (RFC 1939
// section 3). It works on the blocks that the connection yields, looks for dots
// instead of line ends, since base64 has none, and copies nothing.
type body struct {
	c         *Client
	n         int   // the message's number
	octets    int64 // given out so far
	plain     int   // bytes at the front of the buffer that are known to be content
	lineStart bool  // what follows those starts a line
	err       error // io.EOF after the final dot
}

func (c *Client) newBody(n int) *body {
	b := &body{c: c, n: n, lineStart: true}
	c.body = b
	c.conn.idle(c.timeouts.Idle)
	return b
}

// Read returns the message's bytes. It returns io.EOF only after the final dot;
// a message that is cut before it ends with an error that wraps
// io.ErrUnexpectedEOF.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.advance(); err != nil {
		return 0, err
	}
	content, _ := b.c.r.Peek(b.plain)
	n := copy(p, content)
	b.consume(n)
	return n, nil
}

// WriteTo writes the message's bytes to w without copying them on the way.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	for written := int64(0); ; {
		if err := b.advance(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return written, err
		}
		content, _ := b.c.r.Peek(b.plain)
		n, err := w.Write(content)
		b.consume(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// Close reads a short rest of the message to keep the client usable, and breaks
// the client for a long one.
func (b *body) Close() error {
	if b.err != nil {
		return nil
	}
	for drained := 0; drained < maxDrain; {
		if err := b.advance(); err != nil {
			return nil // the end, or a fault that every later call returns
		}
		drained += b.plain
		b.consume(b.plain)
	}
	b.fail(fmt.Errorf("message %d was not read to its end", b.n))
	return nil
}

func (b *body) drain() error {
	for {
		if err := b.advance(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		b.consume(b.plain)
	}
}

func (b *body) consume(n int) {
	b.c.r.Discard(n) // which is in the buffer
	b.plain -= n
	b.octets += int64(n)
}

// advance makes sure that there is content at the front of the buffer.
func (b *body) advance() error {
	if b.err != nil || b.plain > 0 {
		return b.err
	}
	if b.c.err != nil {
		b.err = b.c.err // closed, or cancelled, while the message was being read
		return b.err
	}
	r := b.c.r
	if r.Buffered() == 0 {
		if _, err := r.Peek(1); err != nil {
			return b.cut(err)
		}
	}
	content, _ := r.Peek(r.Buffered())
	from := 0
	if b.lineStart && content[0] == '.' {
		end, stuffed, err := b.dot()
		switch {
		case err != nil:
			return b.cut(err)
		case end > 0:
			r.Discard(end)
			return b.finish()
		case stuffed:
			r.Discard(1)
		}
		content, _ = r.Peek(r.Buffered())
		from = 1 // past the dot, which is content
	}
	b.plain = len(content)
	for {
		i := bytes.IndexByte(content[from:], '.')
		if i < 0 {
			break
		}
		i += from
		if i > 0 && content[i-1] == '\n' {
			b.plain = i
			break
		}
		// No other dot of this line matters, however many there are.
		end := bytes.IndexByte(content[i:], '\n')
		if end < 0 {
			break
		}
		from = i + end + 1
	}
	b.lineStart = content[b.plain-1] == '\n'
	return nil
}

// dot looks at a dot that starts a line: end is the length of the final dot with
// its line end, CR LF or a bare LF, or 0. QUIRK: some servers stuff no dots, so
// one that is followed by anything but another dot is content.
func (b *body) dot() (end int, stuffed bool, err error) {
	start, err := b.c.r.Peek(2)
	if err != nil {
		return 0, false, err
	}
	switch start[1] {
	case '.':
		return 0, true, nil
	case '\n':
		return 2, false, nil
	case '\r':
		// One byte more, and only now: a bare LF may be all that comes.
		if start, err = b.c.r.Peek(3); err != nil {
			return 0, false, err
		}
		if start[2] == '\n' {
			return 3, false, nil
		}
	}
	return 0, false, nil
}

func (b *body) finish() error {
	b.err = io.EOF
	b.c.body, b.c.ended = nil, b.n
	if b.c.trace != nil {
		b.c.traceElided(fmt.Sprintf("%d bytes", b.octets))
	}
	return io.EOF
}

// cut is the end of the connection before that of the message.
func (b *body) cut(err error) error {
	where := fmt.Sprintf("after %d bytes of message %d", b.octets, b.n)
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("server closed the connection %s: %w", where, io.ErrUnexpectedEOF)
	case errors.As(err, &timeout) && timeout.Timeout():
		text := fmt.Sprintf("server sent nothing for %v %s", b.c.timeouts.Idle, where)
		err = &timeoutError{text, errors.Join(err, io.ErrUnexpectedEOF)}
	default:
		err = fmt.Errorf("connection failed %s: %w (%w)", where, io.ErrUnexpectedEOF, err)
	}
	return b.fail(err)
}

func (b *body) fail(err error) error {
	b.err = b.c.fail(err)
	b.c.body = nil
	return b.err
}
