package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/ledgertest"
)

func open(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

var message = ledgertest.Message

func state(t testing.TB, l *Ledger, account string, k ledger.Key) ledger.State {
	t.Helper()
	records, err := l.Lookup(t.Context(), account, []string{k.UIDL})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Key == k {
			return r.State
		}
	}
	return ""
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadersDoNotWait reads while a change is held open.
func TestReadersDoNotWait(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	if l.journal != "wal" {
		t.Skip("the temporary folder is on a network file system, where readers wait")
	}
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1)}))
	check(t, l.change(ctx, "hans", "test", func(ctx context.Context, c *change) error {
		if _, err := c.exec(ctx, c.mailbox, 1, 1, c.id); err != nil {
			return err
		}
		if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != ledger.Staged {
			t.Errorf("state %q while a change is under way", got)
		}
		return nil
	}))
}

func TestImpatient(t *testing.T) {
	t.Parallel()
	l := open(t)
	// While another holds the writer, a change waits only as long as its context.
	check(t, l.change(t.Context(), "eva", "test", func(context.Context, *change) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		return nil
	}))
	if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != "" {
		t.Errorf("a cancelled change is there: %s", got)
	}
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 1)}))
}

func TestOpenMakesPrivateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "by us?", "st#te 100%.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 1)}))
	check(t, l.Close())
	entries, err := os.ReadDir(filepath.Dir(path))
	check(t, err)
	if want := map[string]int{"wal": 1, "truncate": 2}[l.journal]; len(entries) != want {
		t.Errorf("left behind: %v", entries)
	}
	for path, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	l, err = Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != ledger.Staged {
		t.Errorf("state %q after opening again", got)
	}
}

// TestOpenTogether: of processes that start at once on a new folder, all must end up with one file.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			l, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			if err := l.Stage(t.Context(), "hans", []*ledger.Message{message(fmt.Sprint(i), 1, 1)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	if got, err := l.Unfinished(t.Context(), "hans"); err != nil || len(got) != 8 {
		t.Errorf("%d messages, %v, want 8", len(got), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	// good makes a ledger with enough in it to have many pages, cleanly closed.
	good := func(t *testing.T, path string) {
		l, err := Open(t.Context(), path)
		check(t, err)
		var group []*ledger.Message
		for i := range 2000 {
			group = append(group, message(fmt.Sprint(i), 1, 1))
		}
		check(t, l.Stage(t.Context(), "hans", group))
		check(t, l.Close())
	}
	run := func(t *testing.T, path string, statements string) {
		db, err := sql.Open("sqlite", path)
		check(t, err)
		defer db.Close()
		_, err = db.Exec(statements)
		check(t, err)
	}
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want error
		text string
	}{
		{
			"newer schema", func(t *testing.T, path string) {
				good(t, path)
				run(t, path, fmt.Sprintf("PRAGMA user_version = %d", len(migrations())+2))
			}, ledger.ErrNewer,
			fmt.Sprintf("newer schema, version %d, and this attachd knows %d: run the attachd that wrote it", len(migrations())+2, len(migrations())),
		},
		{"garbage", func(t *testing.T, path string) {
			check(t, os.WriteFile(path, []byte(strings.Repeat("not a database. ", 1000)), 0o600))
		}, ledger.ErrDamaged, "restore a backup, or run attachd state rebuild"},
		{"truncated", func(t *testing.T, path string) { good(t, path); check(t, os.Truncate(path, 40960)) }, ledger.ErrDamaged, "restore a backup"},
		{"empty", func(t *testing.T, path string) { check(t, os.WriteFile(path, nil, 0o600)) }, ledger.ErrDamaged, "it is empty"},
		{"another program's", func(t *testing.T, path string) { run(t, path, "CREATE TABLE bookmarks (url)") }, ledger.ErrForeign, "another program"},
		{"a table that is missing", func(t *testing.T, path string) { good(t, path); run(t, path, "DROP TABLE attachment") }, ledger.ErrDamaged, "state rebuild"},
		{"no version", func(t *testing.T, path string) { good(t, path); run(t, path, "PRAGMA user_version = 0") }, ledger.ErrDamaged, "state rebuild"},
		{"no mark", func(t *testing.T, path string) { good(t, path); run(t, path, "PRAGMA application_id = 0") }, ledger.ErrDamaged, "state rebuild"},
		{"log without its file", func(t *testing.T, path string) { check(t, os.WriteFile(path+"-wal", []byte("x"), 0o600)) }, ledger.ErrDamaged, "its -wal is there"},
		{"folder", func(t *testing.T, path string) { check(t, os.Mkdir(path, 0o700)) }, nil, "is a folder"},
		{"file for a folder", func(t *testing.T, path string) {
			folder := filepath.Dir(path)
			check(t, os.Remove(folder))
			check(t, os.WriteFile(folder, nil, 0o600))
		}, syscall.ENOTDIR, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sub", "state.db")
			check(t, os.Mkdir(filepath.Dir(path), 0o700))
			tt.make(t, path)
			before, _ := os.ReadFile(path)
			l, err := Open(t.Context(), path)
			if err == nil {
				l.Close()
				t.Fatal("it was opened")
			}
			if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "open ledger: ") {
				t.Errorf("error %v, want %v and %q", err, tt.want, tt.text)
			}
			after, _ := os.ReadFile(path)
			if string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestDamageInUse overwrites the middle of the file: reading it must not pass for an answer.
func TestDamageInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	var group []*ledger.Message
	var uidls []string
	for i := range 3000 {
		group, uidls = append(group, message(fmt.Sprint(i), 1, 1)), append(uidls, fmt.Sprint(i))
	}
	check(t, l.Stage(t.Context(), "hans", group))
	check(t, l.Close())
	info, err := os.Stat(path)
	check(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("\xff", int(info.Size()-20480))), 16384)
	check(t, errors.Join(err, f.Close()))
	l, err = Open(t.Context(), path)
	if err == nil {
		defer l.Close()
		if err := l.Check(t.Context()); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("Check: %v", err)
		}
		_, err = l.Lookup(t.Context(), "hans", uidls)
	}
	if !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("error %v, want damaged", err)
	}
}

// TestFull: a group that finds no room is not there, and the next one is when there is room again.
func TestFull(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	var pages int
	check(t, l.writer.QueryRow("PRAGMA page_count").Scan(&pages))
	limit := func(n int) {
		_, err := l.writer.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
		check(t, err)
	}
	limit(pages + 4)
	var group []*ledger.Message
	for i := range 500 {
		group = append(group, message(fmt.Sprint(i), 1, 2))
	}
	err := l.Stage(ctx, "hans", group)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), l.path) {
		t.Errorf("error %v, want ENOSPC and the path", err)
	}
	if got, err := l.Unfinished(ctx, "hans"); err != nil || len(got) != 0 {
		t.Errorf("%d messages of the failed group are there, %v", len(got), err)
	}
	limit(1 << 30)
	check(t, l.Stage(ctx, "hans", group))
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	folder := t.TempDir()
	l, err := Open(t.Context(), filepath.Join(folder, "state.db"))
	check(t, err)
	check(t, l.Close())
	check(t, os.Chmod(filepath.Join(folder, "state.db"), 0o400))
	if l, err = Open(t.Context(), filepath.Join(folder, "state.db")); err == nil {
		l.Close()
		t.Fatal("a file without write permission was opened")
	}
	if !strings.Contains(err.Error(), "writable") {
		t.Errorf("error %v", err)
	}
}
