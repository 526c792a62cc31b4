// Package pop3test is a POP3 server for tests and demonstrations, in the manner
// of net/http/httptest: it listens on loopback, with a certificate made on the
// spot, and serves mailboxes that are held in memory.
//
//	s := pop3test.NewServer()
//	s.Users = map[string]string{"hans": "secret"}
//	s.Mailboxes = map[string][]pop3test.Message{"hans": {{UIDL: "1", Raw: raw}}}
//	if err := s.Start(); err != nil {
//		return err
//	}
//	defer s.Close()
//
// Only tests and the demonstration (attachd demo) import it.
//
// # What it does as a real server does
//
//   - A maildrop has room for one session: a second login is refused with [IN-USE] (RFC 2449
//     section 8.1.1).
//   - DELE counts only once QUIT is answered (RFC 1939 section 6).
//   - Messages are dot-stuffed (RFC 1939 section 3) and otherwise sent byte for byte. A last line
//     without an end gets CR LF.
//   - Replies to pipelined commands leave in few writes (RFC 2449 section 6.6).
//
// # What a real server should not do
//
//   - [Quirks] are habits of the server, by command. [Profiles] are providers and programs with
//     the quirks that their users report.
//   - [Server.Hook] scripts faults within a session that is otherwise in order: a refusal,
//     garbage, a cut, a pause.
//   - [Server.Serve] replaces the whole dialogue, and [Play] follows a transcript.
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
	// Raw is sent as it is, apart from the dots that are stuffed in.
	Raw []byte
}

// Server is a POP3 server. Its exported fields are set before Start; those of Features and Quirks
// are the server's own, as s.APOP or s.Dele.Ignored.
type Server struct {
	// Users holds the passwords by user name.
	Users map[string]string
	// Tokens holds the access tokens by user name, for AUTH XOAUTH2 and OAUTHBEARER. Without any,
	// neither is offered. Both need two steps: an initial response in the AUTH line ends the
	// session, as with Exchange Online. SetToken changes a token later.
	Tokens map[string]string
	// Mailboxes holds the messages by user name at the start. Append and Replace change them
	// later, and Mailbox tells what is left.
	Mailboxes map[string][]Message

	Features
	Quirks

	// STLS starts sessions in the clear and offers STLS (RFC 2595 section 4). With Plaintext there
	// is no TLS at all. With neither, TLS comes before the greeting.
	STLS, Plaintext bool
	// CertificateEnd is when the certificate expires, in a year unless set.
	CertificateEnd time.Time
	// LockWait is how long a login waits for another session on the same maildrop to end.
	// NewServer sets a second: a client that has just closed its connection may be back before the
	// server has noticed.
	LockWait time.Duration
	// Hook, if set, gets every command, its verb in upper case, before it is carried out. It
	// returns true if it has answered the command itself.
	Hook func(c *Conn, cmd, args string) (handled bool)
	// Serve, if set, is the whole session, behind TLS where there is TLS.
	Serve func(conn net.Conn)

	listener  net.Listener
	tls       *tls.Config // one for all sessions, so that they can be resumed
	pem       []byte
	maildrops maildrops
	sessions  *sessions
	tokens    sync.Mutex // guards Tokens after the start
}

// NewServer returns a server that is not started yet.
func NewServer() *Server { return &Server{LockWait: time.Second, sessions: newSessions()} }

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
	s.maildrops.start(s.Mailboxes)
	s.sessions.running.Go(func() { s.sessions.accept(s.listener, s.session) })
	return nil
}

// Close ends all sessions at once, without a word to the clients, and waits until they are over.
// A hook that waits should do so in [Conn.Hang].
func (s *Server) Close() {
	if s.listener == nil {
		return
	}
	s.listener.Close()
	s.sessions.close()
}

// Wait returns when no session is under way. A client that has hung up may be
// ahead of the session's end: a test waits before it looks at what the server
// holds, or changes what a hook looks at.
func (s *Server) Wait() { s.sessions.wait() }

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

// Mailbox returns the messages that a user's mailbox holds now.
func (s *Server) Mailbox(user string) []Message {
	messages, started := s.maildrops.content(user)
	if !started {
		return slices.Clone(s.Mailboxes[user])
	}
	return messages
}

// Replace puts messages in the place of all that a user's mailbox holds, once the
// server has started. Sessions that are under way do not see them.
func (s *Server) Replace(user string, messages ...Message) {
	s.maildrops.clear(user)
	s.maildrops.add(user, messages)
}

// Append puts messages into a user's mailbox once the server has started.
// Sessions that are under way do not see them.
func (s *Server) Append(user string, messages ...Message) { s.maildrops.add(user, messages) }

// Log returns all commands so far, of all sessions, secrets replaced by "***".
func (s *Server) Log() []string { return s.sessions.commands() }

// Sessions returns how many connections there have been.
func (s *Server) Sessions() int { return s.sessions.total() }

// SetToken replaces the token of a user once the server has started.
func (s *Server) SetToken(user, token string) {
	s.tokens.Lock()
	defer s.tokens.Unlock()
	s.Tokens[user] = token
}

func (s *Server) token(user string) (string, bool) {
	s.tokens.Lock()
	defer s.tokens.Unlock()
	token, known := s.Tokens[user]
	return token, known
}

// session is the whole of one connection.
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
	defer c.release()
	if s.MaxSession > 0 {
		defer time.AfterFunc(s.MaxSession, func() { raw.Close() }).Stop()
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

func (c *Conn) buffer() {
	c.reader, c.writer = bufio.NewReaderSize(c.Conn, 16<<10), bufio.NewWriterSize(c.Conn, 64<<10)
}
