package apptest

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/dovecottest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// Server is a mail server that the same tests run against: pop3test's, or a real Dovecot. Its one
// user is u0 with the password pw0.
type Server struct {
	Addr, StartTLSAddr string
	Certificate        []byte
	Left               func() int // messages in the mailbox
}

// Servers are the ways to start a server with these messages in its mailbox.
var Servers = map[string]func(t testing.TB, messages []pop3test.Message) Server{
	"pop3test": StartPop3test,
	"dovecot":  StartDovecot,
}

// StartPop3test starts a server of package pop3test, until the test ends.
func StartPop3test(t testing.TB, messages []pop3test.Message) Server {
	t.Helper()
	var addrs [2]string
	var servers [2]*pop3test.Server
	for i := range servers {
		s := pop3test.NewServer()
		s.Users = map[string]string{"u0": "pw0"}
		s.Mailboxes = map[string][]pop3test.Message{"u0": messages}
		s.APOP, s.Pipelining, s.STLS = true, true, i == 1
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		servers[i], addrs[i] = s, s.Addr()
	}
	return Server{
		Addr: addrs[0], StartTLSAddr: addrs[1],
		Certificate: append(servers[0].CertPEM(), servers[1].CertPEM()...),
		Left:        func() int { return min(len(servers[0].Mailbox("u0")), len(servers[1].Mailbox("u0"))) },
	}
}

// StartDovecot starts a real Dovecot until the test ends. It skips the test if none is installed.
func StartDovecot(t testing.TB, messages []pop3test.Message) Server {
	t.Helper()
	s := dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}})
	for _, m := range messages {
		if err := s.Append("u0", m.Raw); err != nil {
			t.Fatal(err)
		}
	}
	return Server{
		Addr: s.Addr(), StartTLSAddr: s.StartTLSAddr(), Certificate: s.CertPEM(),
		Left: func() int {
			n, err := s.Count("u0")
			if err != nil {
				t.Error(err)
			}
			return n
		},
	}
}

// Config writes a configuration for the account "lab" on the server, with further lines of the
// account, and returns its path. Attachments go to out/lab below dir. The line "starttls" has the
// account connect to StartTLSAddr.
func (s Server) Config(t testing.TB, dir string, lines ...string) string {
	t.Helper()
	addr, mode := s.Addr, "implicit"
	for i, line := range lines {
		if line == "starttls" {
			addr, mode = s.StartTLSAddr, "starttls"
			lines = append(lines[:i:i], lines[i+1:]...)
		}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	text := []string{
		"output: out", "state: state.db", "accounts:", "  - name: lab", "    host: " + host, "    port: " + port,
		"    username: u0", "    tls: {mode: " + mode + ", ca_file: ca.pem}",
	}
	for _, line := range lines {
		text = append(text, "    "+line)
	}
	if !strings.Contains(strings.Join(lines, "\n"), "password") {
		text = append(text, "    password: pw0")
	}
	path := filepath.Join(dir, "attachd.yaml")
	for name, content := range map[string]string{path: strings.Join(text, "\n") + "\n", filepath.Join(dir, "ca.pem"): string(s.Certificate)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Rewrite replaces pieces of a file, each old one followed by the new.
func Rewrite(t *testing.T, path string, oldnew ...string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(content))), 0o600); err != nil {
		t.Fatal(err)
	}
}
