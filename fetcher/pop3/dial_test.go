package pop3_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

func start(t testing.TB, configure func(s *pop3test.Server)) *pop3test.Server {
	t.Helper()
	s := pop3test.NewServer()
	s.Users = map[string]string{"u": "secret"}
	s.Mailboxes = map[string][]pop3test.Message{"u": {
		{UIDL: "a", Raw: []byte("Subject: a\r\n\r\n.stuffed\r\n.\r\nend\r\n")},
		{UIDL: "b", Raw: []byte("Subject: b\n\nno line end")},
		{UIDL: "c"},
	}}
	s.Pipelining, s.APOP = true, true
	if configure != nil {
		configure(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func dialer(s *pop3test.Server, mode pop3.Mode) *pop3.Dialer {
	return &pop3.Dialer{Addr: s.Addr(), Mode: mode, TLSConfig: &tls.Config{RootCAs: s.CertPool()}}
}

func dial(t testing.TB, s *pop3test.Server, mode pop3.Mode) *pop3.Client {
	t.Helper()
	c, err := dialer(s, mode).Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// plainSASL is PLAIN (RFC 4616).
func plainSASL(user, password string) *script {
	return &script{mechanism: "PLAIN", initial: []byte("\x00" + user + "\x00" + password)}
}

// TestStep: the error of Dial says which step failed, and of whom it came.
func TestStep(t *testing.T) {
	t.Parallel()
	say := func(text string) func(s *pop3test.Server) {
		return func(s *pop3test.Server) {
			s.Plaintext = true
			s.Serve = func(conn net.Conn) {
				io.WriteString(conn, text)
				io.Copy(io.Discard, conn)
			}
		}
	}
	for _, test := range []struct {
		name      string
		configure func(s *pop3test.Server)
		mode      pop3.Mode
		change    func(d *pop3.Dialer)
		want      string
		is        error
	}{
		{"unknown authority", nil, pop3.Implicit, func(d *pop3.Dialer) { d.TLSConfig = nil }, "TLS handshake: tls: failed to verify certificate: x509: ", nil},
		{"other name", nil, pop3.Implicit, func(d *pop3.Dialer) { d.TLSConfig.ServerName = "mx.example" }, "TLS handshake: tls: failed to verify certificate: x509: ", nil},
		{"STLS with unknown authority", func(s *pop3test.Server) { s.STLS = true }, pop3.StartTLS, func(d *pop3.Dialer) { d.TLSConfig = nil }, "STLS: TLS handshake: tls: failed to verify certificate: x509: ", nil},
		{"TLS to a POP3 server in the clear", say("+OK <1.2@host>\r\n"), pop3.Implicit, nil, "TLS handshake: not a POP3 server: a POP3 server answered without TLS: use STLS on this port", pop3.ErrNotPOP3},
		{"TLS to an IMAP server in the clear", say("* OK ready\r\n"), pop3.Implicit, nil, "TLS handshake: not a POP3 server: an IMAP server answered", pop3.ErrNotPOP3},
		{"TLS to an SMTP server in the clear", say("220 mx ESMTP\r\n"), pop3.Implicit, nil, "TLS handshake: not a POP3 server: an SMTP or FTP server answered", pop3.ErrNotPOP3},
		{"TLS to an HTTP server in the clear", say("HTTP/1.0 400 Bad Request\r\n\r\n"), pop3.Implicit, nil, "TLS handshake: not a POP3 server: an HTTP server answered", pop3.ErrNotPOP3},
		{"TLS to silence", say(""), pop3.Implicit, func(d *pop3.Dialer) { d.Timeouts.TLS = 50 * time.Millisecond }, "TLS handshake: no answer within 50ms: is it a TLS port, such as 995? (timeouts.tls)", nil},
		{"clear to a TLS server", nil, pop3.Plaintext, func(d *pop3.Dialer) { d.Timeouts.Greeting = 50 * time.Millisecond }, "read greeting: no greeting within 50ms: is it a TLS port", nil},
		{"IMAP behind TLS", func(s *pop3test.Server) { s.Greeting = "* OK ready" }, pop3.Implicit, nil, "read greeting: not a POP3 server: an IMAP server answered", pop3.ErrNotPOP3},
		{"no STLS", func(s *pop3test.Server) { s.Plaintext = true }, pop3.StartTLS, nil, "STLS: server does not offer STLS", pop3.ErrNoSTLS},
		{
			"STLS refused",
			func(s *pop3test.Server) {
				s.STLS = true
				s.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
					if cmd == "STLS" {
						c.Reply("-ERR [SYS/TEMP] not now")
					}
					return cmd == "STLS"
				}
			},
			pop3.StartTLS, nil, "STLS: server does not offer STLS: server said: -ERR [SYS/TEMP] not now", pop3.ErrNoSTLS,
		},
		{
			"injected behind STLS",
			func(s *pop3test.Server) {
				s.Plaintext = true
				s.Serve = func(conn net.Conn) {
					r := bufio.NewReader(conn)
					for _, answer := range []string{"+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK\r\n+OK forged\r\n"} {
						io.WriteString(conn, answer)
						r.ReadString('\n')
					}
				}
			},
			pop3.StartTLS, nil, `STLS: plaintext injected after STLS: "+OK forged"`, pop3.ErrInjected,
		},
		{"no port", nil, pop3.Implicit, func(d *pop3.Dialer) { d.Addr = "localhost" }, "dial: address localhost: missing port in address", nil},
		{
			"own dialer", nil, pop3.Implicit,
			func(d *pop3.Dialer) {
				d.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrNoProgress }
			}, "dial: " + io.ErrNoProgress.Error(), io.ErrNoProgress,
		},
		{
			"dial time-out", nil, pop3.Implicit,
			func(d *pop3.Dialer) {
				d.Timeouts.Dial = time.Millisecond
				d.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}
			}, "(timeouts.dial)", context.DeadlineExceeded,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.configure)
			d := dialer(s, test.mode)
			if test.change != nil {
				test.change(d)
			}
			c, err := d.Dial(t.Context())
			if err == nil {
				c.Close()
				t.Fatalf("no error, want %q", test.want)
			}
			if !strings.Contains(err.Error(), test.want) || strings.Contains(test.want, ": ") && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %q, want %q", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
			for _, line := range s.Log() {
				if line != "CAPA" && line != "STLS" {
					t.Errorf("%q was sent", line)
				}
			}
		})
	}
}

