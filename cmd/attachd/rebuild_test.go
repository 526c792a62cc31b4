package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// datedMail is a message with a note that came at a time, by its Received field or else its Date.
func datedMail(n int, field string, at time.Time) pop3test.Message {
	header := fmt.Sprintf("%s%s\r\nFrom: Erika %d <erika@example.com>\r\nSubject: Rechnung %d\r\n", field, at.Format(time.RFC1123Z), n, n)
	if field == "" {
		header = fmt.Sprintf("From: Erika %d <erika@example.com>\r\nSubject: Rechnung %d\x1b[2J\r\n", n, n)
	}
	return pop3test.Message{UIDL: fmt.Sprintf("note-%d", n), Raw: []byte(header + strings.SplitN(string(notes(n + 1)[n].Raw), "\r\n", 2)[1])}
}

const byReceived = "Received: from a by b with SMTP id 1;\r\n\t"

// TestRebuildFromBackup: a state that was restored from a backup lists what it takes for delivered without knowing it, and has those
// messages fetched, when asked, that came later. The ones from before it stay.
func TestRebuildFromBackup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    func(s *pop3test.Server)
		first  bool // it is asked for at once, and not after a rebuild without
		listed []string
		after  map[string]int // notes that are delivered again
	}{
		"at once": {first: true, after: map[string]int{"3": 1, "4": 1, "5": 1}},
		"later":   {after: map[string]int{"3": 1, "4": 1, "5": 1}},
		"without TOP": {
			set: reply("TOP", "-ERR unknown command"), listed: []string{`recorded as delivered +UIDL note-3 +no date +- +-\n`},
			after: map[string]int{"2": 1, "3": 1, "4": 1, "5": 1},
		},
		"TOP breaks the line": {
			set: reply("TOP", "what?"), listed: []string{`recorded as delivered +UIDL note-3 +no date +- +-\n`},
			after: map[string]int{"2": 1, "3": 1, "4": 1, "5": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pop3test.NewServer()
			s.Users, s.Pipelining = map[string]string{"u0": "pw0"}, true
			s.Mailboxes = map[string][]pop3test.Message{"u0": notes(2)}
			if c.set != nil {
				c.set(s)
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			dir := t.TempDir()
			config, output := mailServer{addr: s.Addr(), certificate: s.CertPEM()}.config(t, dir), filepath.Join(dir, "out", "lab")
			poll := func(want int) {
				t.Helper()
				if code, log := once(t, config); code != want {
					t.Fatalf("exit code %d\n%s", code, log)
				}
			}
			state := filepath.Join(dir, "state.db")
			poll(exitOK)
			backup, err := os.ReadFile(state)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			s.Append("u0", datedMail(2, "Date: ", now.Add(-48*time.Hour)), datedMail(3, "Date: ", now.Add(time.Minute)), datedMail(4, byReceived, now.Add(time.Minute)), datedMail(5, "", now))
			s.Wait()
			poll(exitOK)
			checkNotes(t, output, 6)
			takeAll(t, output)
			if err := os.WriteFile(state, backup, 0o600); err != nil {
				t.Fatal(err)
			}
			poll(exitTemporary)

			check := func(want []string, args ...string) {
				t.Helper()
				shown, code := attachd(t, append([]string{"state", "rebuild", "--config", config}, args...)...)
				if code != exitOK {
					t.Errorf("exit code %d", code)
				}
				for _, line := range want {
					if !regexp.MustCompile(line).MatchString(shown) {
						t.Errorf("%q does not say %s:\n%s", args, line, shown)
					}
				}
				checkHarmless(t, "rebuild", shown)
			}
			if !c.first {
				listed := c.listed
				if listed == nil {
					minute := now.Add(time.Minute).Local().Format("2006-01-02 15:04")
					listed = []string{
						`recorded as delivered +UIDL note-3 +` + minute + ` +Erika 3 <erika@example.com> +Rechnung 3\n`, `UIDL note-4 +` + minute, `UIDL note-5 +no date .*Rechnung 5\\x1b`,
						`6 messages on the server, 4 recorded as delivered\n`, `attachd state rebuild --newer-than-backup lab\n`,
					}
				}
				check(listed)
				poll(exitOK)
				if found := notesIn(t, output); len(found) != 0 {
					t.Errorf("delivered again: %v", found)
				}
			}
			check([]string{`will be fetched +UIDL note-3 `}, "--newer-than-backup", "lab")
			poll(exitOK)
			found := notesIn(t, output)
			for n, count := range c.after {
				if found[n] != count {
					t.Errorf("note %s was delivered %d times again, want %d", n, found[n], count)
				}
			}
			if len(found) != len(c.after) {
				t.Errorf("delivered again: %v", found)
			}
			takeAll(t, output)
			poll(exitOK)
			if found := notesIn(t, output); len(found) != 0 {
				t.Errorf("delivered once more: %v", found)
			}
		})
	}
}

// TestRebuildFromNothing: a state that is new is no backup.
func TestRebuildFromNothing(t *testing.T) {
	t.Parallel()
	server := startPop3test(t, notes(2))
	config := server.config(t, t.TempDir())
	if shown, code := attachd(t, "state", "rebuild", "--newer-than-backup", "--config", config); code != exitTemporary || !strings.Contains(shown, "the state knows nothing at all") {
		t.Errorf("exit code %d\n%s", code, shown)
	}
	if shown, code := attachd(t, "state", "rebuild", "--config", config); code != exitOK || shown != "account lab: 2 messages on the server, 2 recorded as delivered\n" {
		t.Errorf("exit code %d\n%s", code, shown)
	}
}
