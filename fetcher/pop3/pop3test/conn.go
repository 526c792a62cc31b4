package pop3test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is one session. A hook answers through its methods, so that its words
// stand in order among the replies; the embedded connection is for what no
// server would write.
type Conn struct {
	net.Conn // TLS where there is TLS
	server   *Server
	raw      net.Conn
	reader   *bufio.Reader
	writer   *bufio.Writer
	over     bool
	bad      int  // commands that are unknown
	tooSoon  bool // this login, by the server's Throttle
	sent     int  // messages

	stamp     string
	name      string // of USER
	user      string // who is logged in
	messages  []*Message
	deleted   []bool
	retrieved []bool
	withdrawn []*Message // deleted, and without a number
}

// User returns who is logged in, "" before that.
func (c *Conn) User() string { return c.user }

// Server returns whose session it is.
func (c *Conn) Server() *Server { return c.server }

// Ahead returns how many bytes of further commands have come ahead of the reply
// to this one (RFC 2449 section 6.6), as far as they were read.
func (c *Conn) Ahead() int { return c.reader.Buffered() }

// Reply writes lines, each with CR LF.
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

// Cut flushes what was written and closes the connection without ceremony, as a
// line that breaks.
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

// Commit carries out the deletions of the session, as QUIT does, and answers
// nothing.
func (c *Conn) Commit() {
	c.server.expunge(c)
	c.messages, c.deleted, c.retrieved, c.withdrawn = nil, nil, nil, nil
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
	c.server.record(shown(cmd, args))
	if c.server.Hook != nil && c.server.Hook(c, cmd, args) {
		return nil
	}
	switch {
	case cmd == "QUIT":
		if c.user != "" {
			c.server.expunge(c)
			c.server.unlock(c)
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

// shown is a command as the log has it.
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
	if announce := c.server.manner.capa; announce != nil {
		own := announce(c.user != "")
		if own == nil {
			c.unknown()
			return
		}
		lines = append(append([]string{"+OK"}, own...), ".")
	}
	c.Reply(lines...)
}

// unknown refuses a command.
func (c *Conn) unknown() {
	c.Reply("-ERR unknown command")
	if c.bad++; c.user == "" && c.bad == c.server.manner.badCommands {
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

// authorization is the state before the login (RFC 1939 section 4).
func (c *Conn) authorization(cmd, args string) error {
	s := c.server
	switch cmd {
	case "STLS":
		if !s.STLS || c.Conn != c.raw {
			c.Reply("-ERR no STLS here")
			return nil
		}
		c.Reply("+OK begin")
		if err := c.writer.Flush(); err != nil {
			return err
		}
		if err := c.startTLS(); err != nil {
			return err
		}
		c.buffer()
	case "USER":
		if s.NoUserPass {
			c.Reply("-ERR [SYS/PERM] plain logins are off")
			return nil
		}
		c.name = args
		c.Reply("+OK user ok")
	case "PASS":
		if c.name == "" {
			c.Reply("-ERR USER first")
			return nil
		}
		password, known := s.Users[c.name]
		c.login(c.name, known && password == args)
	case "APOP":
		user, digest, _ := strings.Cut(args, " ")
		password, known := s.Users[user]
		sum := md5.Sum([]byte(c.stamp + password))
		c.login(user, s.APOP && known && digest == hex.EncodeToString(sum[:]))
	case "AUTH":
		return c.auth(args)
	default:
		c.unknown()
	}
	return nil
}

// auth is AUTH PLAIN and LOGIN (RFC 5034), XOAUTH2 and OAUTHBEARER.
func (c *Conn) auth(args string) error {
	mechanism, initial, _ := strings.Cut(args, " ")
	if c.server.Tokens != nil && (strings.EqualFold(mechanism, "XOAUTH2") || strings.EqualFold(mechanism, "OAUTHBEARER")) {
		return c.authToken(strings.EqualFold(mechanism, "OAUTHBEARER"), initial)
	}
	ask := func(challenge string) ([]byte, error) {
		line := initial
		if initial = ""; line == "" {
			c.challenge(challenge)
			if err := c.writer.Flush(); err != nil {
				return nil, err
			}
			answer, err := c.reader.ReadSlice('\n')
			if err != nil {
				return nil, err
			}
			line = strings.TrimRight(string(answer), "\r\n")
		}
		decoded, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			return nil, nil // "*" or garbage: nobody's password
		}
		return decoded, nil
	}
	var user, password []byte
	var err error
	switch {
	case c.server.NoUserPass:
		c.Reply("-ERR [SYS/PERM] plain logins are off")
		return nil
	case strings.EqualFold(mechanism, "PLAIN"):
		answer, err := ask("")
		if err != nil {
			return err
		}
		if parts := bytes.Split(answer, []byte{0}); len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
	case strings.EqualFold(mechanism, "LOGIN"):
		if user, err = ask("Username:"); err != nil {
			return err
		}
		if password, err = ask("Password:"); err != nil {
			return err
		}
	default:
		c.Reply("-ERR unknown mechanism")
		return nil
	}
	want, known := c.server.Users[string(user)]
	c.login(string(user), known && want == string(password))
	return nil
}

// challenge is the server's part of a SASL exchange (RFC 5034 section 4).
func (c *Conn) challenge(text string) {
	prefix := "+ "
	if c.server.Continuation != "" && text == "" {
		prefix = c.server.Continuation
	}
	c.Reply(prefix + base64.StdEncoding.EncodeToString([]byte(text)))
}

func (c *Conn) login(user string, ok bool) {
	c.tooSoon = ok && c.server.throttled(user)
	switch {
	case c.tooSoon && c.server.Throttle.Command == "":
		c.Reply(c.server.Throttle.Answer)
	case c.server.LoginError != "":
		c.Reply(c.server.LoginError)
	case !ok:
		c.Reply("-ERR permission denied")
	case !c.server.lock(c, user):
		c.Reply("-ERR [IN-USE] maildrop is locked by another session")
	default:
		count, octets := c.size()
		c.Reply(fmt.Sprintf("+OK %d messages (%d octets).", count, octets))
	}
}

func (c *Conn) size() (count int, octets int64) {
	for i, m := range c.messages {
		if !c.deleted[i] {
			count++
			octets += c.octets(m)
		}
	}
	return count, octets
}

// transaction is the state after the login (RFC 1939 section 5).
func (c *Conn) transaction(cmd, args string) {
	if c.tooSoon && cmd == c.server.Throttle.Command {
		c.Reply(c.server.Throttle.Answer)
		return
	}
	switch cmd {
	case "NOOP":
		c.Reply("+OK")
	case "STAT":
		count, octets := c.size()
		c.Reply(fmt.Sprintf("+OK %d %d", count, octets))
	case "LIST":
		size := c.server.manner.size
		if size == nil {
			size = func(octets int64) string { return strconv.FormatInt(octets, 10) }
		}
		c.list(args, func(m *Message) string { return size(c.octets(m)) })
	case "UIDL":
		c.list(args, func(m *Message) string { return m.UIDL })
	case "RSET":
		clear(c.deleted)
		c.Reply("+OK")
	case "RETR":
		if i, ok := c.index(args); ok {
			if limit := c.server.manner.retr; limit > 0 && c.sent >= limit {
				c.Reply(c.server.manner.retrRefusal)
				return
			}
			c.sent++
			c.Reply(fmt.Sprintf("+OK %d octets", c.octets(c.messages[i])))
			c.message(c.messages[i].Raw)
			c.retrieved[i] = true
			if c.server.DeleteOnRetr {
				c.server.consume(c.user, c.messages[i])
			}
		}
	case "TOP":
		number, lines, _ := strings.Cut(args, " ")
		n, err := strconv.Atoi(lines)
		if err != nil || n < 0 {
			c.Reply("-ERR how many lines?")
			return
		}
		if i, ok := c.index(number); ok {
			c.Reply("+OK")
			c.message(top(c.messages[i].Raw, n))
		}
	case "DELE":
		if i, ok := c.index(args); ok {
			c.deleted[i] = true
			if c.server.RenumberOnDele {
				c.withdraw(i)
			}
			c.Reply("+OK")
		}
	default:
		c.unknown()
	}
}

func (c *Conn) list(args string, value func(*Message) string) {
	if args != "" {
		if i, ok := c.index(args); ok {
			c.Reply(fmt.Sprintf("+OK %d %s", i+c.server.first(), value(c.messages[i])))
		}
		return
	}
	c.Reply("+OK")
	for i, m := range c.messages {
		if !c.deleted[i] {
			c.Reply(strconv.Itoa(i+c.server.first()) + " " + value(m))
		}
	}
	c.Reply(".")
}
