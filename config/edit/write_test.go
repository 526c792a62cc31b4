package edit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestWithoutLinks: where a file system has no links, a new file still takes no other one's place.
func TestWithoutLinks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	file := func(text string) *File {
		return &File{Path: path, New: []byte(text), Mode: 0o600, Group: Keep, link: func(_, _ string) error { return &os.LinkError{Err: syscall.EPERM} }}
	}
	if err := Write(file("first")); err != nil {
		t.Fatal(err)
	}
	if err := Write(file("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != "first" {
		t.Errorf("%q, %v", data, err)
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}
