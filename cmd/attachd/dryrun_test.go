package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestDryRunTakesNothing: on a server that takes RETR and QUIT as consumed, all is there after a dry run, and is fetched by the
// run that it foresaw; an attachment that came before is left out by both.
func TestDryRunTakesNothing(t *testing.T) {
	t.Parallel()
	for _, pipelining := range []bool{false, true} {
		messages, _ := killMailbox(rand.New(rand.NewPCG(1, 2)))
		messages = messages[:5]
		messages = append(messages, pop3test.Message{UIDL: "again", Raw: messages[0].Raw}, pop3test.Message{UIDL: "broken", Raw: []byte(
			"Subject: broken\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nunclosed\r\n")})
		server := pop3test.NewServer()
		server.Users, server.Mailboxes = map[string]string{"u0": "pw0"}, map[string][]pop3test.Message{"u0": messages}
		server.Retr.ConsumesAtQuit, server.Pipelining, server.APOP = true, pipelining, true
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		s := mailServer{addr: server.Addr(), certificate: server.CertPEM()}
		dir := t.TempDir()
		config := s.config(t, dir, "after: delete", "duplicates: skip")
		var out bytes.Buffer
		if code := run([]string{"run", "--once", "--dry-run", "--config", config}, strings.NewReader(""), &out, &out, app.Hooks{}); code != exitOK {
			t.Fatalf("exit code %d\n%s", code, &out)
		}
		files := strings.Count(string(messages[0].Raw), "filename=")
		for text, n := range map[string]int{"received before, and duplicates: skip": files, "then deleted on the server": 7, "the message itself goes to quarantine": 1, "would fetch 7 messages with ": 1} {
			if got := strings.Count(out.String(), text); got != n {
				t.Errorf("%q is said %d times, want %d\n%s", text, got, n, &out)
			}
		}
		if slices.ContainsFunc(server.Log(), func(line string) bool { return strings.HasPrefix(line, "QUIT") || strings.HasPrefix(line, "DELE") }) {
			t.Errorf("the server was sent %q", server.Log())
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 { // the configuration and the certificate
			t.Errorf("the folder has %v, %v", entries, err)
		}
		server.Wait()
		if code, log := once(t, config); code != exitOK && !wentWell(code, log) || len(server.Mailbox("u0")) != 0 {
			t.Errorf("exit code %d, %d messages left\n%s", code, len(server.Mailbox("u0")), log)
		}
		found, err := filepath.Glob(filepath.Join(dir, "out", "lab", "*"))
		if err != nil || len(found) == 0 {
			t.Errorf("delivered %q, %v", found, err)
		}
	}
}
