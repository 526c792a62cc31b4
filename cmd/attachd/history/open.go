package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	ledgersqlite "github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// sqliteSuffixes are what SQLite has behind the names of its files.
var sqliteSuffixes = []string{"", "-wal", "-shm", "-journal"}

// asideNames is how many files that could not be used stay beside the history.
const asideNames = 2

func asideName(path string, n int) string { return fmt.Sprintf("%s.aside-%d", path, n) }

// errUnfit is why a file is set aside though SQLite can read it.
var errUnfit = errors.New("not a history that this version can use")

// errState is why a file is left where it is, whatever is said of it.
var errState = errors.New("it is the state, not a history: name another file")

// open opens the file, and makes it anew if it can't be used. It fails only where that would harm:
// any other error is one of writing, which is tried again.
func (w *writer) open(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.openFile(ctx)
	if isDamage(err) {
		err = w.again(ctx, err)
	}
	if errors.Is(err, errState) {
		return err
	}
	if err != nil {
		err = fmt.Errorf("open history: %w", err)
		w.history.setErr(err)
		w.history.options.Log.Error().Err(err).Str("file", w.history.path).Msg("history not written; deliveries go on, and it is tried again")
	}
	return nil
}

// damage returns damage that a lookup came across.
func (w *writer) damage() error {
	select {
	case err := <-w.found:
		return err
	default:
		return nil
	}
}

// mend makes a damaged file anew, or its text index if that alone is damaged.
func (w *writer) mend(ctx context.Context, cause error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if isTextDamage(cause) && w.db != nil {
		err := w.remakeText(ctx)
		if err == nil {
			w.history.options.Log.Warn().Err(cause).Str("file", w.history.path).Msg("the history's text index is made anew: it was damaged")
			return nil
		}
	}
	return w.again(ctx, cause)
}

func (w *writer) remakeText(ctx context.Context) error {
	err := w.transact(ctx, func(tx *tx) error {
		if err := prepareText(tx, false); err != nil {
			return err
		}
		return prepareText(tx, true)
	})
	if err != nil {
		return err
	}
	w.state.whole = false
	w.prune = pruning{due: true}
	return nil
}

// again makes the file anew. Its caller has the lock.
func (w *writer) again(ctx context.Context, cause error) error {
	if w.db != nil {
		w.db.close()
		w.db = nil
	}
	w.history.Reader.use(nil)
	_ = w.damage() // it was of that file: no lookup uses it any more
	if err := setAside(w.history.path); err != nil {
		return errors.Join(cause, err)
	}
	aside := asideName(w.history.path, 1)
	w.history.options.Log.Warn().Err(cause).Str("file", w.history.path).Str("aside", aside).Msg("history set aside and made anew: it could not be used")
	w.refill = refill{due: true}
	w.prune = pruning{due: true}
	if err := w.openFile(ctx); err != nil {
		return err
	}
	w.history.setNote("The history was made anew on %s, as the old one could not be used: %v. It is kept as %s. Files from before come from the state; polls and troubles from before are not shown.",
		time.Now().In(w.history.options.Zone).Format("2 Jan 2006, 15:04"), cause, aside)
	return nil
}

// lookForFile opens the history anew if somebody removed or replaced its file.
func (w *writer) lookForFile() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db == nil || w.is == nil {
		return
	}
	if now, err := os.Stat(w.history.path); err == nil && os.SameFile(now, w.is) {
		return
	}
	w.history.options.Log.Warn().Str("file", w.history.path).Msg("history made anew: somebody removed its file")
	w.db.close()
	w.db = nil
	w.history.Reader.use(nil)
	w.refill = refill{due: true}
}

// setAside renames a file and what SQLite keeps beside it. At most asideNames are kept: the first
// name is the newest.
func setAside(path string) error {
	for _, suffix := range sqliteSuffixes {
		for n := asideNames; n >= 1; n-- {
			from := path
			if n > 1 {
				from = asideName(path, n-1)
			}
			to := asideName(path, n) + suffix
			os.Remove(to)
			if err := os.Rename(from+suffix, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("set the history aside: %w", err)
			}
		}
	}
	return nil
}

// openFile opens the file, or makes it, and reads the state that goes on. Its caller has the lock.
func (w *writer) openFile(ctx context.Context) error {
	path := w.history.path
	if err := w.ask(stepOpen); err != nil {
		return err
	}
	db, err := w.connect(ctx, path)
	if err == nil {
		if w.state, err = w.load(ctx, db); err != nil {
			err = errors.Join(fmt.Errorf("read %s: %w", path, err), db.close())
		}
	}
	if err != nil {
		if !isDamage(err) {
			w.readOnly(ctx)
		}
		return err
	}
	reader, err := openReading(path, "mode=ro")
	if err != nil {
		return errors.Join(err, db.close())
	}
	if p := w.history.options.patience; p != 0 {
		reader.patience = p
	}
	w.is, _ = os.Stat(path)
	w.db = db
	w.history.Reader.use(reader)
	return nil
}

