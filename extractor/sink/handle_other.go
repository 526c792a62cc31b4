//go:build !linux

package sink

import (
	"errors"
	"io/fs"
	"os"
)

// handle is an open staging file.
type handle struct{ *os.File }

// isThere reports whether an open folder has a single name, be it a link.
func isThere(in *folder, name string) (bool, error) {
	_, err := in.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// createIn makes a file of a single name in an open folder. Nothing of that name may be there, not
// even a link.
func createIn(in *folder, name string, mode fs.FileMode) (*handle, error) {
	f, err := in.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return nil, err
	}
	return &handle{f}, nil
}

// perm returns the permissions that the file has.
func (h *handle) perm() (fs.FileMode, error) {
	info, err := h.Stat()
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm(), nil
}

// startWriteback is for systems that can be told to begin.
func (h *handle) startWriteback(_, _ int64) {}
