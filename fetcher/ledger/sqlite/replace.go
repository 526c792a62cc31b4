package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/attachd/attachd/extractor/digest"
)

// logSuffixes follow the name of a ledger in the names of its files. SQLite finds them by their
// names, so they are moved together. The ledger itself goes first, as a log without its file is
// noticed.
var logSuffixes = []string{"", "-wal", "-journal", "-shm"}

// Replaced says what became of a damaged ledger.
type Replaced struct {
	Kept     string // where the damaged file is now
	Salvaged int    // messages that could be read from it
}

// Replace puts a new ledger in the place of a damaged one and opens it. Nobody may have the damaged
// one open. It is kept beside the new one with ".damaged-" and the time behind its name.
//
// The new ledger has what SQLite can still read of the old one, with these differences:
//
//   - A message that was staged is failed, to be fetched again: nobody can vouch for the list of
//     its files.
//   - All generations are zero. An account with deliveries in its folder is not polled until
//     [Ledger.CatchUp] says that the rest is accounted for.
//
// Killed in between, the damaged file is there under one of both names. The new one is missing or
// whole.
func Replace(ctx context.Context, path string, now time.Time) (*Ledger, Replaced, error) {
	l, r, err := replace(ctx, path, now)
	if err != nil {
		return nil, r, fmt.Errorf("replace ledger: %w", err)
	}
	return l, r, nil
}

func replace(ctx context.Context, path string, now time.Time) (_ *Ledger, r Replaced, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, r, err
	}
	if r.Kept, err = freeName(path + ".damaged-" + now.UTC().Format("20060102T150405Z")); err != nil {
		return nil, r, err
	}
	temporary := path + ".new"
	for _, suffix := range logSuffixes { // of a Replace that was killed
		if err := os.Remove(temporary + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, r, err
		}
	}
	to, err := Open(ctx, temporary)
	if err != nil {
		return nil, r, err
	}
	r.Salvaged, err = to.salvage(ctx, path)
	if err := errors.Join(err, to.Close()); err != nil {
		return nil, r, err
	}
	// The index of the log is made anew when it is needed, and an empty log, which
	// reading the file has made, is none.
	_ = os.Remove(path + "-shm")
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() == 0 {
		_ = os.Remove(path + "-wal")
	}
	for _, suffix := range logSuffixes {
		if err := os.Rename(path+suffix, r.Kept+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, r, err
		}
	}
	if err := os.Rename(temporary, path); err != nil {
		return nil, r, err
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, r, err
	}
	to, err = Open(ctx, path)
	return to, r, err
}

// freeName returns a name that no file has yet: this one, or with a number behind it if two are
// made within a second.
func freeName(name string) (string, error) {
	free := name
	for n := 2; ; n++ {
		_, err := os.Lstat(free)
		if errors.Is(err, fs.ErrNotExist) {
			return free, nil
		}
		if err != nil {
			return "", err
		}
		free = name + "-" + strconv.Itoa(n)
	}
}

