//go:build !unix

package config

import (
	"errors"
	"io/fs"
	"os/exec"
)

// explain takes the path out of err, because the caller names it.
func explain(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok && pe.Path == path {
		return pe.Err
	}
	return err
}

// exposed knows nothing of access control lists.
func exposed(fs.FileInfo) string { return "" }

func ownGroup(*exec.Cmd) {}

// limitReached cannot tell a lack of resources here.
func limitReached(error) bool { return false }
