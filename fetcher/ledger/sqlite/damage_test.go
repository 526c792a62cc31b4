package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/ledger"
)

// damageMessages are enough for a few pages of each table and index.
const damageMessages = 200

// intact makes a ledger of damageMessages delivered messages and returns its files' contents by
// suffix: cleanly closed, or with the log that a kill leaves.
func intact(t *testing.T, killed bool) map[string][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	var group []*ledger.Message
	for i := range damageMessages {
		group = append(group, message(fmt.Sprint(i), 1, 1))
	}
	check(t, l.Stage(t.Context(), "hans", group[:damageMessages/2]))
	check(t, l.Delivered(t.Context(), "hans", group[:damageMessages/2], time.Now()))
	if killed {
		// What is folded into the file and what is only in the log.
		_, err := l.writer.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
		check(t, err)
	}
	check(t, l.Stage(t.Context(), "hans", group[damageMessages/2:]))
	check(t, l.Delivered(t.Context(), "hans", group[damageMessages/2:], time.Now()))
	if !killed {
		check(t, l.Close())
	}
	files := make(map[string][]byte)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if len(content) > 0 {
			files[suffix] = content
		}
	}
	if killed && len(files) != 2 {
		t.Fatal("the log is missing: is the test's folder on a network file system?")
	}
	return files
}

// survivors opens a ledger and counts what it has of the messages of intact; -1 if it is refused,
// when it is opened or read.
func survivors(t *testing.T, path string) (n int, generation int64) {
	t.Helper()
	l, err := Open(t.Context(), path)
	if err == nil {
		defer l.Close()
		var uidls []string
		for i := range damageMessages {
			uidls = append(uidls, fmt.Sprint(i))
		}
		var records []ledger.Record
		if records, err = l.Lookup(t.Context(), "hans", uidls); err == nil {
			if generation, err = l.Generation(t.Context(), "hans"); err == nil {
				return len(records), generation
			}
		}
	}
	if !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), "attachd state rebuild") {
		t.Errorf("error %v, want damaged and what to do", err)
	}
	return -1, 0
}

// TestCut cuts the file, and the log that a kill left, at many lengths. Either it is refused, or
// nothing of it is missing; but a log that lost its end shows by the generation alone.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		killed bool
		suffix string
	}{
		{"file", false, ""},
		{"file that has a log", true, ""},
		{"log", true, "-wal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := intact(t, tt.killed)
			whole := len(files[tt.suffix])
			refused, behind := 0, 0
			for length := 0; length < whole; length += max(whole/24, 1) {
				path := filepath.Join(t.TempDir(), "state.db")
				for suffix, content := range files {
					if suffix == tt.suffix {
						content = content[:length]
					}
					check(t, os.WriteFile(path+suffix, content, 0o600))
				}
				switch n, generation := survivors(t, path); {
				case n < 0:
					refused++
				case n == damageMessages && generation == 2:
				case tt.suffix == "-wal" && generation < 2:
					behind++
				default:
					t.Errorf("cut to %d of %d bytes: %d messages of %d, generation %d", length, whole, n, damageMessages, generation)
				}
			}
			if tt.suffix == "" && refused < 10 || tt.suffix == "-wal" && behind < 5 {
				t.Errorf("%d refused, %d with an older generation: the test saw too little", refused, behind)
			}
		})
	}
}

// TestOverwritten puts garbage over each page: it must not pass for an answer, nor lose a message
// unseen.
func TestOverwritten(t *testing.T) {
	t.Parallel()
	content := intact(t, false)[""]
	for at := 0; at+4096 <= len(content); at += 4096 {
		path := filepath.Join(t.TempDir(), "state.db")
		damaged := append([]byte(nil), content...)
		copy(damaged[at:], strings.Repeat("\xff", 4096))
		check(t, os.WriteFile(path, damaged, 0o600))
		if n, _ := survivors(t, path); n < 0 || n == damageMessages {
			continue
		}
		// A question may do without the page; the check does not.
		l, err := Open(t.Context(), path)
		check(t, err)
		if err := l.Check(t.Context()); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("page %d: messages are missing, and the check says %v", at/4096, err)
		}
		check(t, l.Close())
	}
}

