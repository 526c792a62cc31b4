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

// open opens the file, and makes it anew if it can't be used.
func (w *writer) open(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.openFile(ctx)
	if isDamage(err) {
		err = w.again(ctx, err)
	}
	return err
}

// remake sets a damaged file aside while the history is in use.
func (w *writer) remake(ctx context.Context, cause error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.again(ctx, cause)
}

// again makes the file anew. Its caller has the lock.
func (w *writer) again(ctx context.Context, cause error) error {
	if w.db != nil {
		w.db.Close()
		w.db = nil
	}
	w.history.Reader.use(nil)
	if err := setAside(w.history.path); err != nil {
		return errors.Join(cause, err)
	}
	w.history.options.Log.Warn().Err(cause).Str("file", w.history.path).Str("aside", asideName(w.history.path, 1)).Msg("history set aside and made anew: it could not be used")
	w.refill = refill{due: true}
	w.prune = pruning{due: true}
	if err := w.openFile(ctx); err != nil {
		return err
	}
	w.history.setNote("The history was made anew on %s, as the old one could not be used: %v. Polls and troubles from before are gone.", time.Now().In(w.history.options.Zone).Format("2 Jan 2006, 15:04"), cause)
	return nil
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
	if err != nil {
		return err
	}
	if w.state, err = w.load(ctx, db); err != nil {
		return errors.Join(fmt.Errorf("read %s: %w", path, err), db.Close())
	}
	reader, err := openReading(path, w.history.options.Zone)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	w.db = db
	w.history.Reader.use(reader)
	return nil
}

// connect opens a file and brings it to the schema.
func (w *writer) connect(ctx context.Context, path string) (*sql.DB, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: remove it", path)
	}
	// Mode 0600 before SQLite makes the file by the umask.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	db, err := sql.Open("sqlite", dsn(path, "mode=rw", "_txlock=immediate", "_pragma=auto_vacuum(incremental)", "_pragma=journal_mode("+journal(path)+")",
		"_pragma=synchronous(NORMAL)", "_pragma=cell_size_check(1)", "_pragma=journal_size_limit(16777216)", "_pragma=cache_size(-8000)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if err := w.prepare(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return db, nil
}

func dsn(path string, options ...string) string {
	options = append([]string{fmt.Sprintf("_busy_timeout=%d", busyTimeout.Milliseconds())}, options...)
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(options, "&")
}

const busyTimeout = 5 * time.Second

// prepare makes the tables of a new file, and checks an old one.
func (w *writer) prepare(ctx context.Context, db *sql.DB) error {
	var id, version, tables int
	for query, to := range map[string]*int{"PRAGMA application_id": &id, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := db.QueryRowContext(ctx, query).Scan(to); err != nil {
			return err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	switch {
	case tables == 0 && id == 0:
		if _, err := tx.Exec(schema+fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion)+"INSERT INTO setting VALUES (?, ?), (?, 1);",
			keyBegan, time.Now().UnixMilli(), keyLow); err != nil {
			return err
		}
	case id != applicationID:
		return fmt.Errorf("it is of another program: %w", errUnfit)
	case version != schemaVersion:
		return fmt.Errorf("it has version %d, this program has version %d: %w", version, schemaVersion, errUnfit)
	}
	if err := prepareText(tx, w.history.options.Search); err != nil {
		return err
	}
	return tx.Commit()
}

// load reads what the writer knows of the file.
func (w *writer) load(ctx context.Context, db *sql.DB) (state, error) {
	s := state{accounts: make(map[string]int64), open: make(map[int64]*ongoing), pruned: make(map[int64]int)}
	set := settings(ctx, db)
	s.low, s.disorder, s.began, s.whole = set[keyLow], set[keyDisorder], set[keyBegan], set[keyText] != 0
	s.floor = set[keyPruned]
	s.text = w.history.options.Search
	var id int64
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0), coalesce((SELECT max(at) FROM item), 0) FROM item").Scan(&id, &s.newest); err != nil {
		return s, err
	}
	s.next = max(id, set[keyPrunedID], firstLive-1) + 1
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
	failure, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return false
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH:
		// The statements are always the same, so it is what they are about.
		return true
	}
	return false
}

// journal returns the mode that works in the file's folder.
func journal(path string) string {
	if ledgersqlite.SharesMemory(filepath.Dir(path)) {
		return "wal"
	}
	return "truncate"
}
