// Package pop3 is a POP3 client (RFC 1939, RFC 2449, RFC 2595, RFC 5034).
//
// A [Dialer] connects, verifies TLS and reads the greeting; the [Client] it
// returns has one method per command, named for it. It knows nothing of what a
// message looks like inside.
//
// # Guarantees
//
// Messages are streamed: no message is held, no line has a limit, and the bytes
// arrive as the server sent them, bare line feeds included. Only the dot that
// the server stuffed is taken off a line. A message counts as whole only when
// its terminating line was read; anything else is an error.
//
// An -ERR is an [*Error] and leaves the session usable. Any other failure (a
// line that is no reply, an end in the middle, a time-out) breaks it: every later
// call returns that first error, since nobody knows any more which reply belongs
// to which command.
//
// Arguments with CR, LF or NUL are refused before anything is sent, so that a
// user name cannot carry a second command.
//
// # Limits
//
// A status line may have 8 KiB, a line of a listing 4 KiB, a listing a million
// entries. At most 1 KiB of commands is in flight: Dovecot reads commands into a
// 2 KiB buffer and stops reading while its own output blocks, so that a client
// that sent more before it read could wait for ever, and the server with it.
//
// # Cancelling
//
// The context given to Dial or NewClient governs the session's whole life: when
// it ends the connection is closed, and what was under way returns its cause.
package pop3

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// Limits of what a server may make the client hold.
const (
	readBuffer  = 64 << 10
	maxReply    = 8 << 10 // bytes of a status line
	maxListLine = 4 << 10 // bytes of a line of CAPA, LIST or UIDL
	maxList     = 1_000_000
	maxCapa     = 200
	maxInFlight = 1 << 10 // bytes of commands whose replies are awaited
)

// Timeouts bound the steps of a session. A zero field takes its default.
type Timeouts struct {
	Dial     time.Duration // TCP connect: 30 s
	TLS      time.Duration // handshake: 30 s
	Greeting time.Duration // 60 s, since some servers look names up first
	Reply    time.Duration // the reply to one command: 2 min
	Idle     time.Duration // between two bytes of a message or a listing: 2 min
	Write    time.Duration // one write of commands: 1 min
}

func (t Timeouts) withDefaults() Timeouts {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&t.Dial, 30*time.Second)
	set(&t.TLS, 30*time.Second)
	set(&t.Greeting, time.Minute)
	set(&t.Reply, 2*time.Minute)
	set(&t.Idle, 2*time.Minute)
	set(&t.Write, time.Minute)
	return t
}

// Client is one session with a server. One goroutine uses it at a time.
type Client struct {
	ctx      context.Context // governs the session; kept because the session is its scope
	stop     func() bool     // ends the watch over ctx
	raw      net.Conn        // closed to abort: closing the TLS connection would wait to say goodbye
	conn     net.Conn        // raw, or TLS over it
	r        *bufio.Reader
	timeouts Timeouts
	trace    func(TraceLine)

	greeting string
	pipeline bool  // the last CAPA announced PIPELINING
	body     *body // the message being read; nil: none
	received bool  // a message was read to its end
	err      error // why the session is broken; nil: it isn't
}