// readOnly has lookups made in a file that can't be written.
func (w *writer) readOnly(ctx context.Context) {
	if w.history.Reader.inUse() {
		return
	}
	if reader, err := openExisting(ctx, w.history.path); err == nil {
		w.history.Reader.use(reader)
	}
}

// connect opens a file and brings it to the schema.
func (w *writer) connect(ctx context.Context, path string) (*connection, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file: remove it", path)
	case err == nil && info.Size() > 0:
		if err := inspect(ctx, path); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	case err != nil:
		// Mode 0600 before SQLite makes the file by the umask.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	db, err := sql.Open("sqlite", dsn(path, "mode=rw", "_pragma=auto_vacuum(incremental)", "_pragma=journal_mode("+journal(path)+")",
		"_pragma=synchronous(NORMAL)", "_pragma=cell_size_check(1)", "_pragma=journal_size_limit(16777216)", "_pragma=cache_size(-8000)",
		"_pragma=temp_store(MEMORY)"))
	if err != nil {
		return nil, err
	}
	c, err := newConnection(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	if err := w.prepare(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), c.close())
	}
	return c, nil
}

func dsn(path string, options ...string) string {
	options = append([]string{fmt.Sprintf("_busy_timeout=%d", busyTimeout.Milliseconds())}, options...)
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(options, "&")
}

const busyTimeout = 5 * time.Second

// prepare makes the tables of a new file, all in one transaction: a process that is killed before
// its end leaves a database without any ([errBlank]).
func (w *writer) prepare(ctx context.Context, c *connection) error {
	return c.transact(ctx, func(tx *tx) error {
		var tables int
		if err := tx.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return err
		}
		if tables == 0 {
			script := schema + fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)
			if _, err := c.conn.ExecContext(ctx, script); err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO setting VALUES (?, ?), (?, 1)", keyBegan, time.Now().UnixMilli(), keyLow); err != nil {
				return err
			}
		}
		return prepareText(tx, w.history.options.Search)
	}, func() error { return nil })
}

// load reads what the writer knows of the file.
func (w *writer) load(ctx context.Context, c *connection) (state, error) {
	db := c.conn
	s := state{accounts: make(map[string]int64), open: make(map[int64]*ongoing), pruned: make(map[int64]int)}
	set := settings(ctx, db)
	s.low, s.disorder, s.began, s.whole = set[keyLow], set[keyDisorder], set[keyBegan], set[keyText] != 0
	s.floor, s.prunedID = set[keyPruned], set[keyPrunedID]
	s.text = w.history.options.Search
	var id int64
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0), coalesce((SELECT max(at) FROM item), 0) FROM item").Scan(&id, &s.newest); err != nil {
		return s, err
	}
	s.next = max(id, s.prunedID, firstLive-1) + 1
	err := eachRow(ctx, db, "SELECT name, id FROM account", func(r *sql.Rows) error {
		var name string
		var id int64
		err := r.Scan(&name, &id)
		s.accounts[name] = id
		return err
	})
	if err != nil {
		return s, err
	}
	err = eachRow(ctx, db, "SELECT account, id, host, step, class, text FROM trouble WHERE over IS NULL", func(r *sql.Rows) error {
		var account int64
		o := &ongoing{}
		err := r.Scan(&account, &o.id, &o.host, &o.step, &o.class, &o.text)
		s.open[account] = o
		return err
	})
	return s, err
}

// settings reads table setting. An error of the file comes again with the next statement.
func settings(ctx context.Context, db querier) map[string]int64 {
	set := make(map[string]int64)
	_ = eachRow(ctx, db, "SELECT key, value FROM setting", func(r *sql.Rows) error {
		var key string
		var value int64
		err := r.Scan(&key, &value)
		set[key] = value
		return err
	})
	return set
}

// eachRow calls fn for each row until one can't be read or fn fails.
func eachRow(ctx context.Context, db querier, query string, fn func(*sql.Rows) error, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// isDamage reports whether an error says that the file has to be made anew.
func isDamage(err error) bool {
	if errors.Is(err, errUnfit) {
		return true
	}
	switch code(err) & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH:
		// The statements are always the same, so it is what they are about.
		return true
	}
	return false
}

// isTextDamage reports whether only the text index is damaged.
func isTextDamage(err error) bool { return code(err) == sqlite3.SQLITE_CORRUPT_VTAB }

// code returns SQLite's extended result code, 0 for another error.
func code(err error) int {
	if failure, ok := errors.AsType[*driver.Error](err); ok {
		return failure.Code()
	}
	return 0
}

// journal returns the mode that works in the file's folder.
func journal(path string) string {
	if ledgersqlite.SharesMemory(filepath.Dir(path)) {
		return "wal"
	}
	return "truncate"
}
