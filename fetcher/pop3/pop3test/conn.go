package pop3test

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Conn is one session. A hook answers through its methods, so that its words
// stand in order among the replies. It writes to the embedded connection only what
// is to bypass that order.
type Conn struct {
	net.Conn // TLS where there is TLS
	server   *Server
	raw      net.Conn
	reader   *bufio.Reader
	writer   *bufio.Writer
	over     bool
	unknown  int  // commands
	tooSoon  bool // this login, by the server's Throttle
	sent     int  // messages

	stamp string // of the greeting, for APOP
	name  string // of USER
	user  string // who is logged in
	view  view   // of the user's maildrop
}

// User returns the name of the user who is logged in, "" before the login.
func (c *Conn) User() string { return c.user }

// Server returns the server that the session belongs to.
func (c *Conn) Server() *Server { return c.server }

// Ahead returns how many bytes of further commands were read so far, ahead of the
// reply to this one (RFC 2449 section 6.6).
func (c *Conn) Ahead() int { return c.reader.Buffered() }

// Lose drops the commands that were read ahead, as a server does that hands the connection to
// another process at the login.
func (c *Conn) Lose() { c.reader.Discard(c.reader.Buffered()) }

// Reply writes lines, each with CR LF. They are sent when the client has no further
// command on its way.
func (c *Conn) Reply(lines ...string) {
	for _, line := range lines {
		c.writer.WriteString(line)
		c.writer.WriteString("\r\n")
	}
}

// Send writes bytes as they are and flushes what was written.
func (c *Conn) Send(b []byte) error {
	c.writer.Write(b)
	return c.writer.Flush()
}

// Cut flushes what was written and closes the TCP connection, without a word of POP3
// or TLS.
func (c *Conn) Cut() {
	c.writer.Flush()
	c.over = true
	c.raw.Close()
}

// Hang flushes what was written and does nothing more until either end closes
// the connection.
func (c *Conn) Hang() {
	c.writer.Flush()
	c.over = true
	io.Copy(io.Discard, c.raw)
}

// Commit carries out the deletions of the session, as QUIT does (RFC 1939 section 6),
// and answers nothing.
func (c *Conn) Commit() {
	c.expunge()
	c.view = view{}
}

func (c *Conn) startTLS() error {
	secured := tls.Server(c.raw, c.server.tls)
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.Conn = secured
	return nil
}

func (c *Conn) greet() error {
	greeting := "+OK ready"
	if c.server.APOP {
		c.stamp = fmt.Sprintf("<%d.%s@pop3.example>", time.Now().Unix(), rand.Text())
		greeting = "+OK " + c.stamp
	}
	if c.server.Greeting != "" {
		if c.stamp == "" {
			c.stamp = "<0." + rand.Text() + "@pop3.example>" // which the server does not take
		}
		greeting = strings.ReplaceAll(strings.TrimRight(c.server.Greeting, "\r\n"), "<APOP>", c.stamp)
	}
	c.Reply(greeting)
	return c.writer.Flush()
}

// command carries out one command. An error ends the session at once.
func (c *Conn) command(cmd, args string) error {
	c.server.sessions.record(shown(cmd, args))
	if c.server.Hook != nil && c.server.Hook(c, cmd, args) {
		return nil
	}
	switch {
	case cmd == "QUIT":
		if c.user != "" {
			c.expunge()
			c.release()
		}
		c.Reply("+OK bye")
		c.over = true
		return nil
	case cmd == "CAPA":
		c.capa()
		return nil
	case c.user == "":
		return c.authorization(cmd, args)
	}
	c.transaction(cmd, args)
	return nil
}

// shown returns a command as the log has it, without secrets.
func shown(cmd, args string) string {
	switch cmd {
	case "PASS":
		args = "***"
	case "APOP":
		user, _, _ := strings.Cut(args, " ")
		args = user + " ***"
	case "AUTH":
		mechanism, initial, _ := strings.Cut(args, " ")
		if args = mechanism; initial != "" {
			args += " ***"
		}
	}
	return strings.TrimSpace(cmd + " " + args)
}

func (c *Conn) capa() {
	lines := c.capabilities()
	if announce := c.server.Capa; announce != nil {
		own := announce(c.user != "")
		if own == nil {
			c.refuseUnknown()
			return
		}
		lines = append(append([]string{"+OK"}, own...), ".")
	}
	c.Reply(lines...)
}

// refuseUnknown refuses a command that the server does not know.
func (c *Conn) refuseUnknown() {
	c.Reply("-ERR unknown command")
	if c.unknown++; c.user == "" && c.unknown == c.server.MaxUnknown {
		c.over = true
	}
}

func (c *Conn) capabilities() []string {
	s := c.server
	lines := []string{"+OK", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE"}
	if !s.NoUserPass {
		lines = append(lines, "USER")
	}
	if mechanisms := s.mechanisms(); mechanisms != "" {
		lines = append(lines, "SASL"+mechanisms)
	}
	if s.Pipelining {
		lines = append(lines, "PIPELINING")
	}
	if s.STLS && c.Conn == c.raw {
		lines = append(lines, "STLS")
	}
	return append(append(lines, s.Capabilities...), ".")
}
