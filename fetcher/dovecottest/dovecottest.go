// Package dovecottest runs a real Dovecot as a POP3 server for tests and
// benchmarks.
//
// [Start] starts one on loopback ports, in a temporary folder, with users and
// passwords of the test's choosing and a certificate made on the spot. It reads and
// changes nothing of the machine's own Dovecot configuration, and does not disturb a
// Dovecot that serves real mail beside it. The test fills mailboxes with
// [Server.Append] or [Server.AppendStream], looks at what is left with
// [Server.Mailbox], and may restart the server in between. Only tests import this
// package.
//
// # What the server is like
//
//   - Addr speaks POP3 over TLS from the first byte (RFC 8314 section 3.2).
//   - StartTLSAddr speaks POP3 with STLS (RFC 2595 section 4). Unless Options.Plaintext
//     is set, it refuses every login before STLS. That holds on Linux; elsewhere Dovecot
//     trusts its own machine.
//   - Mechanisms are APOP, USER/PASS, PLAIN and LOGIN. Capabilities include UIDL, TOP,
//     RESP-CODES and PIPELINING.
//   - A wrong password is answered within half a second, the least that Dovecot takes:
//     its delays and penalties are off.
//   - Deletions take effect at QUIT.
//   - Mailboxes are Maildirs. Their file names carry the sizes, so that thousands of
//     messages are quickly made and quickly listed.
//   - By default the server does not fsync: the client is tested or measured, not the
//     server.
//
// # What it needs
//
// It needs Dovecot with its POP3 server, as Debian's dovecot-pop3d 2.3 has it. For 2.4
// the configuration is written in the language of 2.4, from its documentation. Where
// Dovecot is missing, tests are skipped with a hint on how to install it. With CI=true in
// the environment they fail instead, since a CI that skips its main tests is worse than
// none.
//
// It runs as root, where mail belongs to the user nobody, and as any other user.
//
// # How it ends
//
// When the test and its subtests are done, the server is killed with all its processes
// and its folder is removed. If the test process dies on the way, the kernel ends the
// server (on Linux). If the test failed, the end of the server's log is in the test's log.
package dovecottest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	host         = "127.0.0.1"
	startTimeout = time.Minute     // a cold start takes well under a second
	stopTimeout  = 5 * time.Second // from SIGTERM to SIGKILL
	startTries   = 5               // ports may be taken between choosing and use

	// AF_UNIX paths end at 108 bytes, and Dovecot needs some 30 of them for names.
	maxFolderPath = 70
	maxLogShown   = 16 << 10
)

// Options says what the server is like. Only Users is needed.
type Options struct {
	// Users maps names to passwords. Names consist of ASCII letters, digits and
	// ".-_@"; passwords are any bytes.
	Users map[string]string
	// Introspection is the URL of a token introspection endpoint (RFC 7662). It must
	// give the user's name as "username". With it, users can also log in by XOAUTH2 and
	// OAUTHBEARER.
	Introspection string
	// Plaintext lets users log in on StartTLSAddr without STLS.
	Plaintext bool
	// Fsync makes the server fsync what it changes, as a real one does.
	Fsync bool
	// Settings are further lines of the configuration, in the language of the
	// installed Dovecot; they come last and so win: "pop3_no_flag_updates = yes".
	Settings []string
}

// Server is a running Dovecot. Its methods may be called from several goroutines,
// but not beside Restart.
type Server struct {
	dir           string // holds everything: configuration, sockets, mail, log
	owner         owner
	certificate   certificate
	version       version
	options       Options
	settings      []string // of the last Restart
	pop3s, pop3   int      // ports
	process       *process
	messageNumber counter
}

// Start starts a server that ends with the test. Without a usable Dovecot it skips
// the test, or fails it when the environment has CI=true; it also fails it when
// the server does not come up.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	if err := Available(); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	s, err := create(o)
	if s != nil {
		tb.Cleanup(func() {
			stopped := s.stop(0)
			if tb.Failed() {
				tb.Logf("Dovecot's log:\n%s", s.Log())
			}
			if stopped != nil {
				tb.Errorf("stop Dovecot: %v", stopped)
			}
			if err := os.RemoveAll(s.dir); err != nil {
				tb.Errorf("remove Dovecot's folder: %v", err)
			}
		})
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		tb.Fatalf("start Dovecot: %v", err)
	}
	return s
}

