package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/google/go-cmp/cmp"
)

// syncedPath is the file of an fsync in a trace of `strace -y`.
var syncedPath = regexp.MustCompile(`^\d+ +[\d.]+ f(?:data)?sync\(\d+<([^>]*)>`)

// locksOfVisit is how many locks of the state's log a first visit may take and give back, with its
// share of those at the start. Each transaction takes and gives back three; each question to the
// state that is not answered from memory takes and gives back one or two.
const locksOfVisit = 50

// TestFsyncsOfFirstVisits counts what is made durable at the first visits of some accounts. Beside
// the files these are, for each account, the file of its folder's ID, the folders that got a folder
// or a file, and one record: each of them waits for the disk while the account's server waits.
func TestFsyncsOfFirstVisits(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed; on Debian and Ubuntu: apt-get install strace (make test does it)")
	}
	t.Parallel()
	const accounts, messages = 8, 1 // more messages may make a second group on a slow machine
	s := pop3test.NewServer()
	s.Users, s.Mailboxes = make(map[string]string), make(map[string][]pop3test.Message)
	for n := range accounts {
		s.Users[fmt.Sprint("u", n)] = "pw0"
		s.Mailboxes[fmt.Sprint("u", n)] = apptest.Notes(messages)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	dir := t.TempDir()
	file := apptest.Server{Addr: s.Addr(), Certificate: s.CertPEM()}.Config(t, dir)
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, account, _ := strings.Cut(string(config), "  - name: lab\n")
	for n := range accounts {
		head += fmt.Sprintf("  - name: u%d\n", n) + strings.Replace(account, "username: u0", fmt.Sprint("username: u", n), 1)
	}
	if err := os.WriteFile(file, []byte(head), 0o600); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "trace")
	shown := runTraced(t, nil, trace, durableCalls+",fcntl", "run", "--once", "--config", file)
	for n := range accounts {
		out := filepath.Join(dir, "out", fmt.Sprint("u", n))
		if _, err := os.Stat(out); err != nil {
			if strings.Contains(shown, "ptrace") || strings.Contains(shown, "PTRACE") {
				t.Skipf("tracing is refused here: %s", shown)
			}
			t.Fatalf("%v\n%s", err, shown)
		}
		apptest.CheckNotes(t, out, messages)
	}
	counts, locks := make(map[string]int), 0
	eachCall(t, trace, func(_ time.Time, call, line string) {
		if call == "fcntl" && strings.Contains(line, "state.db-shm>") {
			locks++
		}
		if found := syncedPath.FindStringSubmatch(line); found != nil {
			counts[syncedKind(strings.TrimPrefix(found[1], dir+"/"))]++
		}
	})
	if most := locksOfVisit * accounts; locks > most {
		t.Errorf("%d calls lock the state's log, at most %d expected", locks, most)
	}
	t.Logf("%d calls lock the state's log", locks)
	log := counts["log of the state"]
	if least, most := accounts, accounts+3; log < least || log > most {
		t.Errorf("%d fsyncs of the state's log, want %d to %d", log, least, most)
	}
	delete(counts, "log of the state")
	delete(counts, "") // the state, the history and their folder, which no account waits for
	want := map[string]int{
		"attachment": accounts * messages, "ID": accounts, "staging folder": 2 * accounts, "folder": 2 * accounts, "folder of all": accounts,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("fsyncs differ (-want +got):\n%s", diff)
	}
}

// syncedKind says what a file of the test's is, by its path.
func syncedKind(path string) string {
	in, name := filepath.Split(path)
	switch parts := strings.Split(path, "/"); {
	case path == "state.db-wal":
		return "log of the state"
	case path == "out":
		return "folder of all"
	case parts[0] != "out":
		return ""
	case len(parts) == 2:
		return "folder"
	case name == ".staging":
		return "staging folder"
	case strings.HasSuffix(in, "/.staging/") && strings.HasPrefix(name, "folder-id"):
		return "ID"
	}
	return "attachment"
}
