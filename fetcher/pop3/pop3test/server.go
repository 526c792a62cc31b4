// Package pop3test is a POP3 server for tests and demonstrations, in the manner
// of net/http/httptest: it listens on loopback, with a certificate made on the
// spot, and serves mailboxes that lie in memory.
//
// It behaves like a real server: a maildrop has room for one session ([IN-USE],
// RFC 2449 section 8.1.1), DELE counts only when QUIT is answered, messages are
// dot-stuffed, pipelined commands are answered in one write. [Server.Hook]
// scripts what a good server would not do, and [Server.Serve] replaces the whole
// dialogue.
package pop3test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
)

// Message is one message of a mailbox.
type Message struct {
	UIDL string
	// Raw is sent as it is, but for the dots that are stuffed.
	Raw []byte
}

// Server is a POP3 server. Set its exported fields before Start.
type Server struct {
	// Users holds the passwords by user name.
	Users map[string]string
	// Mailboxes holds the messages by user name. Use Mailbox and Append once
	// the server runs.
	Mailboxes map[string][]Message
	// APOP puts a timestamp into the greeting and allows APOP (RFC 1939 section 7).
	APOP bool
	// NoUserPass refuses USER, as servers do that want APOP or AUTH.
	NoUserPass bool
	// Pipelining announces PIPELINING (RFC 2449 section 6.6). Pipelined commands
	// are understood either way.
	Pipelining bool
	// Capabilities are further lines of CAPA's answer.
	Capabilities []string
	// STLS starts without TLS and offers STLS; Plaintext never has TLS.
	STLS, Plaintext bool
	// Greeting, if set, replaces the first line, line end included.
	Greeting string
	// LoginError, if set, answers every login, e.g. "-ERR permission denied".
	LoginError string
	// Hook, if set, sees every command before it is carried out, and may answer
	// it itself: it then returns true.
	Hook func(c *Conn, cmd, args string) (handled bool)
	// Serve, if set, is the whole session, TLS done: for what is no POP3 at all.
	Serve func(conn net.Conn)

	listener    net.Listener
	certificate tls.Certificate
	pem         []byte
	wait        sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool // guarded by mu
	locked   map[string]bool   // guarded by mu: users with a session
	log      []string          // guarded by mu
	sessions int               // guarded by mu
	closed   bool              // guarded by mu
}

// NewServer returns a server that is not started yet.
func NewServer() *Server {
	return &Server{conns: make(map[net.Conn]bool), locked: make(map[string]bool)}
}

// Start listens on a free port of the loopback address and serves until Close.
func (s *Server) Start() error {
	var err error
	if s.certificate, s.pem, err = newCertificate(); err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.wait.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			if !s.admit(conn) {
				conn.Close()
				return
			}
			s.wait.Go(func() { s.session(conn) })
		}
	})
	return nil
}

func (s *Server) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[conn] = true
	s.sessions++
	return true
}

// Addr returns "127.0.0.1:port".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// CertPEM returns the server's certificate, which is its own authority.
func (s *Server) CertPEM() []byte { return slices.Clone(s.pem) }

// CertPool returns the pool that trusts the server's certificate.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.pem)
	return pool
}

// Close ends all sessions without ceremony and waits for them.
func (s *Server) Close() {
	if s.listener == nil {
		return
	}
	s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

// Mailbox returns the messages that a user's mailbox holds now.
func (s *Server) Mailbox(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.Mailboxes[user])
}

// Append puts messages into a user's mailbox; sessions that run do not see them.
func (s *Server) Append(user string, messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Mailboxes[user] = append(slices.Clone(s.Mailboxes[user]), messages...)
}

// Log returns all commands so far, of all sessions, with secrets masked.
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Sessions returns how many connections there have been.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

func (s *Server) session(raw net.Conn) {
	defer func() {
		raw.Close()
		s.mu.Lock()
		delete(s.conns, raw)
		s.mu.Unlock()
	}()
	c := &Conn{server: s, raw: raw, Conn: raw}
	if !s.STLS && !s.Plaintext {
		if err := c.startTLS(); err != nil {
			return
		}
	}
	if s.Serve != nil {
		s.Serve(c.Conn)
		return
	}
	defer s.unlock(c)
	c.reader, c.writer = bufio.NewReader(c.Conn), bufio.NewWriterSize(c.Conn, 64<<10)
	if err := c.greet(); err != nil {
		return
	}
	for {
		if c.reader.Buffered() == 0 {
			if err := c.writer.Flush(); err != nil {
				return
			}
		}
		line, err := c.reader.ReadString('\n')
		if err != nil {
			return
		}
		cmd, args, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if err := c.command(strings.ToUpper(cmd), args); err != nil {
			c.writer.Flush()
			return
		}
	}
}

func (s *Server) record(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, line)
}

// lock opens the user's maildrop for c alone.
func (s *Server) lock(c *Conn, user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked[user] {
		return false
	}
	s.locked[user] = true
	c.user, c.messages = user, slices.Clone(s.Mailboxes[user])
	c.deleted = make([]bool, len(c.messages))
	return true
}

func (s *Server) unlock(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.user != "" {
		delete(s.locked, c.user)
		c.user = ""
	}
}

// expunge carries out the deletions of c's session.
func (s *Server) expunge(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make(map[string]bool)
	for i, deleted := range c.deleted {
		if deleted {
			gone[c.messages[i].UIDL] = true
		}
	}
	var left []Message
	for _, m := range s.Mailboxes[c.user] {
		if !gone[m.UIDL] {
			left = append(left, m)
		}
	}
	s.Mailboxes[c.user] = left
}

// errDone ends a session.
var errDone = errors.New("session ended")
