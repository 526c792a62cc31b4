package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// datedMail is a message with a note that came at a time, by its Received field or else its Date.
func datedMail(n int, field string, at time.Time) pop3test.Message {
	header := fmt.Sprintf("%s%s\r\nFrom: Erika %d <erika@example.com>\r\nSubject: Rechnung %d\r\n", field, at.Format(time.RFC1123Z), n, n)
	if field == "" {
		header = fmt.Sprintf("From: Erika %d <erika@example.com>\r\nSubject: Rechnung %d\x1b[2J\r\n", n, n)
	}
	return pop3test.Message{UIDL: fmt.Sprintf("note-%d", n), Raw: []byte(header + strings.SplitN(string(apptest.Notes(n + 1)[n].Raw), "\r\n", 2)[1])}
}

const byReceived = "Received: from a by b with SMTP id 1;\r\n\t"

// restored is an account whose state is a backup: it knows notes 0 and 1, and 2 to 5 were delivered
// since. Of these, 2 has a date from before the backup, and 5 none.
type restored struct {
	*testing.T
	config, output string
	came           time.Time // 3 and 4
}

func restore(t *testing.T, set func(s *pop3test.Server)) *restored {
	t.Helper()
	s := pop3test.NewServer()
	s.Users, s.Pipelining = map[string]string{"u0": "pw0"}, true
	s.Mailboxes = map[string][]pop3test.Message{"u0": apptest.Notes(2)}
	if set != nil {
		set(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	r := &restored{T: t, config: apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, dir), output: filepath.Join(dir, "out", "lab")}
	state := filepath.Join(dir, "state.db")
	r.poll(exitOK)
	backup, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	r.came = time.Now().Add(time.Minute)
	s.Append("u0", datedMail(2, "Date: ", r.came.Add(-48*time.Hour)), datedMail(3, "Date: ", r.came), datedMail(4, byReceived, r.came), datedMail(5, "", r.came))
	s.Wait()
	r.poll(exitOK)
	apptest.CheckNotes(t, r.output, 6)
	apptest.TakeAll(t, r.output)
	if err := os.WriteFile(state, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	r.poll(exitTemporary)
	return r
}

func (r *restored) poll(want int) {
	r.Helper()
	if code, log := once(r.T, r.config); code != want {
		r.Fatalf("exit code %d\n%s", code, log)
	}
}

// rebuild checks that these lines are printed.
func (r *restored) rebuild(lines []string, args ...string) {
	r.Helper()
	shown, code := attachd(r.T, append([]string{"state", "rebuild", "--config", r.config}, args...)...)
	if code != exitOK {
		r.Errorf("exit code %d", code)
	}
	for _, line := range lines {
		if !regexp.MustCompile(line).MatchString(shown) {
			r.Errorf("%q does not say %s:\n%s", args, line, shown)
		}
	}
	checkHarmless(r.T, "rebuild", shown)
}

// delivers polls, and checks which notes come.
func (r *restored) delivers(notes ...string) {
	r.Helper()
	r.poll(exitOK)
	found := apptest.NotesIn(r.T, r.output)
	for _, n := range notes {
		if found[n] != 1 {
			r.Errorf("note %s was delivered %d times again, want once", n, found[n])
		}
	}
	if len(found) != len(notes) {
		r.Errorf("delivered again: %v, want %q", found, notes)
	}
	apptest.TakeAll(r.T, r.output)
}

// TestRebuildFromBackup: a state that was restored from a backup lists what it takes for delivered
// without knowing it. It has the messages fetched that came after the backup, when asked; the ones
// from before stay.
func TestRebuildFromBackup(t *testing.T) {
	t.Parallel()
	const noDate = `recorded as delivered +UIDL note-3 +no date +- +-\n`
	for name, c := range map[string]struct {
		set    func(s *pop3test.Server)
		first  bool   // it is asked for at once, and not after a rebuild without
		listed string // of note 3
		again  []string
	}{
		"at once":             {first: true, again: []string{"3", "4", "5"}},
		"later":               {again: []string{"3", "4", "5"}},
		"without TOP":         {set: reply("TOP", "-ERR unknown command"), listed: noDate, again: []string{"2", "3", "4", "5"}},
		"TOP breaks the line": {set: reply("TOP", "what?"), listed: noDate, again: []string{"2", "3", "4", "5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := restore(t, c.set)
			minute := r.came.Local().Format("2006-01-02 15:04")
			switch {
			case c.first:
			case c.listed != "":
				r.rebuild([]string{c.listed})
				r.delivers()
			default:
				r.rebuild([]string{
					`recorded as delivered +UIDL note-3 +` + minute + ` +Erika 3 <erika@example.com> +Rechnung 3\n`, `UIDL note-4 +` + minute, `UIDL note-5 +no date .*Rechnung 5\\x1b`,
					`6 messages on the server, 4 recorded as delivered\n`, `attachd state rebuild --newer-than-backup lab\n`,
				})
				r.delivers()
			}
			r.rebuild([]string{`will be fetched +UIDL note-3 `}, "--newer-than-backup", "lab")
			r.delivers(c.again...)
			r.delivers()
		})
	}
}

// TestRebuildFromNothing: a state that is new is no backup.
func TestRebuildFromNothing(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, apptest.Notes(2))
	config := server.Config(t, t.TempDir())
	if shown, code := attachd(t, "state", "rebuild", "--newer-than-backup", "--config", config); code != exitTemporary || !strings.Contains(shown, "the state knows nothing at all") {
		t.Errorf("exit code %d\n%s", code, shown)
	}
	if shown, code := attachd(t, "state", "rebuild", "--config", config); code != exitOK || shown != "account lab: 2 messages on the server, 2 recorded as delivered\n" {
		t.Errorf("exit code %d\n%s", code, shown)
	}
}
