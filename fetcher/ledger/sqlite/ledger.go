package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/attachd/attachd/fetcher/ledger"
)

// busyTimeout is how long a statement waits for another process, such as a
// sqlite3 that somebody looks into the file with.
const busyTimeout = 10 * time.Second

// readers is how many connections read at a time.
const readers = 4

// Ledger is an open ledger file, or a view of one ([Ledger.Fenced]). Its methods may be called from
// any goroutine.
type Ledger struct {
	*file
	fenced bool
	leases []*ledger.Lease // without one of its account, no write of a fenced view is made
}

// file is what an open ledger and its views share.
type file struct {
	path    string
	journal string // "wal" or "truncate"
	version int    // of the schema, before Open brought it to the newest
	hook    Hook
	place   place

	// One connection makes the writers of this process queue where they can be
	// cancelled, instead of in SQLite's sleeping retries.
	writer  *sql.DB
	relaxed bool     // guarded by writer's connection: it commits without an fsync
	reader  *reading // nil until the file is open
	write   writeStatements
	read    readStatements

	mu       sync.Mutex
	accounts map[string]int64 // guarded by mu: ids by name, of committed rows only
	tokens   map[string]noted // guarded by mu: by account, of the last lease that wrote something
	held     map[string]*held // guarded by mu: by account, as long as this process has the lease
}

// Open opens the ledger at path, making it (mode 0600) and its folder (mode 0700) if they are
// missing. It refuses a file that it can't vouch for, with an error that says what to do.
func Open(ctx context.Context, path string, options ...Option) (*Ledger, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	l := newLedger(path)
	for _, set := range options {
		set(l.file)
	}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), l.Close())
	}
	return l, nil
}

func newLedger(path string) *Ledger {
	return &Ledger{file: &file{path: path, accounts: make(map[string]int64), tokens: make(map[string]noted), held: make(map[string]*held)}}
}

func (l *Ledger) open(ctx context.Context) error {
	if err := l.ensure(ctx); err != nil {
		return err
	}
	l.sweep()
	l.journal = journalIn(filepath.Dir(l.path))
	// A log that a crash left hides a file that was cut short from SQLite, which knows
	// the size by the log: what is missing would read as zeros, at some later time. The
	// first connection to be closed folds the log into the file, so this comes before it.
	if info, err := os.Stat(l.path + "-wal"); err == nil && info.Size() > 0 {
		if err := l.checkPages(ctx); err != nil {
			return err
		}
	}
	if err := l.checkSchema(ctx, "mode=rw"); err != nil {
		return l.explain(err)
	}
	var err error
	// The journal mode is part of opening each connection, as it is what
	// recovers a log that a crash left behind.
	if l.writer, err = connect(l.path, 1, "_txlock=immediate", "_pragma=journal_mode("+l.journal+")", "_pragma=synchronous(FULL)",
		"_pragma=cell_size_check(1)", "_pragma=journal_size_limit(16777216)"); err != nil {
		return err
	}
	if l.version < len(migrations()) {
		if err := migrate(ctx, l.writer); err != nil {
			return l.explain(err)
		}
	}
	var mode string
	if err := l.writer.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return l.explain(err)
	}
	if mode != l.journal {
		return fmt.Errorf("%s stays in journal_mode=%s and can't be set to %s: does another process hold it open?", l.path, mode, l.journal)
	}
	if err := l.placed(time.Now()); err != nil {
		return err
	}
	reader, err := connect(l.path, readers, "_query_only=1")
	if err != nil {
		return err
	}
	l.reader = newReading(reader)
	return l.explain(l.prepare(ctx))
}

// prepare compiles the statements. The two connections do so at once: the first poll waits for it.
func (l *Ledger) prepare(ctx context.Context) error {
	var reads error
	var reading sync.WaitGroup
	reading.Go(func() { reads = l.read.prepare(ctx, l.reader.DB, len(migrations())) })
	writes := l.write.prepare(ctx, l.writer)
	reading.Wait()
	return cmp.Or(writes, reads)
}

// journalIn returns the journal mode that works in a folder, which is there.
func journalIn(folder string) string {
	if SharesMemory(folder) {
		return "wal"
	}
	return "truncate"
}

// connect opens a pool of connections to a file that exists. The last one of two equal options
// holds.
func connect(path string, connections int, options ...string) (*sql.DB, error) {
	options = append([]string{"mode=rw", fmt.Sprintf("_busy_timeout=%d", busyTimeout.Milliseconds())}, options...)
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+strings.Join(options, "&"))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// checkSchema refuses what is no ledger of this version or an earlier one. Its
// connection changes nothing, so that a database named by mistake stays as it is;
// with "mode=ro" not even what a crash left is put in order.
func (l *Ledger) checkSchema(ctx context.Context, mode string) error {
	db, err := connect(l.path, 1, "_query_only=1", mode)
	if err != nil {
		return err
	}
	defer db.Close()
	var id, version int
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	l.version = version
	if id != applicationID {
		var tables int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('account', 'message', 'attachment')").Scan(&tables); err != nil {
			return err
		}
		if tables == 3 {
			return fmt.Errorf("%s is %w: it is not marked as a ledger: %s", l.path, ledger.ErrDamaged, restoreHint)
		}
		return fmt.Errorf("%s is %w: name another file", l.path, ledger.ErrForeign)
	}
	if known := len(migrations()); version > known {
		return fmt.Errorf("%s has a %w, version %d, and this attachd knows %d: run the attachd that wrote it, or restore the backup from before the upgrade", l.path, ledger.ErrNewer, version, known)
	}
	return nil
}

// migrate runs the migrations that a file lacks, all in one transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	all := migrations()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("bring the schema to version %d: %w", len(all), err)
	}
	defer tx.Rollback()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("bring the schema to version %d: %w", len(all), err)
	}
	// Another process may have done it meanwhile.
	for version < len(all) {
		statements := all[version]
		version++
		if _, err := tx.ExecContext(ctx, statements+fmt.Sprintf("PRAGMA user_version = %d;", version)); err != nil {
			return fmt.Errorf("bring the schema to version %d: %w", version, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("bring the schema to version %d: %w", version, err)
	}
	return nil
}

// checkPages reads the whole file and changes nothing. It does not check the order of the indexes.
func (l *Ledger) checkPages(ctx context.Context) error {
	db, err := connect(l.path, 1, "mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	return l.integrity(ctx, db, "quick_check")
}

// integrity runs one of SQLite's checks.
func (l *Ledger) integrity(ctx context.Context, db *sql.DB, check string) error {
	var fault string
	if err := db.QueryRowContext(ctx, "PRAGMA "+check+"(1)").Scan(&fault); err != nil {
		return l.explain(err)
	}
	if fault != "ok" {
		return fmt.Errorf("%s is %w: %s: %s", l.path, ledger.ErrDamaged, strings.TrimSpace(fault), restoreHint)
	}
	return nil
}

// Check reads the whole file and returns [ledger.ErrDamaged] with the first fault found.
// It takes about a second per 100 MB.
func (l *Ledger) Check(ctx context.Context) error {
	if err := l.integrity(ctx, l.reader.DB, "integrity_check"); err != nil {
		return fmt.Errorf("check ledger: %w", err)
	}
	return nil
}

// Close closes the file, and with it all views. Calls that are under way end first.
func (l *Ledger) Close() error {
	var errs []error
	// The writer last: it folds the log into the file.
	if l.reader != nil {
		errs = append(errs, l.reader.Close())
	}
	if l.writer != nil {
		errs = append(errs, l.writer.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close ledger: %w", l.explain(err))
	}
	return nil
}
