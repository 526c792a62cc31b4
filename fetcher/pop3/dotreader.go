package pop3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// body is a message as the server sends it, up to its final dot (RFC 1939
// section 3). It works on the blocks that the connection yields, looks for dots
// instead of line ends, since base64 has none, and moves bytes only to drop stuffed dots.
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
	if content, _ := r.Peek(1); b.lineStart && content[0] == '.' {
		kind, length, err := b.dot()
		switch {
		case err != nil:
			return b.cut(err)
		case kind == finalDot && b.octets >= b.unstuffed:
			r.Discard(length)
			return b.finish()
		}
	}
	content, _ := r.Peek(r.Buffered())
	end, plain, decided := b.unstuff(content)
	r.Discard(end - plain)
	b.plain = plain
	if tail := dotAtEnd(content[decided:end]); tail > 0 && end == len(content) && b.c.commands.waiting == 0 {
		// It may be the final dot of a server that forgets the line end before it.
		end -= tail
		if b.plain -= tail; b.plain == 0 {
			return b.hold(tail)
		}
	}
	b.lineStart = content[end-1] == '\n'
	return nil
}

// unstuff drops the stuffed dots of what is in the buffer, up to end: its end, or a dot that may
// be the final one. The plain bytes before end are then content. A block for each line would cost
// far more than to move the lines together, if they are short. Before decided, no dot is the final
// one.
func (b *body) unstuff(content []byte) (end, plain, decided int) {
	kept := 0 // the content before it has been moved to the front
	end = len(content)
	for from := 0; ; {
		i := bytes.IndexByte(content[from:], '.')
		if i < 0 {
			break
		}
		i += from
		if i > 0 && content[i-1] == '\n' || i == 0 && b.lineStart {
			kind, _ := lineOfDot(content[i:])
			if kind == undecidedDot || kind == finalDot && b.octets+int64(plain+i-kept) >= b.unstuffed {
				end = i
				break
			}
			decided = i + 1
			if kind == stuffedDot && b.unstuffed <= 0 {
				plain += copy(content[plain:], content[kept:i])
				kept = i + 1
				decided = i + 2
			}
		}
		// No other dot of this line matters, however many there are.
		next := bytes.IndexByte(content[i:], '\n') + 1
		if next == 0 {
			break
		}
		from = i + next
	}
	if kept == 0 {
		return end, end, decided
	}
	plain += copy(content[plain:], content[kept:end])
	copy(content[end-plain:end], content[:plain]) // what follows it stays where it is
	return end, plain, decided
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

// dotKind is what a dot at the start of a line is.
type dotKind int

const (
	undecidedDot dotKind = iota // more bytes must tell
	finalDot                    // with CR LF or a bare LF behind it
	stuffedDot
	plainDot // QUIRK: some servers stuff no dots: one before anything but a dot is content
)

// dot looks at the dot that starts the next line. It waits for no more bytes than must tell.
func (b *body) dot() (kind dotKind, length int, err error) {
	for length = 2; kind == undecidedDot; {
		start, err := b.c.wire.r.Peek(length)
		if err != nil {
			return undecidedDot, 0, err
		}
		kind, length = lineOfDot(start)
	}
	return kind, length, nil
}

// lineOfDot looks at a line that begins with a dot. length is how many of its bytes tell: of a
// final dot, all.
func lineOfDot(line []byte) (kind dotKind, length int) {
	switch {
	case len(line) < 2:
		return undecidedDot, 2
	case line[1] == '.':
		return stuffedDot, 2
	case line[1] == '\n':
		return finalDot, 2
	case line[1] != '\r':
		return plainDot, 2
	case len(line) < 3:
		return undecidedDot, 3 // and only now: a bare LF may be all that comes
	case line[2] == '\n':
		return finalDot, 3
	}
	return plainDot, 3
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
