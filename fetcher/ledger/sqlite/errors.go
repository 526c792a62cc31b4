package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/attachd/attachd/fetcher/ledger"
)

const restoreHint = "restore a backup, or run attachd state rebuild, which makes a new one from the servers' lists"

// explain adds to an error of SQLite what it means for the user and what to do.
func (l *Ledger) explain(err error) error {
	failure, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	if failure.Code() == sqlite3.SQLITE_READONLY_ROLLBACK {
		return fmt.Errorf("%s is %w for now (%w): attachd was killed while it wrote it, and puts it in order when it runs again", l.path, ledger.ErrReadOnly, err)
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s is %w: not a database (%w): %s", l.path, ledger.ErrDamaged, err, restoreHint)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s is %w (%w): %s", l.path, ledger.ErrDamaged, err, restoreHint)
	case sqlite3.SQLITE_ERROR:
		// The statements are always the same, so it is what they are about.
		return fmt.Errorf("%s is %w: its tables are not those of a ledger (%w): %s", l.path, ledger.ErrDamaged, err, restoreHint)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("write %s: %w (%w)", l.path, syscall.ENOSPC, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%s is %w (%w): its file, its folder and the files beside it must be writable by this user", l.path, ledger.ErrReadOnly, err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return fmt.Errorf("%s %w (%w): %w", l.path, ledger.ErrUnopenable, err, unopenable(l.path))
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return fmt.Errorf("%s was %w for %v (%w)", l.path, ledger.ErrBusy, busyTimeout, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("read or write %s: %w (%w)", l.path, ledger.ErrDisk, err)
	}
	return fmt.Errorf("%s: %w", l.path, err)
}

// unopenable says why a file can't be opened. SQLite does not say why, nor whether it is about the
// file or its folder. It is not opened here: closing it would end the locks that this process has
// on it.
func unopenable(path string) error {
	if f, err := os.Open(os.DevNull); errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("%w: %w", syscall.EMFILE, ledger.ErrFileLimit)
	} else if err == nil {
		f.Close()
	}
	if _, err := os.Stat(path); err == nil && unix.Access(path, unix.R_OK|unix.W_OK) != nil {
		return errors.New("this user may not read and write the file")
	}
	return errors.New("the folder must exist and be writable by this user")
}
