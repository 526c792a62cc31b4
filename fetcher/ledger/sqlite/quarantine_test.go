package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/google/go-cmp/cmp"
)

// oldLedger makes a ledger as an earlier version left it, which knows the account hans.
func oldLedger(t *testing.T, path string, version int) {
	t.Helper()
	check(t, os.WriteFile(path, nil, 0o600))
	db, err := connect(path, 1)
	check(t, err)
	for _, s := range migrations()[:version] {
		_, err := db.Exec(s)
		check(t, err)
	}
	_, err = db.Exec(fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; INSERT INTO account (name) VALUES ('hans')", applicationID, version))
	check(t, errors.Join(err, db.Close()))
}

// TestMigrationOfFiles: what an earlier version delivered is counted by the files that it recorded,
// and what it had in quarantine is there. So it is for who only looks into its file.
func TestMigrationOfFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	oldLedger(t, path, 5)
	db, err := connect(path, 1)
	check(t, err)
	insert := func(uidl, state string, becomes any, paths ...string) {
		result, err := db.Exec("INSERT INTO message (account, uidl, size, state, becomes, first_seen, delivered) VALUES (1, ?, 10, ?, ?, 1, 1)", []byte(uidl), state, becomes)
		check(t, err)
		id, err := result.LastInsertId()
		check(t, err)
		for n, p := range paths {
			_, err := db.Exec("INSERT INTO attachment (message, n, account, path, size, sha256) VALUES (?, ?, 1, ?, 1, x'00')", id, n, p)
			check(t, err)
		}
	}
	insert("one", "delivered", nil, "one.pdf.json", "one.pdf")
	insert("none", "delivered", nil)
	insert("quarantined", "quarantined", nil, ".quarantine/a.eml", ".quarantine/a.txt")
	insert("staged", "staged", "quarantined", ".quarantine/b.eml", ".quarantine/b.txt")
	check(t, db.Close())

	look := func(open func() (*Ledger, error), one int) {
		t.Helper()
		l, err := open()
		check(t, err)
		defer l.Close()
		got := records(t, l, "one", "none", "quarantined")
		if got["one"].Files != one || got["none"].Files != 0 || got["quarantined"].Files != 0 {
			t.Errorf("files: %+v", got)
		}
		kept, err := l.Quarantined(t.Context(), "hans")
		if err != nil || len(kept) != 1 || kept[0].UIDL != "quarantined" || len(kept[0].Kept()) != 2 {
			t.Errorf("in quarantine: %+v, %v", kept, err)
		}
		if counts, err := l.QuarantineCounts(t.Context()); err != nil || counts["hans"] != 1 {
			t.Errorf("counts %v, %v", counts, err)
		}
		unfinished, err := l.Unfinished(t.Context(), "hans")
		if err != nil || len(unfinished) != 1 || len(unfinished[0].Kept()) != 2 {
			t.Errorf("unfinished: %+v, %v", unfinished, err)
		}
	}
	look(func() (*Ledger, error) { return Inspect(t.Context(), path) }, 2)
	look(func() (*Ledger, error) { return Open(t.Context(), path) }, 1)
	l, err := Inspect(t.Context(), path)
	check(t, err)
	defer l.Close()
	if l.version != len(migrations()) {
		t.Errorf("version %d", l.version)
	}
	var files sql.NullInt64
	check(t, l.reader.QueryRow("SELECT files FROM messages WHERE uidl = 'one'").Scan(&files))
	if files.Int64 != 1 {
		t.Errorf("the view has %v files", files)
	}
}

// TestReplacedFiles: what may be deleted is known after the file was damaged, too. That files were
// delivered under another key stands nowhere else.
func TestReplacedFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	ctx, at := t.Context(), time.UnixMilli(1000)
	moved, unread, sidecar, copied := message("moved", 10, 0), message("unread", 10, 1), message("sidecar", 10, 2), message("copied", 10, 1)
	moved.Before, unread.Unread = 2, true
	sidecar.Attachments[0].Path = sidecar.Attachments[1].Path + ".json"
	copied.Attachments[0].Quarantine = true
	moved.Envelope = ledger.Envelope{From: "a@example.org", Date: at}
	group := []*ledger.Message{message("two", 10, 2), message("none", 10, 0), moved, unread, sidecar, copied}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, at))
	if _, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "vouched", Size: 10}}}, at); err != nil {
		t.Fatal(err)
	}
	lease, err := l.Lease(ctx, "hans", at)
	check(t, err)
	check(t, lease.Release())
	check(t, l.Close())
	l, _, err = Replace(ctx, path, time.Now())
	check(t, err)
	defer l.Close()
	want := map[string]int{"two": 2, "none": 0, "moved": 0, "unread": 1, "sidecar": 1, "copied": 0, "vouched": ledger.Vouched}
	got := make(map[string]int)
	for uidl, r := range records(t, l, slices.Collect(maps.Keys(want))...) {
		got[uidl] = r.Files
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	for empty, want := range map[bool]ledger.Due{false: {Deleted: 3, Empty: 3, Unread: 1}, true: {Deleted: 6, Unread: 1}} {
		if got, err := l.Due(ctx, "hans", at, empty); err != nil || got != want {
			t.Errorf("due %+v, %v, want %+v", got, err, want)
		}
	}
	if kept, err := l.Quarantined(ctx, "hans"); err != nil || len(kept) != 1 || kept[0].UIDL != "copied" {
		t.Errorf("in quarantine: %+v, %v", kept, err)
	}
	if polled, err := l.LastPoll(ctx, "hans"); err != nil || !polled.Equal(at) {
		t.Errorf("last polled %v, %v", polled, err)
	}
	var from string
	var date int64
	if err := l.reader.QueryRow("SELECT sender, dated FROM message WHERE uidl = CAST('moved' AS BLOB)").Scan(&from, &date); err != nil || from != "a@example.org" || date != 1000 {
		t.Errorf("the envelope: from %q, %d, %v", from, date, err)
	}
}

func records(t *testing.T, l *Ledger, uidls ...string) map[string]ledger.Record {
	t.Helper()
	all, err := l.Lookup(t.Context(), "hans", uidls)
	check(t, err)
	byUIDL := make(map[string]ledger.Record)
	for _, r := range all {
		byUIDL[r.UIDL] = r
	}
	return byUIDL
}
