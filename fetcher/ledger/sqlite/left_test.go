package sqlite

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestLeftOver: the file of a process that was killed while it made the ledger goes an hour later.
// One that may still be made stays, and so does whatever has another name.
func TestLeftOver(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "state.db")
	old, fresh := "state.db.new-"+rand.Text(), "state.db.new-"+rand.Text()
	stays := []string{fresh, "state.db.new-2", "state.db.new-old.copy", "other.db.new-" + rand.Text(), "a.pdf"}
	for _, name := range append([]string{old, old + "-wal"}, stays...) {
		check(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
		if name != fresh {
			before := time.Now().Add(-2 * leftAfter)
			check(t, os.Chtimes(filepath.Join(folder, name), before, before))
		}
	}
	l, err := Open(t.Context(), path)
	check(t, err)
	check(t, l.Close())
	var left []string
	entries, err := os.ReadDir(folder)
	check(t, err)
	for _, e := range entries {
		if e.Name() != "state.db" {
			left = append(left, e.Name())
		}
	}
	slices.Sort(stays)
	if !slices.Equal(left, stays) {
		t.Errorf("left: %q, want %q", left, stays)
	}
}

// TestHotJournal: where there is no log, a process that is killed amid a transaction leaves a
// journal. The next one rolls it back; who only looks into the file is told so.
func TestHotJournal(t *testing.T) {
	t.Parallel()
	ctx, working, path := t.Context(), filepath.Join(t.TempDir(), "working"), filepath.Join(t.TempDir(), "state.db")
	l, err := Open(ctx, working)
	check(t, err)
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1)}))
	check(t, l.Close())
	db, err := connect(working, 1, "_pragma=journal_mode(truncate)", "_pragma=cache_size(1)")
	check(t, err)
	defer db.Close()
	for _, s := range []string{"BEGIN IMMEDIATE", "DELETE FROM attachment", "CREATE TABLE x (y)", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500) INSERT INTO x SELECT randomblob(1000) FROM n"} {
		_, err := db.ExecContext(ctx, s)
		check(t, err)
	}
	for _, suffix := range []string{"", "-journal"} {
		content, err := os.ReadFile(working + suffix)
		check(t, err)
		check(t, os.WriteFile(path+suffix, content, 0o600))
	}
	if _, err := Inspect(ctx, path); !errors.Is(err, ledger.ErrReadOnly) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("inspect: %v", err)
	}
	l, err = Open(ctx, path)
	check(t, err)
	defer l.Close()
	check(t, l.Check(ctx))
	if unfinished, err := l.Unfinished(ctx, "hans"); err != nil || len(unfinished) != 1 || len(unfinished[0].Attachments) != 1 {
		t.Errorf("unfinished %v, %v", unfinished, err)
	}
}
