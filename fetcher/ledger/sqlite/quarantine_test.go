package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/ledger"
)

// copied makes a message that was delivered with n files, of which the message itself lies in quarantine.
func copied(uidl string, n int) *ledger.Message {
	m := message(uidl, 10, n)
	m.Reason = "part 2: illegal-base64"
	for _, ext := range []string{".eml", ".txt"} {
		m.Attachments = append(m.Attachments, ledger.Attachment{StagingID: "id-" + uidl + ext, Path: ".quarantine/" + uidl + ext, Size: 1, Quarantine: true})
	}
	return m
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

// TestKeptCopy: a message that was delivered may have its copy in quarantine, which counts as none of its files, and may be
// delivered further files from there, or be dropped, in any state.
func TestKeptCopy(t *testing.T) {
	t.Parallel()
	for _, in := range []ledger.State{ledger.Delivered, ledger.DeletePending, ledger.Deleted} {
		t.Run(string(in), func(t *testing.T) {
			t.Parallel()
			l, ctx := open(t), t.Context()
			k, at := ledger.Key{UIDL: "a", Size: 10}, time.UnixMilli(1000)
			group := []*ledger.Message{copied("a", 1), message("b", 10, 1)}
			check(t, l.Stage(ctx, "hans", group))
			unfinished, err := l.Unfinished(ctx, "hans")
			check(t, err)
			if n := len(unfinished[0].Kept()); n != 2 || unfinished[0].State != ledger.Delivered {
				t.Fatalf("%d files are to be kept of %+v", n, unfinished[0])
			}
			check(t, l.Delivered(ctx, "hans", group, at))
			if in != ledger.Delivered {
				check(t, l.DeletePending(ctx, "hans", []ledger.Key{k}))
			}
			if in == ledger.Deleted {
				check(t, l.Deleted(ctx, "hans", []ledger.Key{k}))
			}
			counts, err := l.QuarantineCounts(ctx)
			if diff := cmp.Diff(map[string]int{"hans": 1}, counts); err != nil || diff != "" {
				t.Errorf("counts differ (-want +got), %v:\n%s", err, diff)
			}
			kept, err := l.Quarantined(ctx, "hans")
			check(t, err)
			if len(kept) != 1 || kept[0].State != in || kept[0].Reason == "" || len(kept[0].Kept()) != 2 || len(kept[0].Attachments) != 3 {
				t.Fatalf("in quarantine: %+v", kept)
			}
			again := message("a", 10, 1)
			if is, err := l.Is(ctx, "hans", map[*ledger.Message]ledger.Key{again: k}); err != nil || !is[again] {
				t.Errorf("it is not the same with its copy in quarantine: %v", err)
			}

			// Another file of it, while the copy stays; and a second time, after a crash.
			again = kept[0]
			again.State, again.Retried, again.Reason = ledger.Delivered, true, "still illegal"
			more := message("c", 10, 1).Attachments[0]
			again.Attachments = append(again.Attachments, more)
			check(t, l.Stage(ctx, "hans", []*ledger.Message{again}))
			if kept, err := l.Quarantined(ctx, "hans"); err != nil || len(kept) != 0 {
				t.Errorf("in quarantine while staged: %+v, %v", kept, err)
			}
			unfinished, err = l.Unfinished(ctx, "hans")
			check(t, err)
			check(t, l.Delivered(ctx, "hans", unfinished, at.Add(time.Hour)))
			check(t, l.Delivered(ctx, "hans", unfinished, at.Add(time.Hour)))
			if r := records(t, l, "a")["a"]; r.State != in || r.Files != 2 || !r.Delivered.Equal(at) {
				t.Errorf("after a retry: %+v", r)
			}
			check(t, l.StillQuarantined(ctx, "hans", k, "x"))
			check(t, l.Dropped(ctx, "hans", k, at.Add(time.Hour)))
			if r := records(t, l, "a")["a"]; r.State != in || r.Files != 2 || !r.Delivered.Equal(at) {
				t.Errorf("dropped: %+v", r)
			}
			if kept, err := l.Quarantined(ctx, "hans"); err != nil || len(kept) != 0 {
				t.Errorf("in quarantine: %+v, %v", kept, err)
			}
			for name, err := range map[string]error{"retry": l.Stage(ctx, "hans", []*ledger.Message{again}), "drop": l.Dropped(ctx, "hans", k, at)} {
				if _, ok := errors.AsType[*ledger.TransitionError](err); !ok {
					t.Errorf("%s when it is not there any more: %v", name, err)
				}
			}
		})
	}
}

// TestDue: what may be deleted, by what was delivered of it; over a damage of the file, too.
func TestDue(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	ctx, at := t.Context(), time.UnixMilli(1000)
	moved, unread, sidecar := message("moved", 10, 0), message("unread", 10, 1), message("sidecar", 10, 2)
	moved.Before, unread.Unread = 2, true
	sidecar.Attachments[0].Path = sidecar.Attachments[1].Path + ".json"
	group := []*ledger.Message{message("two", 10, 2), message("none", 10, 0), moved, unread, sidecar, copied("copied", 0)}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, at))
	if _, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "vouched", Size: 10}}}, at); err != nil {
		t.Fatal(err)
	}
	late := []*ledger.Message{message("late", 10, 1)}
	check(t, l.Stage(ctx, "hans", late))
	check(t, l.Delivered(ctx, "hans", late, at.Add(time.Hour)))

	expect := func(what string, want map[string]int, due, dueEmpty ledger.Due) {
		t.Helper()
		got := make(map[string]int)
		for uidl, r := range records(t, l, "two", "none", "moved", "unread", "sidecar", "copied", "vouched") {
			got[uidl] = r.Files
			if wanted := uidl != "none" && uidl != "unread" && uidl != "copied" && want[uidl] != 0; r.Deletable(false) != wanted || r.Deletable(true) != (uidl != "unread") {
				t.Errorf("%s: deletable: %t, with empty ones: %t: %+v", what, r.Deletable(false), r.Deletable(true), r)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: files differ (-want +got):\n%s", what, diff)
		}
		for empty, want := range map[bool]ledger.Due{false: due, true: dueEmpty} {
			if got, err := l.Due(ctx, "hans", at, empty); err != nil || got != want {
				t.Errorf("%s: due %+v, %v, want %+v", what, got, err, want)
			}
		}
	}
	expect("delivered", map[string]int{"two": 2, "none": 0, "moved": 2, "unread": 1, "sidecar": 1, "copied": 0, "vouched": ledger.Vouched}, ledger.Due{Deleted: 4, Empty: 2, Unread: 1}, ledger.Due{Deleted: 6, Empty: 0, Unread: 1})
	check(t, l.Close())
	l, _, err = Replace(ctx, path, time.Now())
	check(t, err)
	defer l.Close()
	// That files were delivered under another key stands nowhere else.
	expect("replaced", map[string]int{"two": 2, "none": 0, "moved": 0, "unread": 1, "sidecar": 1, "copied": 0, "vouched": ledger.Vouched}, ledger.Due{Deleted: 3, Empty: 3, Unread: 1}, ledger.Due{Deleted: 6, Empty: 0, Unread: 1})
	if kept, err := l.Quarantined(ctx, "hans"); err != nil || len(kept) != 1 || kept[0].UIDL != "copied" {
		t.Errorf("in quarantine: %+v, %v", kept, err)
	}
}

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

// TestMigrationOfFiles: what an earlier version delivered is counted by the files that it recorded, and what it had in
// quarantine is there. So it is for who only looks into its file.
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
