package pop3

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// bufferSize is that of the read buffer. It bounds what a line may need before
// it is found too long, and is several TLS records.
const bufferSize = 64 << 10

// readers are the buffers of clients that are closed, most of what a poll that finds nothing new allocates.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufferSize) }}

// Client is a connection to a server. It is not for use by several goroutines at
// once; to end it from elsewhere, end its context.
type Client struct {
	// set at construction
	raw      net.Conn // what is closed to end it all
	conn     *timedConn
	timeouts Timeouts
	trace    func(TraceLine)
	cause    func() error // why the context ended, nil while it has not
	release  func() bool

	r        *bufio.Reader
	pooled   bool // r is one of readers
	w        io.Writer
	tls      *tls.Conn // nil without TLS
	greeting string
	caps     Capabilities // as announced last

	out     []byte   // commands not sent yet
	queued  int      // how many these are
	waiting int      // commands sent whose replies have not come
	ahead   []string // of these, the ones that Ahead sent, in order
	secrets secrets  // sent in this session, not to be shown when the server says them back
	body    *body    // the message being read, nil for none

	unstuffed func(n int) int64 // see Unstuffed; nil for never
	noCRLF    bool              // a message's final dot did not start a line
	stat      string            // the reply to the last Stat
	bad       []string          // see BadLines
	ended     int               // one more than the message whose final dot was read last, 0 once a reply came
	err       error             // the first fault
}

func newClient(ctx context.Context, conn net.Conn, t Timeouts, trace func(TraceLine)) *Client {
	t = t.withDefaults()
	c := &Client{raw: conn, conn: &timedConn{Conn: conn, write: t.Write, end: time.Now().Add(t.Session), waiting: func(bool) {}}, timeouts: t, trace: trace, pooled: true}
	c.r, c.w = readers.Get().(*bufio.Reader), c.conn
	c.r.Reset(c.conn)
	c.cause = func() error { return context.Cause(ctx) }
	c.release = context.AfterFunc(ctx, func() { c.raw.Close() })
	return c
}

// Greeting returns the server's first line as sent, without its line end.
func (c *Client) Greeting() string { return c.greeting }

// TLSState describes the TLS connection; ok is false when there is none.
func (c *Client) TLSState() (state tls.ConnectionState, ok bool) {
	if c.tls == nil {
		return state, false
	}
	return c.tls.ConnectionState(), true
}

// Unstuffed has octets asked, for each message, how many the server has listed. Where that is
// positive, the message is read as from a server that stuffs no dots: what begins with a
// dot is text, a lone dot too, until so many octets have come. A message that is
// shorter then has no end.
func (c *Client) Unstuffed(octets func(n int) int64) { c.unstuffed = octets }

// Quit ends the session and closes the connection. Only when it returns nil has
// the server said that it deleted what was to be deleted (RFC 1939 section 6).
func (c *Client) Quit() error {
	_, err := c.cmd("QUIT")
	c.Close() // whose error would say nothing about the deletions
	return err
}

// Close closes the connection without QUIT: the server deletes nothing. A client
// that is closed or broken already is left as it is.
func (c *Client) Close() (err error) {
	if c.err == nil {
		c.err = fmt.Errorf("client is closed: %w", net.ErrClosed)
		c.release()
		err = c.raw.Close()
	}
	if c.pooled {
		if c.body != nil {
			c.body.plain = 0 // what is in the buffer will be another client's
		}
		c.r.Reset(nil)
		readers.Put(c.r)
		c.r, c.pooled = bufio.NewReaderSize(c.conn, 0), false
	}
	return err
}

// Ahead sends commands without arguments in one write (RFC 2449 section 6.6). The calls
// that send them otherwise must come next, in the same order, and only read the replies.
func (c *Client) Ahead(verbs ...string) error {
	for _, verb := range verbs {
		if err := c.queue(verb); err != nil {
			return err
		}
	}
	c.ahead = append(c.ahead, verbs...)
	return c.flush()
}

// cmd sends one command and reads its reply. The text it returns is valid up to
// the next read.
func (c *Client) cmd(verb string, args ...string) ([]byte, error) {
	if len(c.ahead) > 0 && c.err == nil {
		if verb != c.ahead[0] || len(args) > 0 {
			return nil, fmt.Errorf("send %s: the reply to %s is to be read first", shown(verb), c.ahead[0])
		}
		c.ahead = c.ahead[1:]
		return c.reply(verb)
	}
	if err := c.queue(verb, args...); err != nil {
		return nil, err
	}
	if err := c.flush(); err != nil {
		return nil, err
	}
	return c.reply(verb)
}

