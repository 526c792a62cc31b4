// Package pop3test is a POP3 server for tests and demonstrations, in the manner
// of net/http/httptest: it listens on loopback, with a certificate made on the
// spot, and serves mailboxes that lie in memory.
//
//	s := pop3test.NewServer()
//	s.Users = map[string]string{"hans": "secret"}
//	s.Mailboxes = map[string][]pop3test.Message{"hans": {{UIDL: "1", Raw: raw}}}
//	if err := s.Start(); err != nil {
//		return err
//	}
//	defer s.Close()
//
// # What it does as a real server does
//
// A maildrop has room for one session ([IN-USE], RFC 2449 section 8.1.1). DELE
// counts only once QUIT is answered. Messages are stuffed and otherwise sent byte
// for byte, with CR LF behind a last line that has no end. Replies to pipelined
// commands leave in few writes.
//
// # What a real server should not do
//
// [Profiles] are providers and programs with their quirks. [Server.Hook] scripts faults within a session that is otherwise in order: a
// refusal, garbage, a cut, a pause. [Server.Serve] replaces the whole dialogue,
// and [Play] follows a transcript.
package pop3test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Message is one message of a mailbox.
type Message struct {
	// UIDL is unique within the mailbox, unless a test wants otherwise.
	UIDL string
	// Raw is sent as it is, but for the dots that are stuffed in.
	Raw []byte
}

// Server is a POP3 server. Its exported fields are set before Start.
type Server struct {
	// Users holds the passwords by user name.
	Users map[string]string
	// Tokens holds the access tokens by user name that AUTH XOAUTH2 and OAUTHBEARER
	// take, in two steps only; an initial response ends the session, as with Exchange
	// Online. Without any, the mechanisms are not offered. SetToken is for later.
	Tokens map[string]string
	// Mailboxes holds the messages by user name at the start; Mailbox and Append
	// are for later.
	Mailboxes map[string][]Message
	// APOP puts a timestamp, a new one for each session, into the greeting and
	// allows APOP (RFC 1939 section 7).
	APOP bool
	// NoUserPass refuses USER and AUTH.
	NoUserPass bool
	// Pipelining announces PIPELINING (RFC 2449 section 6.6). Commands that come
	// ahead are understood either way.
	Pipelining bool
	// Capabilities are further lines of the answer to CAPA.
	Capabilities []string
	// STLS starts sessions in the clear and offers STLS; with Plaintext there is
	// no TLS at all.
	STLS, Plaintext bool
	// CertificateEnd is when the certificate expires, in a year unless set.
	CertificateEnd time.Time
	// Greeting, if set, replaces the first line. Its line end may be left out;
	// "<APOP>" stands for a timestamp.
	Greeting string
	// Continuation, if set, stands in the place of "+ " before a challenge that says
	// nothing. Exchange sends a bare "+".
	Continuation string
	// LoginError, if set, answers every login, such as "-ERR permission denied".
	LoginError string
	// Oldest, if positive, is how many messages a session shows, the oldest ones.
	Oldest int
	// PopOnQuit takes RETR and QUIT as consumed, as Gmail does: later sessions do not
	// show the message, which stays in the mailbox. DeleteOnRetr deletes at once what
	// RETR sends.
	PopOnQuit, DeleteOnRetr bool
	// RenumberOnDele gives the messages behind one that is deleted lower numbers at once, which no server should
	// (RFC 1939 section 5) and some old ones did. RSET does not bring it back then.
	RenumberOnDele bool
	// FromZero counts messages from 0, as netius did.
	FromZero bool
	// NeverDeletes confirms deletions and does not carry them out.
	NeverDeletes bool
	// Throttle refuses logins that come too often, by the clock Now; nil is time.Now.
	Throttle Throttle
	Now      func() time.Time
	// LockWait is how long a login waits for another session on the same maildrop
	// to end. NewServer sets a second: a client that has just closed its
	// connection may be back before the server has noticed.
	LockWait time.Duration
	// Hook, if set, sees every command, its verb in upper case, before it is
	// carried out; when it returns true it has answered the command itself.
	Hook func(c *Conn, cmd, args string) (handled bool)
	// Serve, if set, is the whole session, behind TLS where there is TLS.
	Serve func(conn net.Conn)

	manner   manner // of a Profile
	listener net.Listener
	tls      *tls.Config // one for all sessions, so that they can be resumed
	pem      []byte
	sessions sync.WaitGroup

	mu     sync.Mutex
	boxes  map[string][]*Message    // guarded by mu
	locks  map[string]chan struct{} // guarded by mu: by user, closed when the session ends
	conns  map[net.Conn]bool        // guarded by mu
	popped map[*Message]bool        // guarded by mu
	logins map[string][]time.Time   // guarded by mu: of late, by user
	log    []string                 // guarded by mu
	count  int                      // guarded by mu
	closed bool                     // guarded by mu
	idle   *sync.Cond               // on mu: conns has become empty
}

