package fetcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrLocked says that another process is polling the account at the moment.
var ErrLocked = errors.New("another attachd process is polling this account")

// lockAccount takes the account's lock file in dir, so that two processes that
// share a ledger (a service and a `run --once` beside it) never poll one
// mailbox, nor finish one staged group, at the same time. The kernel drops the
// lock with the process, however that ends; the file itself stays.
func lockAccount(dir, account string) (unlock func() error, err error) {
	if err := makeLockFolder(dir); err != nil {
		return nil, fmt.Errorf("make lock folder: %w", err)
	}
	return lock(filepath.Join(dir, account+".lock"), syscall.LOCK_EX, ErrLocked)
}

// makeLockFolder makes the folder of the lock files. A link in its place would have files made, and their times set, wherever
// somebody who can write beside the state file likes.
func makeLockFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is a link and must be a folder: remove it", dir)
	}
	return err
}

// lock locks a file, which is made if it is missing, and is no link.
func lock(path string, how int, held error) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o640)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("open lock file: %s is a link: remove it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() error {
		// Closing alone would leave the lock to a child that is being started just now, for a password_command for
		// instance, until that child's own program begins.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		return f.Close()
	}, nil
}

// Errors of [ShareState] and [OwnState].
var (
	ErrStateOwned = errors.New("another attachd process is rebuilding the state file")
	ErrStateInUse = errors.New("another attachd process uses the state file: stop it first")
)

// stateLock can't be the name of an account's lock file, as no account begins with a dot.
const stateLock = ".state.lock"

// ShareState keeps the ledger, whose accounts' lock files are in dir, from being replaced while
// this process uses it. Any number of processes may.
func ShareState(dir string) (unlock func() error, err error) {
	return lockState(dir, syscall.LOCK_SH, ErrStateOwned)
}

// OwnState makes sure that no other process uses the ledger, or begins to.
func OwnState(dir string) (unlock func() error, err error) {
	return lockState(dir, syscall.LOCK_EX, ErrStateInUse)
}

func lockState(dir string, how int, held error) (unlock func() error, err error) {
	if err := makeLockFolder(dir); err != nil {
		return nil, fmt.Errorf("make lock folder: %w", err)
	}
	return lock(filepath.Join(dir, stateLock), how, held)
}

// LastPoll returns when the account was last polled, whatever came of it; zero without any.
func LastPoll(dir, account string) time.Time {
	info, err := os.Stat(filepath.Join(dir, account+".lock"))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// notePoll is what LastPoll looks at. It costs no fsync, and a failure nothing but that.
func notePoll(dir, account string, at time.Time) {
	_ = os.Chtimes(filepath.Join(dir, account+".lock"), at, at)
}
