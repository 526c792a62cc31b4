package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// ensure makes the file if it is missing. A new file is prepared under
// another name and appears whole, so that an empty one is always a damaged one.
//
// It opens no file that exists: closing it would drop the locks that another
// Ledger of this process holds on it (fcntl(2), "advisory record locking").
func (l *Ledger) ensure(ctx context.Context) error {
	info, err := os.Stat(l.path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder: name a file", l.path)
	case err == nil && info.Size() == 0:
		return fmt.Errorf("%s is %w: it is empty: %s", l.path, ledger.ErrDamaged, restoreHint)
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := l.orphanedLog(); err != nil {
		return err
	}
	folder := filepath.Dir(l.path)
	if err := makeFolder(folder); err != nil {
		return err
	}
	temporary := l.path + newSuffix + rand.Text()
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(temporary + suffix)
		}
	}()
	if err := create(ctx, temporary, journalIn(folder)); err != nil {
		return newLedger(temporary).explain(err)
	}
	// A second process may have made the file meanwhile: then that one stands.
	if err := publish(temporary, l.path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(folder)
}

// newSuffix is what the name of a file has behind that of the ledger while it is made.
const newSuffix = ".new-"

// leftAfter is how old a file is that nobody makes any more.
const leftAfter = time.Hour

// sweep removes the files of processes that were killed while they made the ledger. One that can't
// be removed does no harm.
func (l *Ledger) sweep() {
	folder, name := filepath.Split(l.path)
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		random, is := strings.CutPrefix(e.Name(), name+newSuffix)
		if !is || len(random) < len(rand.Text()) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftAfter {
			os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// publish gives a file its name. One that has the name already stays, which is [fs.ErrExist].
func publish(temporary, path string) error {
	err := os.Link(temporary, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return os.Rename(temporary, path) // no hard links on this file system
	}
	return err
}

// orphanedLog returns an error if there is a log without its file.
func (l *Ledger) orphanedLog() error {
	for _, suffix := range []string{"-wal", "-journal"} {
		// journal_mode=TRUNCATE leaves an empty one, which holds nothing.
		if info, err := os.Lstat(l.path + suffix); err == nil && info.Size() > 0 {
			return fmt.Errorf("%s is %w: it is missing, while its %s is there: %s", l.path, ledger.ErrDamaged, suffix, restoreHint)
		}
	}
	return nil
}

// create makes an empty ledger with a name that nobody knows yet. So nothing of it needs to outlive
// a crash before it is whole, and one fsync at the end does.
func create(ctx context.Context, path, journal string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // before it has its name: no lock is lost by it
	db, err := connect(path, 1, "_txlock=immediate", "_pragma=journal_mode(MEMORY)", "_pragma=synchronous(OFF)")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	if err == nil {
		err = migrate(ctx, db)
	}
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA journal_mode = "+journal)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	return f.Sync()
}

// makeFolder makes a folder and its parents durable: a power cut that took the folder away would
// take the ledger.
func makeFolder(folder string) error {
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(folder)
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

func syncFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
