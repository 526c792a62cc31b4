//go:build !linux

package sink

import (
	"errors"
	"os"
)

// renameNoReplace is only there on Linux.
func renameNoReplace(*os.File, string, *os.File, string) error { return errors.ErrUnsupported }

// longestName returns how many bytes a name may have in an open folder.
func longestName(*os.File) int { return 255 }

// withoutUmask: a thread has no umask of its own here.
func withoutUmask(func() error) error { return errUmask }
