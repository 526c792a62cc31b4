package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Folders is the test of a [Check] for folders that files are to be written into. list returns
// them anew each time. A folder that is missing is one that attachd makes when mail comes: then the
// one above it counts. Nothing is written.
func Folders(list func() []string) func(context.Context) error {
	return func(ctx context.Context) error {
		seen := make(map[string]bool)
		var failed []error
		for _, folder := range list() {
			if ctx.Err() != nil {
				return fmt.Errorf("look at %s: %w", folder, ctx.Err())
			}
			if seen[folder] {
				continue
			}
			seen[folder] = true
			if err := writable(folder); err != nil {
				failed = append(failed, err)
			}
		}
		switch len(failed) {
		case 0:
			return nil
		case 1:
			return failed[0]
		}
		return fmt.Errorf("%w (and %d more)", failed[0], len(failed)-1)
	}
}

// writable asks the kernel whether this user can make files in a folder.
func writable(folder string) error {
	for at := folder; ; at = filepath.Dir(at) {
		err := unix.Faccessat(unix.AT_FDCWD, at, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		}
		return fmt.Errorf("write into %s: %w", at, err)
	}
}
