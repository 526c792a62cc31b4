package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Backup writes a copy of the ledger at path to a file that is not there yet (mode 0600). It may be
// in use meanwhile: the copy is of one moment, whole, and as small as can be
// (https://sqlite.org/lang_vacuum.html#vacuuminto). A plain copy of the file lacks what stands in
// its log. The copy is read once as a whole before it gets its name, so that one that can't be read
// is not taken for a backup.
func Backup(ctx context.Context, path, to string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("back up ledger to %s: %w", to, err)
		}
	}()
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%w: name another file", fs.ErrExist))
	}
	l, err := Inspect(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	// SQLite would make the file for everybody to read.
	temporary := to + ".new-" + rand.Text()
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		os.Remove(temporary)
		os.Remove(temporary + "-journal")
	}()
	if _, err := l.reader.ExecContext(ctx, "VACUUM INTO ?", temporary); err != nil {
		return l.explainCopy(err, temporary)
	}
	if err := newLedger(temporary).checkCopy(ctx); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := publish(temporary, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// explainCopy is explain for an error of writing a copy of the ledger. A full disk is that of the
// copy, as the ledger is only read.
func (l *Ledger) explainCopy(err error, to string) error {
	if failure, ok := errors.AsType[*driver.Error](err); ok && failure.Code()&0xff == sqlite3.SQLITE_FULL {
		return newLedger(to).explain(err)
	}
	return l.explain(err)
}

// checkCopy reads the whole file.
func (l *Ledger) checkCopy(ctx context.Context) error {
	if err := l.checkSchema(ctx, "mode=ro"); err != nil {
		return l.explain(err)
	}
	return l.checkPages(ctx)
}
