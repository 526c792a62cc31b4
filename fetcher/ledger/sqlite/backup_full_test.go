package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupFull: a disk that is full is that of the copy, as the ledger is only read.
func TestBackupFull(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "full.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, full := db.ExecContext(t.Context(), "PRAGMA max_page_count=2; CREATE TABLE a(x); CREATE TABLE b(x); CREATE TABLE c(x)")
	got := newLedger("/live/state.db").explainCopy(full, "/backup/copy.db")
	if full == nil || !strings.HasPrefix(got.Error(), "write /backup/copy.db: no space left") || strings.Contains(got.Error(), "/live") {
		t.Errorf("%v became %v", full, got)
	}
}