// NewClient starts a session on a connection that is there already and reads the
// greeting. The connection is closed when that fails. trace, if not nil, is given
// every line, with secrets masked.
func NewClient(ctx context.Context, conn net.Conn, t Timeouts, trace func(TraceLine)) (*Client, error) {
	c := newClient(ctx, conn, t, trace)
	if err := c.readGreeting(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newClient(ctx context.Context, conn net.Conn, t Timeouts, trace func(TraceLine)) *Client {
	c := &Client{ctx: ctx, raw: conn, conn: conn, timeouts: t.withDefaults(), trace: trace}
	c.stop = context.AfterFunc(ctx, func() { conn.Close() })
	c.r = bufio.NewReaderSize(connReader{c}, readBuffer)
	return c
}

// connReader reads from the connection of the moment, with the idle time-out
// renewed for each read that really waits for the network.
type connReader struct{ c *Client }

func (r connReader) Read(p []byte) (int, error) {
	if r.c.body != nil {
		if err := r.c.conn.SetReadDeadline(time.Now().Add(r.c.timeouts.Idle)); err != nil {
			return 0, err
		}
	}
	return r.c.conn.Read(p)
}

// readGreeting reads the line with which the server begins.
func (c *Client) readGreeting() error {
	c.conn.SetReadDeadline(time.Now().Add(c.timeouts.Greeting))
	line, err := c.readLine(maxReply)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return c.fail(fmt.Errorf("read greeting: server said nothing for %v: it may expect TLS from the start (port 995), or not here (port 110)", c.timeouts.Greeting))
	}
	if err != nil {
		return c.fail(fmt.Errorf("read greeting: %w", err))
	}
	if text, ok := okText(line); ok {
		c.greeting = text
		return nil
	}
	if reply := parseErr("greeting", line); reply != nil {
		return c.fail(fmt.Errorf("read greeting: %w", reply))
	}
	return c.fail(&ProtocolError{Step: "read greeting", Line: printable(line), Hint: recognise(line)})
}

// recognise says what kind of server greets like this.
func recognise(line string) string {
	for _, k := range []struct{ prefix, hint string }{
		{"* OK", "an IMAP server answered: POP3S is port 995"},
		{"* BYE", "an IMAP server answered: POP3S is port 995"},
		{"HTTP/", "a web server answered: POP3S is port 995"},
		{"220", "an SMTP server answered: POP3S is port 995"},
		{"SSH-", "an SSH server answered: POP3S is port 995"},
		{"\x15\x03", "the server speaks TLS from the start: use implicit TLS"},
		{"<", "a web server answered: POP3S is port 995"},
	} {
		if strings.HasPrefix(line, k.prefix) {
			return k.hint
		}
	}
	return "this is no POP3 server"
}

// Greeting returns what the server said first, without "+OK ".
func (c *Client) Greeting() string { return c.greeting }

// TLSState returns the TLS connection's state, false without TLS.
func (c *Client) TLSState() (tls.ConnectionState, bool) {
	if t, ok := c.conn.(*tls.Conn); ok {
		return t.ConnectionState(), true
	}
	return tls.ConnectionState{}, false
}

// Close ends the session at once. Without a Quit that returned nil before, the
// server deletes nothing (RFC 1939 section 6).
func (c *Client) Close() error {
	c.stop()
	if c.err == nil {
		c.err = net.ErrClosed
	}
	return c.raw.Close()
}

// fail breaks the session with err, unless it is broken already, and returns
// why it is.
func (c *Client) fail(err error) error {
	if c.err == nil {
		if cause := context.Cause(c.ctx); cause != nil {
			err = cause
		}
		c.err = err
		c.raw.Close()
	}
	return c.err
}

// ready refuses a command on a broken session or in the middle of a message.
func (c *Client) ready() error {
	if c.err != nil {
		return c.err
	}
	if c.body != nil && !c.body.done {
		return errors.New("pop3: a message is still being read")
	}
	c.body = nil
	return nil
}

// cmd sends one command and reads its status line: the one place where a
// command becomes a reply. mask is what the trace shows in place of the
// arguments, "" for the arguments themselves. It returns the text behind "+OK ".
func (c *Client) cmd(verb, args, mask string) (string, error) {
	if err := c.ready(); err != nil {
		return "", err
	}
	line, err := commandLine(verb, args)
	if err != nil {
		return "", err
	}
	if mask == "" {
		mask = args
	}
	if err := c.send([]byte(line), strings.TrimSpace(verb+" "+mask)); err != nil {
		return "", err
	}
	return c.reply(verb)
}

// commandLine puts a command together and refuses arguments that would end it
// early and start another (command injection).
func commandLine(verb, args string) (string, error) {
	if strings.ContainsAny(args, "\r\n\x00") {
		return "", fmt.Errorf("%s: argument holds a line break or a NUL", verb)
	}
	if args == "" {
		return verb + "\r\n", nil
	}
	return verb + " " + args + "\r\n", nil
}

// send writes whole commands in one write, as some servers do not cope with
// parts of them. shown is what the trace says of them.
func (c *Client) send(lines []byte, shown string) error {
	if c.trace != nil {
		for line := range strings.SplitSeq(shown, "\n") {
			c.trace(TraceLine{From: FromClient, Text: line})
		}
	}
	c.conn.SetWriteDeadline(time.Now().Add(c.timeouts.Write))
	if _, err := c.conn.Write(lines); err != nil {
		return c.fail(fmt.Errorf("send command: %w", err))
	}
	return nil
}

// reply reads the status line of the command verb.
func (c *Client) reply(verb string) (string, error) {
	c.conn.SetReadDeadline(time.Now().Add(c.timeouts.Reply))
	line, err := c.readLine(maxReply)
	if err != nil {
		return "", c.fail(fmt.Errorf("read reply to %s: %w", verb, err))
	}
	if text, ok := okText(line); ok {
		return text, nil
	}
	if reply := parseErr(verb, line); reply != nil {
		return "", reply
	}
	return "", c.fail(&ProtocolError{Step: "read reply to " + verb, Line: printable(line), Hint: "expected +OK or -ERR"})
}

// Stat asks how many messages the maildrop holds and of how many octets (RFC
// 1939 section 5); octets is -1 where the server does not say.
func (c *Client) Stat() (count int, octets int64, err error) {
	text, err := c.cmd("STAT", "", "")
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return 0, -1, c.fail(&ProtocolError{Step: "read reply to STAT", Line: printable(text), Hint: "expected a count"})
	}
	n, ok := parseNumber(fields[0])
	if !ok {
		return 0, -1, c.fail(&ProtocolError{Step: "read reply to STAT", Line: printable(text), Hint: "expected a count"})
	}
	octets = -1
	if len(fields) > 1 {
		octets = parseSize(fields[1])
	}
	return n, octets, nil
}

// Dele marks message n as deleted; the server deletes it when Quit succeeds (RFC
// 1939 section 5).
func (c *Client) Dele(n int) error {
	_, err := c.cmd("DELE", fmt.Sprint(n), "")
	return err
}

// Noop asks for a sign of life (RFC 1939 section 5).
func (c *Client) Noop() error {
	_, err := c.cmd("NOOP", "", "")
	return err
}

// Rset takes back all deletions of the session (RFC 1939 section 5).
func (c *Client) Rset() error {
	_, err := c.cmd("RSET", "", "")
	return err
}

// Quit asks the server to carry out the deletions and ends the session (RFC 1939
// section 6). Only nil means that they are carried out. The connection is closed
// either way.
func (c *Client) Quit() error {
	_, err := c.cmd("QUIT", "", "")
	c.Close()
	return err
}
