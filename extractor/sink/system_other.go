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

// startWriteback is for systems that can be told to begin.
func startWriteback(*os.File, int64, int64) {}

// withoutUmask: a thread has no umask of its own here.
func withoutUmask(func() error) error { return errUmask }
