package fetcher

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockAccount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/locks"
	unlock, err := lockAccount(dir, "hans")
	if err != nil {
		t.Fatal(err)
	}
	// flock belongs to the open file: a second one in this process counts as another's.
	if _, err := lockAccount(dir, "hans"); !errors.Is(err, ErrLocked) {
		t.Errorf("error %v, want that it is locked", err)
	}
	other, err := lockAccount(dir, "lena")
	if err != nil {
		t.Fatalf("another account: %v", err)
	}
	other()
	unlock()
	again, err := lockAccount(dir, "hans")
	if err != nil {
		t.Fatalf("after the unlock: %v", err)
	}
	again()
}

// TestLockLinks: a link where a lock is made leads nowhere.
func TestLockLinks(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := os.Symlink(elsewhere, filepath.Join(dir, "locks")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "made"), filepath.Join(dir, "hans.lock")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "made"), filepath.Join(dir, stateLock)); err != nil {
		t.Fatal(err)
	}
	_, folder := lockAccount(filepath.Join(dir, "locks"), "hans")
	_, file := lockAccount(dir, "hans")
	_, state := ShareState(dir)
	_, stateFolder := OwnState(filepath.Join(dir, "locks"))
	for _, err := range []error{folder, file, state, stateFolder} {
		if err == nil || !strings.Contains(err.Error(), "is a link") {
			t.Errorf("error %v, want that it is a link", err)
		}
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("made through a link: %v, error %v", entries, err)
	}
}