// NewServer returns a server that is not started yet.
func NewServer() *Server {
	s := &Server{LockWait: time.Second}
	s.idle = sync.NewCond(&s.mu)
	return s
}

// Start listens on a free port of the loopback address and serves until Close.
func (s *Server) Start() error {
	certificate, pem, err := newCertificate(s.CertificateEnd)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	// Small records at the start only help a browser.
	s.tls, s.pem = &tls.Config{Certificates: []tls.Certificate{certificate}, DynamicRecordSizingDisabled: true}, pem
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.conns, s.locks, s.boxes = make(map[net.Conn]bool), make(map[string]chan struct{}), make(map[string][]*Message)
	s.popped, s.logins = make(map[*Message]bool), make(map[string][]time.Time)
	for user, messages := range s.Mailboxes {
		s.Append(user, messages...)
	}
	s.sessions.Go(s.accept)
	return nil
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.admit(conn) {
			conn.Close()
			return
		}
		s.sessions.Go(func() {
			defer s.dismiss(conn)
			s.session(conn)
		})
	}
}

func (s *Server) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[conn] = true
	s.count++
	return true
}

func (s *Server) dismiss(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.conns, conn); len(s.conns) == 0 {
		s.idle.Broadcast()
	}
}

// Addr returns "127.0.0.1:port".
func (s *Server) Addr() string { return s.listener.Addr().String() }

// CertPEM returns the server's certificate, for localhost, 127.0.0.1 and ::1,
// which is its own authority.
func (s *Server) CertPEM() []byte { return slices.Clone(s.pem) }

// CertPool returns the pool that trusts the server's certificate.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.pem)
	return pool
}

// Close ends all sessions without ceremony and waits until they are over. A
// hook that waits should do so in [Conn.Hang].
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
	s.sessions.Wait()
}

// Wait returns when no session is under way. A client that has hung up may be
// ahead of the session's end: before a test looks at what the server holds, or
// changes what a hook looks at, it waits.
func (s *Server) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.conns) > 0 {
		s.idle.Wait()
	}
}

// Mailbox returns the messages that a user's mailbox holds now.
func (s *Server) Mailbox(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.boxes == nil {
		return slices.Clone(s.Mailboxes[user])
	}
	var messages []Message
	for _, m := range s.boxes[user] {
		messages = append(messages, *m)
	}
	return messages
}

// Replace puts messages in the place of all that a user's mailbox holds, once the
// server has started. Sessions that are under way do not see them.
func (s *Server) Replace(user string, messages ...Message) {
	s.mu.Lock()
	delete(s.boxes, user)
	s.mu.Unlock()
	s.Append(user, messages...)
}

// Append puts messages into a user's mailbox once the server has started.
// Sessions that are under way do not see them.
func (s *Server) Append(user string, messages ...Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.boxes[user] = append(s.boxes[user], &m)
	}
}

// Log returns all commands so far, of all sessions, secrets replaced by "***".
func (s *Server) Log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Sessions returns how many connections there have been.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// SetToken makes token the one that is taken for user, once the server has started.
func (s *Server) SetToken(user, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Tokens[user] = token
}

func (s *Server) token(user string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, known := s.Tokens[user]
	return token, known
}

func (s *Server) record(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, line)
}

func (s *Server) session(raw net.Conn) {
	c := &Conn{Conn: raw, server: s, raw: raw}
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
	if s.manner.session > 0 {
		defer time.AfterFunc(s.manner.session, func() { raw.Close() }).Stop()
	}
	c.buffer()
	if err := c.greet(); err != nil {
		return
	}
	for !c.over {
		if c.reader.Buffered() == 0 {
			if err := c.writer.Flush(); err != nil {
				return
			}
		}
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return
		}
		cmd, args, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		if err := c.command(strings.ToUpper(cmd), args); err != nil {
			return
		}
	}
	c.writer.Flush()
}

// lock opens the user's maildrop for c alone.
func (s *Server) lock(c *Conn, user string) bool {
	timeout := time.NewTimer(s.LockWait)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		held := s.locks[user]
		if held == nil {
			s.locks[user] = make(chan struct{})
			c.user, c.messages = user, slices.DeleteFunc(slices.Clone(s.boxes[user]), func(m *Message) bool { return s.popped[m] })
			if s.Oldest > 0 {
				c.messages = c.messages[:min(s.Oldest, len(c.messages))]
			}
			c.deleted, c.retrieved = make([]bool, len(c.messages)), make([]bool, len(c.messages))
			s.mu.Unlock()
			return true
		}
		s.mu.Unlock()
		select {
		case <-held:
		case <-timeout.C:
			return false
		}
	}
}

func (s *Server) unlock(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.user == "" {
		return
	}
	close(s.locks[c.user])
	delete(s.locks, c.user)
	c.user = ""
}

func (c *Conn) buffer() {
	c.reader, c.writer = bufio.NewReaderSize(c.Conn, 16<<10), bufio.NewWriterSize(c.Conn, 64<<10)
}
