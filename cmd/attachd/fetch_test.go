package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// once runs `attachd run --once` within the test and returns its exit code and
// its log.
func once(t *testing.T, config string, flags ...string) (code int, log string) {
	t.Helper()
	var stderr bytes.Buffer
	code = run(append([]string{"run", "--once", "--config", config}, flags...), strings.NewReader(""), io.Discard, &stderr, app.Hooks{})
	return code, stderr.String()
}

// notes makes messages with a file "note.txt" each, whose content is the number
// of the message.
func notes(n int) []pop3test.Message {
	messages := make([]pop3test.Message, n)
	for i := range messages {
		messages[i] = pop3test.Message{UIDL: fmt.Sprintf("note-%d", i), Raw: fmt.Appendf(nil,
			"Subject: %[1]d\r\nContent-Type: text/plain; name=note.txt\r\nContent-Disposition: attachment\r\n\r\n%[1]d", i)}
	}
	return messages
}

// notesIn returns the contents of the files in a folder, each with its count.
func notesIn(t *testing.T, folder string) map[string]int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]int)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSpace(string(content))]++
	}
	return found
}

func checkNotes(t *testing.T, folder string, n int) {
	t.Helper()
	found := notesIn(t, folder)
	for i := range n {
		if count := found[fmt.Sprint(i)]; count != 1 {
			t.Errorf("note %d stands %d times, want once", i, count)
		}
	}
	if len(found) != n {
		t.Errorf("%d different files, want %d", len(found), n)
	}
}

// TestLogins fetches by every way to log in, over implicit TLS and STLS.
func TestLogins(t *testing.T) {
	t.Parallel()
	for server, start := range mailServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, notes(3))
			for _, tls := range []string{"implicit", "starttls"} {
				for auth, mechanism := range map[string]string{"auto": "APOP", "apop": "APOP", "pass": "USER/PASS", "plain": "PLAIN", "login": "LOGIN"} {
					t.Run(tls+" "+auth, func(t *testing.T) {
						dir := t.TempDir()
						lines := []string{"auth: " + auth}
						if tls == "starttls" {
							lines = append(lines, tls)
						}
						code, log := once(t, s.config(t, dir, lines...), "--log-level", "debug")
						if code != exitOK {
							t.Fatalf("exit code %d\n%s", code, log)
						}
						if want := `"mechanism":"` + mechanism + `"`; !strings.Contains(log, want) {
							t.Errorf("log lacks %s:\n%s", want, log)
						}
						checkNotes(t, filepath.Join(dir, "out", "lab"), 3)

						dir = t.TempDir()
						code, log = once(t, s.config(t, dir, append(lines, "password: swordfish")...))
						if code != exitTemporary || !strings.Contains(log, "log in to ") || !strings.Contains(log, " with "+mechanism+": server said: -ERR") {
							t.Errorf("wrong password: exit code %d\n%s", code, log)
						}
						if strings.Contains(log, "swordfish") {
							t.Errorf("the password is in the log:\n%s", log)
						}
					})
				}
			}
		})
	}
}

// takeAll is a consumer that takes every file.
func takeAll(t *testing.T, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// TestThousand keeps a mailbox of 1,000 messages (or a quarter of them), looks again, and then deletes
// them: nothing may come twice, and deleting must fetch nothing.
func TestThousand(t *testing.T) {
	t.Parallel()
	n := testsize.Of(250, 1000)
	for server, start := range mailServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, notes(n))
			dir := t.TempDir()
			output := filepath.Join(dir, "out", "lab")
			for poll := range 2 {
				if code, log := once(t, s.config(t, dir, "after: keep")); code != exitOK {
					t.Fatalf("poll %d: exit code %d\n%s", poll, code, log)
				}
				checkNotes(t, output, n)
				if left := s.left(); left != n {
					t.Fatalf("%d messages left, want all kept", left)
				}
			}
			takeAll(t, output)
			// Not due yet: nothing is deleted.
			if code, log := once(t, s.config(t, dir, "after: delete", "delete_after: 1h")); code != exitOK || s.left() != n {
				t.Fatalf("exit code %d, %d messages left, want %d\n%s", code, s.left(), n, log)
			}
			if code, log := once(t, s.config(t, dir, "after: delete")); code != exitOK || s.left() != 0 {
				t.Fatalf("exit code %d, %d messages left, want none\n%s", code, s.left(), log)
			}
			if found := notesIn(t, output); len(found) != 0 {
				t.Errorf("%d files were delivered again", len(found))
			}
		})
	}
}

// TestDeleteAtOnce fetches and deletes in one poll.
func TestDeleteAtOnce(t *testing.T) {
	t.Parallel()
	for server, start := range mailServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, notes(100))
			dir := t.TempDir()
			if code, log := once(t, s.config(t, dir, "after: delete")); code != exitOK || s.left() != 0 {
				t.Fatalf("exit code %d, %d messages left, want none\n%s", code, s.left(), log)
			}
			checkNotes(t, filepath.Join(dir, "out", "lab"), 100)
		})
	}
}

// TestCheckWarnsOfCertificates says of each server's certificate when it ends, and aloud when that is soon.
func TestCheckWarnsOfCertificates(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		end  time.Time
		want string
	}{
		{now.Add(15*24*time.Hour + time.Hour), ""},
		{now.Add(10*24*time.Hour + time.Hour), " (WARNING: in 10 days)"},
		{now.Add(-time.Minute), " (WARNING: has expired)"},
	} {
		s := pop3test.NewServer()
		s.Users, s.CertificateEnd = map[string]string{"u0": "pw0"}, test.end
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		path := mailServer{addr: s.Addr(), certificate: s.CertPEM()}.config(t, t.TempDir())
		rewrite(t, path, "ca_file: ca.pem", "insecure_skip_verify: true")
		var stdout bytes.Buffer
		code := run([]string{"check", "--online", "--config", path}, strings.NewReader(""), &stdout, io.Discard, app.Hooks{})
		if want := ", certificate until " + test.end.UTC().Format(time.DateOnly) + test.want + "  "; code != exitOK || !strings.Contains(stdout.String(), want) {
			t.Errorf("exit code %d, want the output to hold %q:\n%s", code, want, stdout.String())
		}
	}
}

// TestResume: an account keeps its TLS session from poll to poll, and servers go on with it, over implicit TLS and STLS.
func TestResume(t *testing.T) {
	t.Parallel()
	for server, start := range mailServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			for _, mode := range []string{"implicit", "starttls"} {
				lines := []string{"auth: auto"}
				if mode == "starttls" {
					lines = append(lines, mode)
				}
				c, _, err := config.Load(s.config(t, t.TempDir(), lines...))
				if err != nil {
					t.Fatal(err)
				}
				a := wiring.Accounts(c, nil)[0]
				for i := range 3 {
					p, err := poll.Check(t.Context(), a.Account, zerolog.Nop())
					if err != nil || p.Resumed != (i > 0) {
						t.Errorf("%s, connection %d: resumed %t, %v", mode, i+1, p.Resumed, err)
					}
				}
			}
		})
	}
}
