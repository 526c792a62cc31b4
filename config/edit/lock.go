package edit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Others hold the lock for as long as they read, check and write a few small files.
const (
	lockPatience = 10 * time.Second
	lockPoll     = 20 * time.Millisecond
)

// Lock waits until no other process changes the configuration at path in this way, for ten seconds
// at most or until ctx ends. What is read after that is what a change is made to; unlock gives the
// lock back, and so does the end of the process.
//
// The lock is on the folder of the file that path leads to, so that nothing is left behind. It
// keeps those out who take it, not an editor. A folder that is not there needs none: whoever makes
// a file first wins. Nor is there one where a file system has no locks for folders, such as NFS.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	folder, err := os.Open(filepath.Dir(path))
	if errors.Is(err, os.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock the folder of %s: %w", path, cause(err))
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() {
				// A child that is being started now would keep the lock otherwise.
				_ = syscall.Flock(int(folder.Fd()), syscall.LOCK_UN)
				_ = folder.Close()
			}, nil
		case errors.Is(err, syscall.EBADF), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS):
			_ = folder.Close()
			return func() {}, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			_ = folder.Close()
			return nil, fmt.Errorf("lock %s: %w", folder.Name(), err)
		}
		select {
		case <-ctx.Done():
			_ = folder.Close()
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, fmt.Errorf("change %s: another process has been changing it for %v: see what that is, and try again", path, lockPatience)
			}
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}
