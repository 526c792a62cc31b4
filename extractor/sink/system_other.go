//go:build !linux

package sink

import (
	"errors"
	"os"
)

// renameNoReplace is only there on Linux.
func renameNoReplace(*os.File, string, *os.File, string) error { return errors.ErrUnsupported }

// longestName returns how many bytes a name may have.
func longestName(string) int { return 255 }
