package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/dovecottest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// mailServer is a server that the same tests run against: pop3test's, or a real
// Dovecot. Its one user is u0 with the password pw0.
type mailServer struct {
	addr, startTLSAddr string
	certificate        []byte
	left               func() int // messages in the mailbox
}

// mailServers are the ways to start one with these messages in it.
var mailServers = map[string]func(t testing.TB, messages []pop3test.Message) mailServer{
	"pop3test": startPop3test,
	"dovecot":  startDovecot,
}

func startPop3test(t testing.TB, messages []pop3test.Message) mailServer {
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
	return mailServer{
		addr: addrs[0], startTLSAddr: addrs[1],
		certificate: append(servers[0].CertPEM(), servers[1].CertPEM()...),
		left:        func() int { return min(len(servers[0].Mailbox("u0")), len(servers[1].Mailbox("u0"))) },
	}
}

func startDovecot(t testing.TB, messages []pop3test.Message) mailServer {
	t.Helper()
	s := dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}})
	for _, m := range messages {
		if err := s.Append("u0", m.Raw); err != nil {
			t.Fatal(err)
		}
	}
	return mailServer{
		addr: s.Addr(), startTLSAddr: s.StartTLSAddr(), certificate: s.CertPEM(),
		left: func() int {
			n, err := s.Count("u0")
			if err != nil {
				t.Error(err)
			}
			return n
		},
	}
}

// config writes a configuration for the account "lab" on the server, with further
// lines of the account, and returns its path. Attachments go to out/lab below dir.
func (s mailServer) config(t testing.TB, dir string, lines ...string) string {
	t.Helper()
	addr, mode := s.addr, "implicit"
	for i, line := range lines {
		if line == "starttls" {
			addr, mode = s.startTLSAddr, "starttls"
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
	for name, content := range map[string]string{path: strings.Join(text, "\n") + "\n", filepath.Join(dir, "ca.pem"): string(s.certificate)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
