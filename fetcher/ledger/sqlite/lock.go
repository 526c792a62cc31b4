package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// LockFolder is the folder of the lock files of a ledger, beside it.
func LockFolder(path string) string { return path + ".locks" }

// stateLock can't be the name of an account's lock file, as no account begins with a dot.
const stateLock = ".state.lock"

func lockName(account string) string { return account + ".lock" }

// Errors of [Share] and [Own].
var (
	ErrOwned = errors.New("another attachd process is rebuilding the state file")
	ErrInUse = errors.New("another attachd process uses the state file: stop it first")
)

// Share keeps the ledger at path from being replaced while this process uses it. Any number of
// processes may share it. The kernel drops the lock with the process, however that ends.
func Share(path string) (unlock func() error, err error) {
	return lockIn(LockFolder(path), stateLock, syscall.LOCK_SH, ErrOwned)
}

// Own makes sure that no other process uses the ledger at path, or begins to.
func Own(path string) (unlock func() error, err error) {
	return lockIn(LockFolder(path), stateLock, syscall.LOCK_EX, ErrInUse)
}

// lockIn locks a file in a folder. Both are made if they are missing.
func lockIn(dir, name string, how int, held error) (unlock func() error, err error) {
	if err := makeLockFolder(dir); err != nil {
		return nil, fmt.Errorf("make lock folder: %w", err)
	}
	return lock(filepath.Join(dir, name), how, held)
}

// makeLockFolder makes the folder of the lock files and refuses a link: whoever can write beside
// the state file could have files made anywhere by one.
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

// lock locks a file, which is made if it is missing and is no link. It is opened without os, which
// would ask in five system calls, at each poll, whether the file can be waited for.
func lock(path string, how int, held error) (unlock func() error, err error) {
	fd := -1
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		fd, err = syscall.Open(path, syscall.O_RDWR|syscall.O_CREAT|syscall.O_NOFOLLOW|syscall.O_CLOEXEC, 0o640)
	}
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("open lock file: %s is a link: remove it", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open lock file %s: %w", path, err)
	}
	if err := syscall.Flock(fd, how|syscall.LOCK_NB); err != nil {
		syscall.Close(fd)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, held
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return sync.OnceValue(func() error {
		// Closing alone would leave the lock to a child that is being started just now, for a
		// password_command for instance, until that child's own program begins.
		_ = syscall.Flock(fd, syscall.LOCK_UN)
		return syscall.Close(fd)
	}), nil
}
