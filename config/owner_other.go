//go:build !unix

package config

import (
	"errors"
	"io/fs"
	"os/exec"
)

// explain leaves the path out of err, which the caller has named.
func explain(path string, err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok && pe.Path == path {
		return pe.Err
	}
	return err
}

// exposed knows nothing of access control lists.
func exposed(fs.FileInfo) string { return "" }

func ownGroup(*exec.Cmd) {}

// limitReached takes no refused watch for a lack of resources.
func limitReached(error) bool { return false }
