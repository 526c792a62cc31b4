package smtptest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
)

// Mode is how a server speaks TLS.
type Mode int

// The modes.
const (
	Plain Mode = iota
	StartTLS
	Implicit
)

// Message is a mail that a server received.
type Message struct {
	From string
	To   []string
	Data string // with LF alone
	User string // who had logged in
	TLS  bool
}

// Server is a running server. Set the fields before [Server.Start].
type Server struct {
	Mode           Mode
	User, Password string // "" for a server that wants no login
	// Answer, if set, may answer a command in the server's place. An empty answer is none.
	Answer func(line string) string

	// Received, if set, is called with each mail before the server says that it has it.
	Received func(Message)

	// Cert is the server's certificate in PEM form.
	Cert []byte

	listener net.Listener
	config   *tls.Config
	mu       sync.Mutex
	got      []Message
	conns    sync.WaitGroup
}

// Start listens on a port of the loopback interface. The certificate is for 127.0.0.1.
func (s *Server) Start() error {
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	s.config = &tls.Config{Certificates: web.TLS.Certificates}
	s.Cert = pemOf(web.Certificate().Raw)
	web.Close()
	var err error
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.conns.Go(s.accept)
	return nil
}

func pemOf(der []byte) []byte {
	var b strings.Builder
	b.WriteString("-----BEGIN CERTIFICATE-----\n")
	text := base64.StdEncoding.EncodeToString(der)
	for len(text) > 64 {
		b.WriteString(text[:64] + "\n")
		text = text[64:]
	}
	b.WriteString(text + "\n-----END CERTIFICATE-----\n")
	return []byte(b.String())
}

// Port is where the server listens.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Close ends the server.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.conns.Wait()
}

// Messages returns what was received so far.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.got...)
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.conns.Go(func() {
			defer conn.Close()
			if s.Mode == Implicit {
				conn = tls.Server(conn, s.config)
			}
			(&session{server: s, conn: conn, lines: bufio.NewReader(conn), secure: s.Mode == Implicit}).serve()
		})
	}
}

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	lines  *bufio.Reader
	secure bool
	user   string
	now    Message
}

func (s *session) say(line string) { _, _ = fmt.Fprintf(s.conn, "%s\r\n", line) }

func (s *session) read() (string, bool) {
	line, err := s.lines.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err == nil
}

func (s *session) serve() {
	s.say("220 smtptest")
	for {
		line, ok := s.read()
		if !ok {
			return
		}
		if s.server.Answer != nil {
			if answer := s.server.Answer(line); answer != "" {
				s.say(answer)
				continue
			}
		}
		if !s.do(line) {
			return
		}
	}
}

// do carries out one command. It returns false at the end.
func (s *session) do(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		s.ehlo()
	case "STARTTLS":
		s.say("220 go ahead")
		s.conn = tls.Server(s.conn, s.server.config)
		s.lines, s.secure = bufio.NewReader(s.conn), true
	case "AUTH":
		s.auth(rest)
	case "MAIL":
		if s.server.User != "" && s.user == "" {
			s.say("530 5.7.0 log in first")
			return true
		}
		s.now = Message{From: rest, User: s.user, TLS: s.secure}
		s.say("250 ok")
	case "RCPT":
		s.now.To = append(s.now.To, rest)
		s.say("250 ok")
	case "DATA":
		return s.data()
	case "QUIT":
		s.say("221 bye")
		return false
	default:
		s.say("250 ok")
	}
	return true
}

func (s *session) ehlo() {
	s.say("250-smtptest")
	if s.server.Mode == StartTLS && !s.secure {
		s.say("250-STARTTLS")
	}
	if s.server.User != "" {
		s.say("250-AUTH PLAIN")
	}
	s.say("250 8BITMIME")
}

func (s *session) auth(rest string) {
	mechanism, initial, _ := strings.Cut(rest, " ")
	if mechanism != "PLAIN" {
		s.say("504 5.5.4 PLAIN alone")
		return
	}
	said, _ := base64.StdEncoding.DecodeString(initial)
	if string(said) != "\x00"+s.server.User+"\x00"+s.server.Password {
		s.say("535 5.7.8 refused " + initial) // as a server might that repeats what it got
		return
	}
	s.user = s.server.User
	s.say("235 welcome")
}

func (s *session) data() bool {
	s.say("354 go ahead")
	var b strings.Builder
	for {
		line, ok := s.read()
		if !ok {
			return false
		}
		if line == "." {
			break
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\n")
	}
	s.now.Data = b.String()
	s.server.mu.Lock()
	s.server.got = append(s.server.got, s.now)
	s.server.mu.Unlock()
	if s.server.Received != nil {
		s.server.Received(s.now)
	}
	s.say("250 kept")
	return true
}