// TestSharedTime: a session that shares the time of one before ends with it, from the first read.
func TestSharedTime(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, mode := range []pop3.Mode{pop3.Implicit, pop3.StartTLS} {
		d := dialer(s, mode)
		d.Timeouts.Session, d.Since = time.Hour, time.Now().Add(-time.Hour)
		if _, err := d.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "(timeouts.session)") {
			t.Errorf("mode %v: error %v, want one that names timeouts.session", mode, err)
		}
	}
}

func TestDialRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.Close()
	if _, err := dialer(s, pop3.Implicit).Dial(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "dial tcp ") {
		t.Errorf("error %v, want a dial error", err)
	}
}

func TestDialCancelled(t *testing.T) {
	t.Parallel()
	s := start(t, func(s *pop3test.Server) {
		s.Plaintext = true
		s.Serve = func(conn net.Conn) { io.Copy(io.Discard, conn) }
	})
	cause := errors.New("shutting down")
	for _, mode := range []pop3.Mode{pop3.Implicit, pop3.StartTLS, pop3.Plaintext} {
		ctx, cancel := context.WithCancelCause(t.Context())
		d := dialer(s, mode)
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
			return conn, err
		}
		started := time.Now()
		if _, err := d.Dial(ctx); !errors.Is(err, cause) {
			t.Errorf("mode %d: error %v, want %v", mode, err, cause)
		}
		if took := time.Since(started); took > 4*time.Second {
			t.Errorf("mode %d: took %v to give up", mode, took)
		}
	}
}

// TestTLSConfig: the caller's configuration is used and left as it is, except for versions that are
// too old.
func TestTLSConfig(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	verified := false
	config := &tls.Config{RootCAs: s.CertPool(), MinVersion: tls.VersionTLS10, VerifyConnection: func(tls.ConnectionState) error {
		verified = true
		return nil
	}}
	d := &pop3.Dialer{Addr: s.Addr(), TLSConfig: config}
	c, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !verified || config.MinVersion != tls.VersionTLS10 || config.ServerName != "" {
		t.Errorf("verified %t, configuration %+v", verified, config)
	}
	// A server that knows no better than TLS 1.1 gets no password.
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: config.Certificates, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return nil, errors.New("no certificate")
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	if _, err := (&pop3.Dialer{Addr: listener.Addr().String(), TLSConfig: config}).Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: error %v", err)
	}
}

func TestCertificateOfServer(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{RootCAs: s.CertPool(), ServerName: name})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		conn.Close()
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(s.CertPEM()) {
		t.Error("CertPEM is no certificate")
	}
}
