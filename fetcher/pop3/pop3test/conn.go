package pop3test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"time"
)

// Conn is one session, for hooks: what they write stands among the replies.
type Conn struct {
	net.Conn // TLS where there is TLS
	server   *Server
	raw      net.Conn
	reader   *bufio.Reader
	writer   *bufio.Writer

	stamp    string
	name     string // of USER
	user     string // logged in
	messages []Message
	deleted  []bool
}

// User returns who is logged in, "" before that.
func (c *Conn) User() string { return c.user }

// Reply writes lines, each with CRLF, among the session's replies.
func (c *Conn) Reply(lines ...string) {
	for _, line := range lines {
		c.writer.WriteString(line)
		c.writer.WriteString("\r\n")
	}
}

// Send writes bytes as they are among the session's replies and flushes them.
func (c *Conn) Send(b []byte) error {
	c.writer.Write(b)
	return c.writer.Flush()
}

// Cut flushes what was written and closes the connection without ceremony.
func (c *Conn) Cut() {
	c.writer.Flush()
	c.raw.Close()
}

func (c *Conn) startTLS() error {
	t := tls.Server(c.raw, &tls.Config{Certificates: []tls.Certificate{c.server.certificate}})
	if err := t.Handshake(); err != nil {
		return err
	}
	c.Conn = t
	return nil
}

func (c *Conn) greet() error {
	greeting := "+OK ready\r\n"
	if c.server.APOP {
		var random [6]byte
		rand.Read(random[:])
		c.stamp = fmt.Sprintf("<%d.%s@pop3.example>", time.Now().Unix(), hex.EncodeToString(random[:]))
		greeting = "+OK " + c.stamp + "\r\n"
	}
	if c.server.Greeting != "" {
		greeting = c.server.Greeting
	}
	_, err := c.writer.WriteString(greeting)
	return err
}

// command carries out one command. An error ends the session.
func (c *Conn) command(cmd, args string) error {
	shown := strings.TrimSpace(cmd + " " + args)
	switch cmd {
	case "PASS":
		shown = "PASS ***"
	case "APOP":
		user, _, _ := strings.Cut(args, " ")
		shown = "APOP " + user + " ***"
	}
	c.server.record(shown)
	if c.server.Hook != nil && c.server.Hook(c, cmd, args) {
		return nil
	}
	switch cmd {
	case "QUIT":
		if c.user != "" {
			c.server.expunge(c)
		}
		c.server.unlock(c)
		c.Reply("+OK bye")
		return errDone
	case "CAPA":
		c.Reply(c.capabilities()...)
		return nil
	case "NOOP":
		c.Reply("+OK")
		return nil
	}
	if c.user == "" {
		return c.authorization(cmd, args)
	}
	return c.transaction(cmd, args)
}