// create makes the server's folder and fills it. Once the folder exists the server
// is returned, also with an error, so that the folder can be removed.
func create(o Options) (*Server, error) {
	v, err := installed()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, version: v, options: o}
	if len(dir) > maxFolderPath {
		return s, fmt.Errorf("folder %s has too long a path for sockets: set TMPDIR to a shorter one", dir)
	}
	// Dovecot's processes run as several users, and all of them come through here.
	if err := os.Chmod(dir, 0o755); err != nil {
		return s, err
	}
	if s.owner, err = mailOwner(); err != nil {
		return s, err
	}
	if s.certificate, err = makeCertificate(); err != nil {
		return s, err
	}
	for name := range o.Users {
		if err := s.makeMaildir(name); err != nil {
			return s, err
		}
	}
	return s, s.writeFiles()
}

func (s *Server) start() error {
	// Dovecot cannot choose ports by itself, and between our choice and its use
	// someone else may take one. On a restart the ports are known and must stay.
	choose := s.pop3s == 0
	var err error
	for range startTries {
		if choose {
			if s.pop3s, s.pop3, err = freePorts(); err != nil {
				return err
			}
		}
		if err = s.tryStart(); err == nil {
			return nil
		}
		if !errors.Is(err, errPortTaken) {
			return err
		}
		os.Remove(s.path("dovecot.log")) // where the next try would find the old complaint
	}
	return err
}

var errPortTaken = errors.New("port taken meanwhile")

func (s *Server) tryStart() error {
	if err := s.writeConfig(); err != nil {
		return err
	}
	p, err := startProcess(s.version.path, s.path("dovecot.conf"), s.path("output"))
	if err != nil {
		return err
	}
	s.process = p
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := retry(ctx, p.done, func() error { return s.greets(ctx) }); err != nil {
		stopped := s.stop(0)
		said := s.Log() + s.output()
		if strings.Contains(said, "Address already in use") {
			return errPortTaken
		}
		return errors.Join(fmt.Errorf("%w\n%s", err, said), stopped)
	}
	return nil
}

// greets succeeds if the server greets over a line that only it can have the
// certificate for.
func (s *Server) greets(ctx context.Context) error {
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: s.CertPool(), MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	line, err := bufio.NewReaderSize(conn, 512).ReadSlice('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(line), "+OK") {
		return fmt.Errorf("greeting %q", line)
	}
	return nil
}

// Restart stops the server, cutting every connection, and starts it again on the
// same ports, with these settings behind those of the Options.
func (s *Server) Restart(settings ...string) error {
	if err := s.stop(stopTimeout); err != nil {
		return err
	}
	s.settings = settings
	// Its processes die one after the other, and a Dovecot that finds its port
	// taken sleeps before it tries again.
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	err := retry(ctx, nil, func() error {
		return errors.Join(canListen(s.Addr()), canListen(s.StartTLSAddr()))
	})
	if err != nil {
		return err
	}
	return s.start()
}

func canListen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// retry calls try until it succeeds, ctx ends or ended is closed.
func retry(ctx context.Context, ended <-chan struct{}, try func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("it ended by itself: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("not in %v: %w", startTimeout, err)
		case <-tick.C:
		}
	}
}

func (s *Server) stop(grace time.Duration) error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	return p.end(grace)
}

// Addr returns the "host:port" of POP3 over TLS.
func (s *Server) Addr() string { return net.JoinHostPort(host, strconv.Itoa(s.pop3s)) }

// StartTLSAddr returns the "host:port" of POP3 with STLS.
func (s *Server) StartTLSAddr() string { return net.JoinHostPort(startTLSHost(), strconv.Itoa(s.pop3)) }

// CertPEM returns the certificate to trust. It is for localhost and the addresses
// that the server listens on.
func (s *Server) CertPEM() []byte { return s.certificate.cert }

// CertFile returns the path of a file with CertPEM in it.
func (s *Server) CertFile() string { return s.path("cert.pem") }

// CertPool returns a pool with the certificate to trust.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.certificate.cert)
	return pool
}

// Log returns what the server has logged, at most the last 16 KiB of it.
func (s *Server) Log() string {
	log, err := os.ReadFile(s.path("dovecot.log"))
	if err != nil {
		return "" // nothing was logged yet
	}
	return string(log[max(0, len(log)-maxLogShown):])
}

// output is what Dovecot said before its log was open.
func (s *Server) output() string {
	said, err := os.ReadFile(s.path("output"))
	if err != nil {
		return ""
	}
	return string(said)
}

func (s *Server) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// freePorts finds two ports that nobody listens on.
func freePorts() (a, b int, err error) {
	ports := make([]int, 2)
	for i := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort([]string{host, startTLSHost()}[i], "0"))
		if err != nil {
			return 0, 0, err
		}
		defer l.Close() // only when both are chosen, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports[0], ports[1], nil
}
