package preview_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/cmd/attachd/preview"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// dryRun returns what a dry run of a configuration says. No account may fail.
func dryRun(t *testing.T, path string) string {
	t.Helper()
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := preview.DryRun(t.Context(), &out, c, zerolog.Nop(), func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestDryRunTakesNothing: on a server that takes RETR and QUIT as consumed, all is there after a
// dry run, and is fetched by the run that it foresaw; an attachment that came before is left out by
// both.
func TestDryRunTakesNothing(t *testing.T) {
	t.Parallel()
	for _, pipelining := range []bool{false, true} {
		var messages []pop3test.Message
		for i := range 5 {
			text := "Subject: files\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
			for k := range (i+1)%3 + 1 {
				line := fmt.Sprintf("line of file %d of message %d\r\n", k, i)
				text += fmt.Sprintf("--b\r\nContent-Disposition: attachment; filename=%d.txt\r\n\r\n%s", k, strings.Repeat(line, 1+1000*i))
			}
			messages = append(messages, pop3test.Message{UIDL: fmt.Sprint("m", i), Raw: []byte(text + "--b--\r\n")})
		}
		messages = append(messages, pop3test.Message{UIDL: "again", Raw: messages[0].Raw}, pop3test.Message{UIDL: "broken", Raw: []byte(
			"Subject: broken\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nunclosed\r\n")})
		server := pop3test.NewServer()
		server.Users, server.Mailboxes = map[string]string{"u0": "pw0"}, map[string][]pop3test.Message{"u0": messages}
		server.Retr.ConsumesAtQuit, server.Pipelining, server.APOP = true, pipelining, true
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		s := apptest.Server{Addr: server.Addr(), Certificate: server.CertPEM()}
		dir := t.TempDir()
		path := s.Config(t, dir, "after: delete", "duplicates: skip")
		out := dryRun(t, path)
		files := strings.Count(string(messages[0].Raw), "filename=")
		for text, n := range map[string]int{"received before, and duplicates: skip": files, "then deleted on the server": 7, "the message itself goes to quarantine": 1, "would fetch 7 messages with ": 1} {
			if got := strings.Count(out, text); got != n {
				t.Errorf("%q is said %d times, want %d\n%s", text, got, n, out)
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
		if o, log := apptest.Once(t, path, ""); len(o.Failed) > 0 || len(server.Mailbox("u0")) != 0 {
			t.Errorf("%v, %d messages left\n%s", o.Failed, len(server.Mailbox("u0")), log)
		}
		found, err := filepath.Glob(filepath.Join(dir, "out", "lab", "*"))
		if err != nil || len(found) == 0 {
			t.Errorf("delivered %q, %v", found, err)
		}
	}
}

// TestDryRunDoesNotPromise: a dry run does not say that a message would be delivered and deleted if
// a run compares or keeps it.
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
	s := apptest.Server{Addr: server.Addr(), Certificate: server.CertPEM()}
	path := s.Config(t, t.TempDir())
	if o, log := apptest.Once(t, path, ""); len(o.Failed) > 0 {
		t.Fatalf("%v\n%s", o.Failed, log)
	}
	server.Replace("u0", letter("2", whole),
		letter("3", "Message-ID: <2@x>\nSubject: piece\nContent-Type: message/partial; id=z; number=1; total=2\n\nContent-Type: application/pdf; name=b.pdf\n\nabc\n"))
	out := dryRun(t, path)
	for _, text := range []string{"  2 messages may have been delivered before: compared when they are fetched", "  a piece of a message: it is kept, and left on the server", "; 1 message to quarantine. Nothing was done."} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not said in\n%s", text, out)
		}
	}
}
