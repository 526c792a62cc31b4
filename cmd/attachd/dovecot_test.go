package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config/testsize"
	"github.com/attachd/attachd/fetcher/dovecottest"
)

// life is a mailbox on a real Dovecot, and an account that has delivered its first messages.
type life struct {
	t       *testing.T
	server  *dovecottest.Server
	config  string
	output  string
	sent    int
	backups map[string][]byte // messages, by file name
}

// lifeMessages is enough for a mailbox to be taken for one that was moved.
const lifeMessages = 30

func newLife(t *testing.T, settings []string, account ...string) *life {
	t.Helper()
	dir := t.TempDir()
	l := &life{t: t, server: dovecottest.Start(t, dovecottest.Options{Users: map[string]string{"u0": "pw0"}, Settings: settings}), output: filepath.Join(dir, "out")}
	l.config = apptest.Server{Addr: l.server.Addr(), Certificate: l.server.CertPEM()}.Config(t, dir, account...)
	l.send(lifeMessages)
	return l
}

// send appends messages that differ only in a number.
func (l *life) send(n int) {
	l.t.Helper()
	for range n {
		l.sent++
		raw := fmt.Sprintf("Message-ID: <%04d@example.org>\r\nSubject: report\r\nContent-Type: text/csv\r\n"+
			"Content-Disposition: attachment; filename=report.csv\r\n\r\nnumber;%04d\r\n", l.sent, l.sent)
		if err := l.server.Append("u0", []byte(raw)); err != nil {
			l.t.Fatal(err)
		}
	}
}

// attachd runs a command of the program, within the test, and returns what it printed.
func (l *life) attachd(args ...string) (string, error) {
	out, code := attachd(l.t, append(args, "--config", l.config)...)
	if code != exitOK {
		return out, fmt.Errorf("exit code %d", code)
	}
	return out, nil
}

func (l *life) poll() {
	l.t.Helper()
	if out, err := l.attachd("run", "--once"); err != nil {
		l.t.Fatalf("%v\n%s", err, out)
	}
}

// pollAndAnswer polls as an administrator does who follows the program's advice.
func (l *life) pollAndAnswer() (asked bool) {
	l.t.Helper()
	out, err := l.attachd("run", "--once")
	if err == nil {
		return false
	}
	if asked = strings.Contains(out, "attachd state rebuild lab"); !asked {
		l.t.Errorf("%v\n%s", err, out)
	}
	if out, err := l.attachd("state", "rebuild", "lab"); err != nil {
		l.t.Errorf("%v\n%s", err, out)
	}
	l.poll()
	return asked
}

// files are the messages in the Maildir, as paths, oldest first.
func (l *life) files() []string {
	l.t.Helper()
	files, err := filepath.Glob(filepath.Join(l.server.Maildir("u0"), "cur", "*"))
	if err != nil {
		l.t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

func (l *life) remove(paths ...string) {
	l.t.Helper()
	for _, path := range paths {
		if err := os.Remove(path); err != nil {
			l.t.Fatal(err)
		}
	}
}

// removeSome removes some messages, if there are any.
func (l *life) removeSome() {
	l.t.Helper()
	if files := l.files(); len(files) > 0 {
		l.remove(files[5:12]...)
	}
}

// forget removes what Dovecot notes of the mailbox, so that it numbers the messages anew, and gives
// them another UIDVALIDITY than before.
func (l *life) forget() {
	l.t.Helper()
	list := filepath.Join(l.server.Maildir("u0"), "dovecot-uidlist")
	notes, err := filepath.Glob(filepath.Join(l.server.Maildir("u0"), "dovecot*"))
	if err != nil || !slices.Contains(notes, list) {
		l.t.Fatal("no UIDs are noted: ", err)
	}
	l.remove(notes...)
	// The UIDVALIDITY is the time, which may be that of the one before.
	if err := os.WriteFile(list, []byte("3 V123456789 N1\n"), 0o666); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) restart(settings ...string) {
	l.t.Helper()
	if err := l.server.Restart(settings...); err != nil {
		l.t.Fatal(err)
	}
}

// backUp keeps copies of the messages, restore puts back those that are gone.
func (l *life) backUp() {
	l.t.Helper()
	l.backups = make(map[string][]byte)
	for _, path := range l.files() {
		raw, err := os.ReadFile(path)
		if err != nil {
			l.t.Fatal(err)
		}
		l.backups[path] = raw
	}
}

func (l *life) restore() {
	l.t.Helper()
	there := make(map[string]bool) // without the flags
	for _, path := range l.files() {
		base, _, _ := strings.Cut(filepath.Base(path), ":")
		there[base] = true
	}
	for path, raw := range l.backups {
		if base, _, _ := strings.Cut(filepath.Base(path), ":"); there[base] {
			continue
		}
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			l.t.Fatal(err)
		}
	}
}

// check wants each message delivered once.
func (l *life) check(when string) {
	l.t.Helper()
	count := make(map[string]int)
	err := filepath.WalkDir(l.output, func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case e.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		count[strings.TrimSpace(string(content))]++
		return err
	})
	if err != nil {
		l.t.Error(err)
	}
	for n := range l.sent {
		if got := count[fmt.Sprintf("number;%04d", n+1)]; got != 1 {
			l.t.Errorf("%s: message %d was delivered %d times", when, n+1, got)
		}
	}
	if len(count) > l.sent {
		l.t.Errorf("%s: %d different files, %d were sent", when, len(count), l.sent)
	}
}