func (c *Conn) capabilities() []string {
	lines := []string{"+OK", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE"}
	if !c.server.NoUserPass {
		lines = append(lines, "USER", "SASL PLAIN LOGIN")
	}
	if c.server.Pipelining {
		lines = append(lines, "PIPELINING")
	}
	if c.server.STLS && c.Conn == c.raw {
		lines = append(lines, "STLS")
	}
	return append(append(lines, c.server.Capabilities...), ".")
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
		c.reader, c.writer = bufio.NewReader(c.Conn), bufio.NewWriterSize(c.Conn, 64<<10)
	case "USER":
		if s.NoUserPass {
			c.Reply("-ERR plain logins are off")
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
		c.login(user, c.stamp != "" && known && digest == hex.EncodeToString(sum[:]))
	case "AUTH":
		return c.auth(strings.ToUpper(args))
	default:
		c.Reply("-ERR unknown command")
	}
	return nil
}

// auth is AUTH PLAIN and LOGIN, in two steps each.
func (c *Conn) auth(mechanism string) error {
	ask := func(challenge string) (string, error) {
		c.Reply("+ " + base64.StdEncoding.EncodeToString([]byte(challenge)))
		if err := c.writer.Flush(); err != nil {
			return "", err
		}
		line, err := c.reader.ReadString('\n')
		if err != nil {
			return "", err
		}
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		return string(decoded), err
	}
	var user, password string
	switch mechanism {
	case "PLAIN":
		answer, err := ask("")
		if err != nil {
			return err
		}
		if parts := strings.Split(answer, "\x00"); len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
	case "LOGIN":
		var err error
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
	want, known := c.server.Users[user]
	c.login(user, known && want == password)
	return nil
}

func (c *Conn) login(user string, ok bool) {
	switch {
	case c.server.LoginError != "":
		c.Reply(c.server.LoginError)
	case !ok:
		c.Reply("-ERR [AUTH] permission denied")
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
			octets += int64(len(m.Raw))
		}
	}
	return count, octets
}

// transaction is the state after the login (RFC 1939 section 5).
func (c *Conn) transaction(cmd, args string) error {
	switch cmd {
	case "STAT":
		count, octets := c.size()
		c.Reply(fmt.Sprintf("+OK %d %d", count, octets))
	case "LIST":
		c.list(args, func(m Message) string { return strconv.Itoa(len(m.Raw)) })
	case "UIDL":
		c.list(args, func(m Message) string { return m.UIDL })
	case "RSET":
		clear(c.deleted)
		c.Reply("+OK")
	case "RETR":
		if i, ok := c.index(args); ok {
			c.Reply(fmt.Sprintf("+OK %d octets", len(c.messages[i].Raw)))
			c.message(c.messages[i].Raw)
		}
	case "TOP":
		number, lines, _ := strings.Cut(args, " ")
		if i, ok := c.index(number); ok {
			n, _ := strconv.Atoi(lines)
			c.Reply("+OK")
			c.message(top(c.messages[i].Raw, n))
		}
	case "DELE":
		if i, ok := c.index(args); ok {
			c.deleted[i] = true
			c.Reply("+OK")
		}
	default:
		c.Reply("-ERR unknown command")
	}
	return nil
}

func (c *Conn) index(number string) (int, bool) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(c.messages) || c.deleted[n-1] {
		c.Reply("-ERR no such message")
		return 0, false
	}
	return n - 1, true
}

func (c *Conn) list(args string, value func(Message) string) {
	if args != "" {
		if i, ok := c.index(args); ok {
			c.Reply(fmt.Sprintf("+OK %d %s", i+1, value(c.messages[i])))
		}
		return
	}
	c.Reply("+OK")
	for i, m := range c.messages {
		if !c.deleted[i] {
			c.Reply(strconv.Itoa(i+1) + " " + value(m))
		}
	}
	c.Reply(".")
}

// message writes raw dot-stuffed, with the terminating line.
func (c *Conn) message(raw []byte) {
	for rest := raw; len(rest) > 0; {
		if rest[0] == '.' {
			c.writer.WriteByte('.')
		}
		i := bytes.Index(rest, []byte("\n."))
		if i < 0 {
			c.writer.Write(rest)
			break
		}
		c.writer.Write(rest[:i+1])
		rest = rest[i+1:]
	}
	if !bytes.HasSuffix(raw, []byte("\n")) && len(raw) > 0 {
		io.WriteString(c.writer, "\r\n")
	}
	c.Reply(".")
}

// top cuts a message after its header and n lines.
func top(raw []byte, n int) []byte {
	body := bytes.Index(raw, []byte("\r\n\r\n"))
	if body < 0 {
		return raw
	}
	end := body + 4
	for ; n > 0 && end < len(raw); n-- {
		i := bytes.IndexByte(raw[end:], '\n')
		if i < 0 {
			return raw
		}
		end += i + 1
	}
	return raw[:end]
}

// newCertificate makes a certificate for localhost that is its own authority.
func newCertificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "pop3test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