// TestReplace salvages from files with one bad page each. What was delivered and could be read is
// known to be so, and the generation is back at zero.
func TestReplace(t *testing.T) {
	t.Parallel()
	content := intact(t, false)[""]
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	most := 0
	for at := 0; at+4096 <= len(content); at += 4096 {
		path := filepath.Join(t.TempDir(), "state.db")
		damaged := append([]byte(nil), content...)
		copy(damaged[at:], strings.Repeat("\xff", 4096))
		check(t, os.WriteFile(path, damaged, 0o600))
		l, r, err := Replace(t.Context(), path, now)
		check(t, err)
		if want := path + ".damaged-20260102T030405Z"; r.Kept != want {
			t.Errorf("kept as %s, want %s", r.Kept, want)
		}
		if kept, err := os.ReadFile(r.Kept); err != nil || string(kept) != string(damaged) {
			t.Errorf("page %d: the damaged file was changed or is gone: %v", at/4096, err)
		}
		check(t, l.Check(t.Context()))
		all, err := l.Summaries(t.Context())
		check(t, err)
		n := 0
		for _, s := range all {
			n += s.Count[ledger.Delivered]
		}
		if n != r.Salvaged {
			t.Errorf("page %d: %d salvaged, %d there", at/4096, r.Salvaged, n)
		}
		if generation, err := l.Generation(t.Context(), "hans"); err != nil || generation != 0 {
			t.Errorf("generation %d, %v", generation, err)
		}
		most = max(most, n)
		check(t, l.Close())
		entries, err := os.ReadDir(filepath.Dir(path))
		check(t, err)
		if len(entries) != 2 {
			t.Errorf("left behind: %v", entries)
		}
	}
	if most != damageMessages {
		t.Errorf("at most %d messages were salvaged, of %d", most, damageMessages)
	}
}

// TestReplaceTwice: two ledgers that are damaged within a second are both kept.
func TestReplaceTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, behind := range []string{"", "-2", "-3"} {
		damaged := strings.Repeat("no ledger"+behind, 1000)
		check(t, os.WriteFile(path, []byte(damaged), 0o600))
		l, r, err := Replace(t.Context(), path, now)
		check(t, err)
		check(t, l.Close())
		if kept, err := os.ReadFile(r.Kept); err != nil || string(kept) != damaged || r.Kept != path+".damaged-20260102T030405Z"+behind {
			t.Errorf("kept as %s: %v", r.Kept, err)
		}
	}
}

// TestReplaceStaged: of a damaged ledger, a staged message is one to be fetched again.
func TestReplaceStaged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 1), message("b", 1, 1)}))
	check(t, l.Delivered(t.Context(), "hans", []*ledger.Message{message("b", 1, 1)}, time.UnixMilli(1000)))
	check(t, l.Close())
	l, r, err := Replace(t.Context(), path, time.Now())
	check(t, err)
	defer l.Close()
	records, err := l.Lookup(t.Context(), "hans", []string{"a", "b"})
	check(t, err)
	if diff := cmp.Diff([]ledger.Record{{Key: ledger.Key{UIDL: "b", Size: 1}, State: ledger.Delivered, Delivered: time.UnixMilli(1000), Files: 1}, {Key: ledger.Key{UIDL: "a", Size: 1}, State: ledger.Failed}}, records); diff != "" || r.Salvaged != 2 {
		t.Errorf("%d salvaged, records differ (-want +got):\n%s", r.Salvaged, diff)
	}
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 2)}))
	is := message("b", 1, 1).Attachments[0].Content()
	if received, err := l.Received(t.Context(), "hans", []ledger.Content{is}); err != nil || !received[is] {
		t.Errorf("the digest of a file that was delivered is lost: %v", err)
	}
}

// TestInspect looks into a ledger that a kill left, byte by byte the same afterwards, and into
// none.
func TestInspect(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := Inspect(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it was made")
	}
	files := intact(t, true)
	for suffix, content := range files {
		check(t, os.WriteFile(path+suffix, content, 0o600))
	}
	l, err := Inspect(t.Context(), path)
	check(t, err)
	check(t, l.Check(t.Context()))
	all, err := l.Summaries(t.Context())
	check(t, err)
	if len(all) != 1 || all[0].Account != "hans" || all[0].Count[ledger.Delivered] != damageMessages || all[0].Unknown != 0 || all[0].Delivered.IsZero() {
		t.Errorf("summaries %+v", all)
	}
	if n, err := l.Generation(t.Context(), "hans"); err != nil || n != 2 {
		t.Errorf("generation %d, %v", n, err)
	}
	check(t, l.Close())
	for suffix, content := range files {
		if after, err := os.ReadFile(path + suffix); err != nil || string(after) != string(content) {
			t.Errorf("%q was changed: %v", suffix, err)
		}
	}
}

// TestMigration opens a ledger of the first version.
func TestMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	oldLedger(t, path, 1)
	l, err := Inspect(t.Context(), path)
	check(t, err)
	if n, err := l.Generation(t.Context(), "hans"); err != nil || n != 0 {
		t.Errorf("generation %d, %v, of a ledger without any", n, err)
	}
	check(t, l.Close())
	l, err = Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 1)}))
	if n, err := l.Generation(t.Context(), "hans"); err != nil || n != 1 {
		t.Errorf("generation %d, %v, want 1", n, err)
	}
}