// salvage copies what can be read of a damaged ledger. It is no error if nothing can be.
func (l *Ledger) salvage(ctx context.Context, damaged string) (salvaged int, err error) {
	from, err := connect(damaged, 1, "mode=ro")
	if err != nil {
		return 0, err
	}
	defer from.Close()
	names := make(map[int64]string)
	ids := make(map[int64]int64)
	polled, starts := make(map[int64]sql.NullInt64), make(map[int64]sql.NullInt64)
	known := salvagedColumns(ctx, from)
	_ = eachRow(ctx, from, "SELECT id, name, "+known.polled+", "+known.start+" FROM account", func(rows *sql.Rows) error {
		var id int64
		var name string
		var at, start sql.NullInt64
		if err := rows.Scan(&id, &name, &at, &start); err != nil {
			return err
		}
		names[id], polled[id], starts[id] = name, at, start
		return nil
	})
	tx, err := l.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, l.explain(err)
	}
	defer tx.Rollback()
	for old, name := range names {
		var id int64
		if err := tx.StmtContext(ctx, l.write.account).QueryRowContext(ctx, name).Scan(&id); err != nil {
			return 0, l.explain(err)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE account SET polled = ?, start = ? WHERE id = ?", polled[old], starts[old], id); err != nil {
			return 0, l.explain(err)
		}
		ids[old] = id
	}
	// From both ends, as the walk through a table ends at the first page that can't be read.
	var failed error
	for _, order := range []string{"ASC", "DESC"} {
		if err := eachRow(ctx, from, "SELECT id, account, uidl, size, replace(state, 'staged', 'failed'), sha256, message_id, reason, attempts, next_attempt, first_seen, delivered, "+known.unread+", "+known.vouched+", "+known.envelope+", "+known.skipped+" FROM message ORDER BY id "+order, func(rows *sql.Rows) error {
			var id, account, size, attempts, firstSeen int64
			var uidl, sum []byte
			var state string
			var messageID, reason, from, to, subject sql.NullString
			var next, delivered, date, zone sql.NullInt64
			var unread, vouched, skipped bool
			if err := rows.Scan(&id, &account, &uidl, &size, &state, &sum, &messageID, &reason, &attempts, &next, &firstSeen, &delivered, &unread, &vouched, &from, &to, &subject, &date, &zone, &skipped); err != nil {
				return nil // a row that is no such row
			}
			if ids[account] == 0 {
				return nil
			}
			result, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO message (id, account, uidl, size, state, sha256, message_id, reason, attempts, next_attempt, first_seen, delivered, unread, sender, recipients, subject, dated, zone, skipped, files) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, CASE WHEN ? THEN NULL ELSE 0 END)",
				id, ids[account], uidl, size, state, sum, messageID, reason, attempts, next, firstSeen, delivered, unread, from, to, subject, date, zone, skipped, vouched)
			if err != nil {
				failed = err
				return err
			}
			n, err := result.RowsAffected()
			salvaged += int(n)
			return err
		}); err == nil {
			break
		}
	}
	if failed == nil {
		failed = salvageFiles(ctx, from, tx, known)
	}
	if failed == nil {
		_, failed = tx.ExecContext(ctx, "UPDATE message SET files = "+countedFiles+" WHERE files IS NOT NULL")
	}
	if failed != nil {
		return 0, l.explain(failed)
	}
	return salvaged, l.explain(tx.Commit())
}

// columns are expressions for what the tables of an earlier version lack.
type columns struct{ unread, vouched, kept, polled, envelope, start, skipped, digest string }

func salvagedColumns(ctx context.Context, from *sql.DB) columns {
	has := func(table, column string) bool {
		var n int
		err := from.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", table, column).Scan(&n)
		return err == nil && n > 0
	}
	c := columns{"0", "0", "0", "NULL", "NULL, NULL, NULL, NULL, NULL", "NULL", "0", "sha256, 1"}
	if has("message", "files") {
		c.unread, c.vouched, c.kept = "unread", "files IS NULL", "kept"
	}
	if has("account", "polled") {
		c.polled, c.envelope = "polled", "sender, recipients, subject, dated, zone"
	}
	if has("message", "skipped") {
		c.start, c.skipped = "start", "skipped"
	}
	if has("attachment", "kind") {
		c.digest = "digest, kind"
	}
	return c
}

// salvageFiles copies the attachments of the messages that were salvaged.
func salvageFiles(ctx context.Context, from *sql.DB, tx *sql.Tx, known columns) (failed error) {
	for _, order := range []string{"message ASC, n ASC", "message DESC, n DESC"} {
		if err := eachRow(ctx, from, "SELECT message, n, path, original_name, media_type, size, "+known.digest+", "+known.kept+" FROM attachment ORDER BY "+order, func(rows *sql.Rows) error {
			var message, n, size int64
			var path string
			var original, media sql.NullString
			var sum []byte
			var kind digest.Kind
			var kept bool
			if err := rows.Scan(&message, &n, &path, &original, &media, &size, &sum, &kind, &kept); err != nil {
				return nil
			}
			_, failed = tx.ExecContext(ctx, `INSERT OR IGNORE INTO attachment (message, n, account, path, original_name, media_type, size, digest, kind, kept)
				SELECT id, ?, account, ?, ?, ?, ?, ?, ?, ? OR state = 'quarantined' FROM message WHERE id = ? AND state <> 'failed'`, n, path, original, media, size, sum, kind, kept, message)
			return failed
		}); err == nil || failed != nil {
			return failed
		}
	}
	return nil
}
