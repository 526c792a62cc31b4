package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestBackup copies a ledger that is in use: what stands in its log is in the copy, too.
func TestBackup(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1), message("b", 1, 1)}))
	if info, err := os.Stat(l.path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("the log holds nothing: %v", err)
	}
	to := filepath.Join(t.TempDir(), "copy.db")
	check(t, Backup(ctx, l.path, to))
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("c", 1, 1)}))
	if info, err := os.Stat(to); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	restored, err := Open(ctx, to)
	check(t, err)
	got, err := restored.Unfinished(ctx, "hans")
	err = errors.Join(err, restored.Close())
	if err != nil || len(got) != 2 {
		t.Errorf("%d messages, %v, want 2", len(got), err)
	}

	if err := Backup(ctx, l.path, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another backup: %v, want %v", err, fs.ErrExist)
	}
	if err := Backup(ctx, filepath.Join(t.TempDir(), "missing.db"), to+"2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v, want %v", err, fs.ErrNotExist)
	}
	if err := Backup(ctx, l.path, filepath.Join(to, "copy.db")); err == nil {
		t.Error("into a file in place of a folder: no error")
	}
	if left, _ := filepath.Glob(filepath.Dir(to) + "/*"); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// TestBackupOfOld copies a ledger of an earlier schema, as before an upgrade: it keeps its schema.
func TestBackupOfOld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := sql.Open("sqlite", path)
	check(t, err)
	_, err = db.Exec(fmt.Sprintf("PRAGMA application_id = %d; %s; PRAGMA user_version = 1", applicationID, schemaV1))
	check(t, errors.Join(err, db.Close()))
	check(t, Backup(t.Context(), path, path+".bak"))
	l, err := Inspect(t.Context(), path+".bak")
	check(t, err)
	defer l.Close()
	if l.version != 1 {
		t.Errorf("version %d, want 1", l.version)
	}
}
