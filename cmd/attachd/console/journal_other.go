//go:build !linux

package console

import (
	"errors"
	"io"
)

// isJournal knows no journal here.
func isJournal(io.Writer) bool { return false }

// openJournal finds no journald here.
func openJournal(string) (func([]byte) error, error) { return nil, errors.ErrUnsupported }
