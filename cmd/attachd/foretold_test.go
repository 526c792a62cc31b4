package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDryRunDoesNotPromise: of what a run compares or keeps, a dry run does not say that it would be delivered and deleted.
func TestDryRunDoesNotPromise(t *testing.T) {
	t.Parallel()
	letter := func(uidl, text string) pop3test.Message {
		return pop3test.Message{UIDL: uidl, Raw: []byte(strings.ReplaceAll(text, "\n", "\r\n"))}
	}
	whole := "Message-ID: <1@x>\nFrom: a@x\nSubject: whole\nContent-Type: application/pdf; name=a.pdf\n\nabc\n"
	server := pop3test.NewServer()
	server.Users, server.Mailboxes = map[string]string{"u0": "pw0"}, map[string][]pop3test.Message{"u0": {letter("1", whole)}}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := mailServer{addr: server.Addr(), certificate: server.CertPEM()}
	config := s.config(t, t.TempDir())
	if code, log := once(t, config); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	server.Replace("u0", letter("2", whole),
		letter("3", "Message-ID: <2@x>\nSubject: piece\nContent-Type: message/partial; id=z; number=1; total=2\n\nContent-Type: application/pdf; name=b.pdf\n\nabc\n"))
	var out bytes.Buffer
	if code := run([]string{"run", "--once", "--dry-run", "--config", config}, strings.NewReader(""), &out, &out, app.Hooks{}); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, &out)
	}
	for _, text := range []string{"  2 messages may have been delivered before: compared when they are fetched", "  a piece of a message: it is kept, and left on the server", "; 1 message to quarantine. Nothing was done."} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("%q is not said in\n%s", text, &out)
		}
	}
}
