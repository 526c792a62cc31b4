package fetcher

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrLocked says that another process is polling the account at the moment.
var ErrLocked = errors.New("another attachd process is polling this account")

// lockAccount takes the account's lock file in dir, so that two processes that
// share a ledger (a service and a `run --once` beside it) never poll one
// mailbox, nor finish one staged group, at the same time. The kernel drops the
// lock with the process, however that ends; the file itself stays.
func lockAccount(dir, account string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make lock folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, account+".lock"), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
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
