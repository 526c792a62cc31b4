package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
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
	probed    bool  // NOOP was sent to find out whether the message is over
	unstuffed int64 // if positive, no dot is stuffed, and the message has so many octets
	err       error // io.EOF after the final dot
}

// messages is what is known of the messages that are read one after the other.
type messages struct {
	body      *body             // the one that is being read, nil for none
	ended     int               // number of the one that ended last, plus 1; 0 once a reply came
	noCRLF    bool              // one's final dot did not start a line
	unstuffed func(n int) int64 // see Unstuffed; nil for never
}

// Unstuffed announces messages that a server may have sent without stuffing dots: octets returns
// the size that it lists for message n. Where that is positive, a dot at the start of a line is
// text, a lone dot too, until that many octets have come. A message that is shorter then has no
// end.
func (c *Client) Unstuffed(octets func(n int) int64) { c.message.unstuffed = octets }

func (c *Client) newBody(n int) *body {
	b := &body{c: c, n: n, lineStart: true}
	if c.message.unstuffed != nil {
		b.unstuffed = c.message.unstuffed(n)
	}
	c.message.body = b
	c.wire.conn.idle(c.timeouts.Idle)
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
	content, _ := b.c.wire.r.Peek(b.plain)
	n := copy(p, content)
	b.consume(n)
	return n, nil
}

// WriteTo writes the message's bytes to w without copying them on the way.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	for written := int64(0); ; {
		if err := b.advance(); err != nil {
			if err == io.EOF { // a wrapped one is a message that was cut
				err = nil
			}
			return written, err
		}
		content, _ := b.c.wire.r.Peek(b.plain)
		n, err := w.Write(content)
		b.consume(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
}

// drain reads the message to its end.
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
	b.c.wire.r.Discard(n) // which is in the buffer
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
	r := b.c.wire.r
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
		case end > 0 && b.octets >= b.unstuffed:
			r.Discard(end)
			return b.finish()
		case stuffed && b.unstuffed <= 0:
			r.Discard(1)
		}
		content, _ = r.Peek(r.Buffered())
		from = 1 // past the dot, which is content
	}
	b.plain = len(content)
	tail := dotAtEnd(content[from:])
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
	if tail > 0 && b.plain == len(content) && b.c.commands.waiting == 0 {
		// It may be the final dot of a server that forgets the line end before it.
		if b.plain -= tail; b.plain == 0 {
			return b.hold(tail)
		}
	}
	b.lineStart = content[b.plain-1] == '\n'
	return nil
}

// dotAtEnd returns how many bytes at the end of content could be the start, or
// the whole, of a dot with its line end.
func dotAtEnd(content []byte) int {
	for n, tail := range []string{".\r\n", ".\r", "."} {
		if bytes.HasSuffix(content, []byte(tail)) {
			return 3 - n
		}
	}
	return 0
}

// hold waits for what follows a dot at the end of all that came, tail bytes from the
// end, if no other command is in flight. QUIRK: Exchange 2000 sends the final dot
// behind a last line without CR LF. To find out, NOOP is sent after a pause: a server
// within a message sends the rest of it, and a server that is through answers. An
// earlier NOOP would do no harm; the pause is for servers that dislike commands ahead.
func (b *body) hold(tail int) error {
	c := b.c
	const whole = len(".\r\n")
	if tail == whole {
		pause := c.timeouts.Idle / 16
		if c.message.noCRLF {
			pause /= 8
		}
		c.wire.conn.pause(pause)
	}
	_, err := c.wire.r.Peek(tail + 1)
	c.wire.conn.pause(c.timeouts.Idle)
	switch {
	case tail == whole && timedOut(err):
		return b.probe(whole)
	case err != nil:
		return b.cut(err)
	}
	return b.advance()
}

// probe sends NOOP and looks whether the reply comes next, behind skip bytes.
func (b *body) probe(skip int) error {
	c := b.c
	c.log.sent("NOOP", nil)
	c.commands.waiting++
	b.probed = true
	if _, err := c.wire.w.Write([]byte("NOOP\r\n")); err != nil {
		return b.fail(c.writeError(err))
	}
	for n := skip + 1; n <= skip+maxReply; n = c.wire.r.Buffered() + 1 {
		if _, err := c.wire.r.Peek(n); err != nil {
			return b.cut(err)
		}
		input, _ := c.wire.r.Peek(c.wire.r.Buffered())
		end := bytes.IndexByte(input[skip:], '\n')
		if end < 0 {
			continue
		}
		line := bytes.TrimSuffix(input[skip:skip+end], []byte("\r"))
		if s, _ := parseReply(line); s == statusNone {
			break
		}
		c.log.received(line)
		c.commands.waiting--
		c.message.noCRLF, b.probed = true, false
		c.wire.r.Discard(skip + end + 1)
		return b.finish()
	}
	return b.advance() // which holds no dot back any more
}

// dot looks at a dot that starts a line: end is the length of the final dot with
// its line end, CR LF or a bare LF, or 0. QUIRK: some servers stuff no dots, so
// one that is followed by anything but another dot is content.
func (b *body) dot() (end int, stuffed bool, err error) {
	start, err := b.c.wire.r.Peek(2)
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
		if start, err = b.c.wire.r.Peek(3); err != nil {
			return 0, false, err
		}
		if start[2] == '\n' {
			return 3, false, nil
		}
	}
	return 0, false, nil
}

func (b *body) finish() error {
	if b.probed {
		if _, err := b.c.reply("NOOP"); err != nil && b.c.err != nil {
			return b.fail(err)
		}
	}
	b.err = io.EOF
	b.c.message.body, b.c.message.ended = nil, b.n+1
	b.c.log.elided(b.octets, "bytes")
	return io.EOF
}

// cut breaks the client because the connection ended before the message did.
func (b *body) cut(err error) error {
	where := fmt.Sprintf("after %d bytes of message %d", b.octets, b.n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("server closed the connection %s: %w", where, io.ErrUnexpectedEOF)
	case timedOut(err):
		text, limit := b.c.wire.conn.patience()
		err = &timeoutError{text + " " + where, limit, errors.Join(err, io.ErrUnexpectedEOF)}
	default:
		err = fmt.Errorf("connection failed %s: %w (%w)", where, io.ErrUnexpectedEOF, err)
	}
	return b.fail(err)
}

func (b *body) fail(err error) error {
	b.err = b.c.fail(err)
	b.c.message.body = nil
	return b.err
}