// queue appends a command to those that flush will send in one write. Every byte
// that goes to the server as a command passes here.
func (c *Client) queue(verb string, args ...string) error {
	if c.err != nil {
		return c.err
	}
	if c.body != nil {
		return fmt.Errorf("send %s: message %d is still being read", verb, c.body.n)
	}
	for _, arg := range args {
		// A line end in an argument would be the start of another command. The
		// argument is not named: it may be a password.
		if strings.ContainsAny(arg, "\r\n\x00") {
			c.out, c.queued = c.out[:0], 0
			return fmt.Errorf("send %s: argument holds a line break or NUL", verb)
		}
	}
	c.out = append(c.out, verb...)
	for i, arg := range args {
		if i > 0 || verb != "" {
			c.out = append(c.out, ' ')
		}
		c.out = append(c.out, arg...)
	}
	c.out = append(c.out, "\r\n"...)
	c.queued++
	c.keepSecrets(verb, args)
	c.traceClient(verb, args)
	return nil
}

func (c *Client) flush() error {
	out, queued := c.out, c.queued
	c.out, c.queued = c.out[:0], 0
	if err := c.inStep(); err != nil {
		return err
	}
	c.waiting += queued
	if _, err := c.w.Write(out); err != nil {
		return c.fail(c.writeError(err))
	}
	return nil
}

// writeError says why a command could not be sent.
func (c *Client) writeError(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		err = &timeoutError{fmt.Sprintf("server took nothing for %v", c.timeouts.Write), "", err}
	}
	return fmt.Errorf("send command: %w", err)
}

// inStep finds input that nobody asked for, as far as it has come: the rest of a
// message behind a lone dot may look like a reply to the next command.
func (c *Client) inStep() error {
	n := c.r.Buffered()
	if c.waiting > 0 || n == 0 {
		return nil
	}
	input, _ := c.r.Peek(min(n, maxForeign))
	return c.fail(desync(c.ended, inQuotes(c.secrets.mask(input), maxForeign)+" although nothing was asked"))
}

// reply reads the reply to verb, the oldest command that waits for one, and
// returns its text.
func (c *Client) reply(verb string) ([]byte, error) {
	line, err := c.replyLine(verb)
	if err != nil {
		return nil, err
	}
	switch s, text := parseReply(line); s {
	case statusOK:
		c.ended = 0
		return text, nil
	case statusErr:
		c.ended = 0
		return nil, newError(verb, c.secrets.mask(line))
	}
	return nil, c.outOfStep(verb, line)
}

func (c *Client) replyLine(verb string) ([]byte, error) {
	c.conn.within(c.timeouts.Reply, "reply")
	line, err := c.readLine(maxReply)
	if err != nil {
		if err = c.lineError(err, fmt.Sprintf("instead of answering %s", shown(verb))); errors.Is(err, ErrLineTooLong) && c.ended > 0 {
			return nil, c.fail(desync(c.ended, err.Error()))
		}
		return nil, c.fail(err)
	}
	if verb == "" && len(line) > 2 && line[0] == '+' && line[1] == ' ' {
		c.traceServer([]byte("+ ***")) // in base64, what it says back of a token would not be seen for what it is
	} else {
		c.traceServer(line)
	}
	c.waiting--
	return line, nil
}

// shown names a line without a verb.
func shown(verb string) string {
	if verb == "" {
		return "AUTH"
	}
	return verb
}

// maxForeign is how much is shown of what may be a piece of somebody's mail.
const maxForeign = 40

func (c *Client) outOfStep(verb string, line []byte) error {
	seen := fmt.Sprintf("%s in place of the reply to %s", inQuotes(c.secrets.mask(line), maxForeign), shown(verb))
	return c.fail(desync(c.ended, seen))
}

// CutAtLoneDot is part of the text of an [ErrDesync] behind a message, which [Client.Unstuffed]
// may be the answer to.
const CutAtLoneDot = "cut at a lone dot"

// desync is the error for input that can't be. Behind a message it is most
// likely the rest of it, cut off at a lone dot that the server did not stuff.
func desync(ended int, seen string) error {
	if ended > 0 {
		seen += fmt.Sprintf("; message %d may have been %s", ended-1, CutAtLoneDot)
	}
	return &ProtocolError{Detail: seen, Err: ErrDesync}
}

// readLine reads a line and returns it without its line end. It is valid up to
// the next read.
func (c *Client) readLine(limit int) ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(line) > limit {
		return line, &ProtocolError{Detail: fmt.Sprintf("more than %d bytes", limit), Err: ErrLineTooLong}
	}
	if err != nil {
		return line, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// fail closes the connection and makes err, or the reason for which the context
// ended, the error of this and of every later call.
func (c *Client) fail(err error) error {
	if c.err != nil {
		return c.err
	}
	if cause := c.cause(); cause != nil {
		err = cause
	}
	c.err = err
	c.release()
	c.raw.Close()
	return err
}