// TestMailboxLife: what administrators, other mail programs and years do to a mailbox on a real
// server. Nothing may be lost or come twice, and what is sent afterwards is delivered.
func TestMailboxLife(t *testing.T) {
	const keep, remove, later = "after: keep", "after: delete", "delete_after: 30d"
	numbers := []string{dovecottest.UIDLFormat("uid")}
	type event struct {
		settings []string // of the server, at first
		happens  func(l *life)
		asks     string // with which policies the account waits for the administrator's word
		left     int    // where they are deleted
	}
	events := map[string]event{
		"the server restarts": {happens: func(l *life) { l.restart() }},
		"messages are read": {happens: func(l *life) {
			for _, path := range l.files() {
				if err := os.Rename(path, path+"S"); err != nil {
					l.t.Fatal(err)
				}
			}
		}},
		"another program removes messages":                    {happens: (*life).removeSome},
		"another program removes messages, UIDLs are numbers": {settings: numbers, happens: (*life).removeSome},
		"the index is lost":                                   {happens: (*life).forget, asks: keep + later},
		"the index is lost, UIDLs are numbers":                {settings: numbers, happens: (*life).forget},
		"the index is lost, UIDLs are digests":                {settings: []string{dovecottest.UIDLFormat("guid")}, happens: (*life).forget},
		"the index is lost, numbers, messages are gone": {settings: numbers, happens: func(l *life) {
			l.removeSome()
			l.forget()
		}},
		"the index is lost, numbers, others have come": {settings: numbers, happens: func(l *life) {
			l.removeSome()
			l.send(10)
			l.forget()
		}},
		"the mailbox is made anew, UIDLs are numbers": {settings: numbers, happens: func(l *life) {
			l.remove(l.files()...)
			l.forget()
			l.send(lifeMessages)
		}},
		"UIDLs are made otherwise": {happens: func(l *life) { l.restart(dovecottest.UIDLFormat("filename")) }, asks: keep + later},
		"UIDLs are made otherwise, and others have come": {happens: func(l *life) {
			l.restart(dovecottest.UIDLFormat("filename"))
			l.send(3)
		}, asks: keep + later},
		"messages are put back":                       {happens: (*life).restore, asks: remove, left: lifeMessages},
		"messages are put back, UIDLs are file names": {settings: []string{dovecottest.UIDLFormat("filename")}, happens: (*life).restore},
		"deletions are no longer hidden": {settings: []string{"pop3_delete_type = flag", "pop3_deleted_flag = \"$POP3Deleted\""}, happens: func(l *life) {
			l.restart("pop3_delete_type = expunge", "pop3_deleted_flag =")
		}},
	}
	type trial struct{ event, after string }
	var trials []trial
	for _, name := range slices.Sorted(maps.Keys(events)) {
		for _, after := range []string{keep, remove, later} {
			trials = append(trials, trial{name, after})
		}
	}
	// By default each event, and each policy where it asks and where it does not.
	for _, tr := range testsize.Choose(t, trials, func(tr trial) []string {
		return []string{tr.event, fmt.Sprint(tr.after, strings.Contains(events[tr.event].asks, tr.after))}
	}) {
		tt, after := events[tr.event], tr.after
		t.Run(tr.event+", "+after, func(t *testing.T) {
			t.Parallel()
			settings := []string{after}
			if after == later {
				settings = []string{remove, later}
			}
			l := newLife(t, tt.settings, settings...)
			l.backUp()
			l.poll()
			l.check("at first")
			tt.happens(l)
			asked := l.pollAndAnswer()
			l.check("afterwards")
			l.send(3)
			asked = l.pollAndAnswer() || asked
			l.check("later")
			if asked != strings.Contains(tt.asks, after) {
				t.Errorf("asked: %t", asked)
			}
			l.poll()
			l.check("in the end")
			if n, err := l.server.Count("u0"); after == remove && n != tt.left || err != nil {
				t.Errorf("%d messages are left, want %d: %v", n, tt.left, err)
			}
		})
	}
}
