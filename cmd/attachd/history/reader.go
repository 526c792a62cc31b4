package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// Reader looks things up in a history. Its methods may be called from any goroutine.
type Reader struct {
	path string

	// damaged, if set, is told of damage that a lookup came across.
	damaged func(error)

	mu   sync.RWMutex
	open *reading // guarded by mu: nil while there is no file
}

// reading is an open file.
type reading struct {
	db       *sql.DB
	patience time.Duration // how long a search may take
}

// readers is how many lookups are made at a time.
const readers = 4

// OpenReader opens a history for looking into it, whether attachd writes it or not. Nothing is made
// or changed. The error for a missing file, and for one that holds nothing yet, is
// [fs.ErrNotExist].
func OpenReader(ctx context.Context, path string) (*Reader, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open history %s: %w", path, err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	open, err := openExisting(ctx, path)
	switch {
	case errors.Is(err, errBlank):
		return nil, fmt.Errorf("open history %s: %w (%w)", path, err, fs.ErrNotExist)
	case code(err) == sqlite3.SQLITE_READONLY_ROLLBACK:
		return nil, fmt.Errorf("open history %s: attachd was killed while it wrote it, and puts it in order when it runs again (%w)", path, err)
	case err != nil:
		return nil, fmt.Errorf("open history %s: %w", path, err)
	}
	return &Reader{path: path, open: open}, nil
}

// openExisting opens a file for reading alone: another process writes it, or nobody can.
func openExisting(ctx context.Context, path string) (*reading, error) {
	modes := []string{"mode=ro"}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) && !filled(path+"-journal") {
		// Without a log and a journal the file is whole in itself. SQLite would make a log even so,
		// which it can't where this user may only read.
		modes = append(modes, "immutable=1")
	}
	var err error // of the last: it needs least
	for _, mode := range modes {
		var open *reading
		if open, err = openReading(path, mode); err == nil {
			if err = open.check(ctx); err == nil {
				return open, nil
			}
			open.db.Close()
		}
	}
	return nil, err
}

func openReading(path, mode string) (*reading, error) {
	db, err := sql.Open("sqlite", dsn(path, mode, "_query_only=1", "_pragma=cache_size(-4000)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	return &reading{db, searchTime}, nil
}

// use has lookups made in another file.
func (r *Reader) use(open *reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open != nil {
		r.open.db.Close()
	}
	r.open = open
}

// inUse reports whether there is a file.
func (r *Reader) inUse() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.open != nil
}

// Close closes the file. Lookups that are under way end first.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		return nil
	}
	err := r.open.db.Close()
	r.open = nil
	return err
}

// errClosed is the error of a lookup while there is no file.
var errClosed = fmt.Errorf("the history is not open: %w", fs.ErrClosed)

// look calls fn with the file.
func (r *Reader) look(what string, fn func(*reading) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	err := errClosed
	if r.open != nil {
		err = fn(r.open)
	}
	if c := code(err) & 0xff; r.damaged != nil && (c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB) {
		r.damaged(err)
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("look up %s: %w", what, err)
	}
	return err
}

// account returns the row of an account, 0 for none.
func (r *reading) account(ctx context.Context, name string) (id int64, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT id FROM account WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

const itemColumns = `i.id, i.at, a.name, m.uidl, i.message, i.name, i.path, i.sender_name, i.sender, i.subject, i.kind, i.media_type, i.size, i.digest, i.digest_kind, i.repairs, coalesce(i.original, i.name)`

// The order of the joins is given: SQLite takes CROSS JOIN by the word.
const itemTables = ` FROM item AS i CROSS JOIN account AS a ON a.id = i.account CROSS JOIN message AS m ON m.id = i.message`

func scanItem(rows interface{ Scan(...any) error }, more ...any) (i Item, err error) {
	var at int64
	var kind int
	var uidl, sum []byte
	var repairs sql.NullString
	err = rows.Scan(append([]any{&i.ID, &at, &i.Account, &uidl, &i.Message, &i.Name, &i.Path, &i.SenderName, &i.Sender, &i.Subject, &kind, &i.MediaType, &i.Size, &sum, &i.Digest.Kind, &repairs, &i.Original}, more...)...)
	if err != nil {
		return i, err
	}
	i.At, i.UIDL, i.Kind = time.UnixMilli(at), string(uidl), kindOfNumber(kind)
	copy(i.Digest.Sum[:], sum)
	if repairs.Valid {
		err = json.Unmarshal([]byte(repairs.String), &i.Repairs)
	}
	return i, err
}

// Item returns an item, or [ErrNotFound].
func (r *Reader) Item(ctx context.Context, id int64) (item *Item, err error) {
	err = r.look("a file", func(r *reading) error {
		i, err := scanItem(r.db.QueryRowContext(ctx, "SELECT "+itemColumns+itemTables+" WHERE i.id = ?", id))
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		item = &i
		return err
	})
	if err != nil {
		return nil, err
	}
	return item, nil
}

// ofMessage bounds what is shown of one message.
const ofMessage = 1000

// OfMessage returns the files of a message of an account, in the order in which they came, and what
// of it was left out. It returns at most 1000 of each.
func (r *Reader) OfMessage(ctx context.Context, account string, message int64) (items []Item, out []LeftOut, err error) {
	err = r.look("a message", func(r *reading) error {
		err := eachRow(ctx, r.db, "SELECT "+itemColumns+itemTables+" WHERE i.message = ? AND a.name = ? ORDER BY i.id LIMIT ?", func(rows *sql.Rows) error {
			i, err := scanItem(rows)
			items = append(items, i)
			return err
		}, message, account, ofMessage)
		if err != nil {
			return err
		}
		return eachRow(ctx, r.db, `SELECT o.at, m.uidl, o.name, o.size, o.more, r.why, r.setting, r.place FROM left_out AS o JOIN message AS m ON m.id = o.message
			JOIN account AS a ON a.id = o.account JOIN reason AS r ON r.id = o.reason WHERE o.message = ? AND a.name = ? ORDER BY o.id LIMIT ?`, func(rows *sql.Rows) error {
			o := LeftOut{Account: account, Message: message}
			var at int64
			var uidl []byte
			err := rows.Scan(&at, &uidl, &o.Name, &o.Size, &o.More, &o.Why, &o.Setting, &o.Place)
			o.At, o.UIDL, o.Key = time.UnixMilli(at), string(uidl), leftOutKey(o.Setting, o.Why)
			out = append(out, o)
			return err
		}, message, account, ofMessage)
	})
	return items, out, err
}

// Totals returns what an account came to, as far as it is kept.
func (r *Reader) Totals(ctx context.Context, account string) (t Totals, err error) {
	err = r.look("what an account came to", func(r *reading) error {
		var since sql.NullInt64
		err := r.db.QueryRowContext(ctx, "SELECT files, bytes, (SELECT i.at FROM item AS i WHERE i.account = a.id ORDER BY i.id LIMIT 1) FROM account AS a WHERE a.name = ?", account).Scan(&t.Files, &t.Bytes, &since)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		t.Since = fromMilliseconds(since.Int64)
		return err
	})
	return t, err
}
