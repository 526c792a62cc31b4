package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestStateLock: the state is shared by many or owned by one.
func TestStateLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	one, err := Share(path)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Share(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, unlock := range []func() error{one, two} {
		if _, err := Own(path); !errors.Is(err, ErrInUse) {
			t.Errorf("owned while it is shared: %v", err)
		}
		if err := unlock(); err != nil {
			t.Error(err)
		}
	}
	release, err := Own(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Share(path); !errors.Is(err, ErrOwned) {
		t.Errorf("shared while it is owned: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// TestLockLinks: a link where a lock is made leads nowhere.
func TestLockLinks(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	opened := func() (*Ledger, string) {
		path := filepath.Join(t.TempDir(), "state.db")
		l, err := Open(t.Context(), path)
		check(t, err)
		t.Cleanup(func() { l.Close() })
		return l, path
	}
	within, path := opened()
	check(t, os.Mkdir(LockFolder(path), 0o700))
	check(t, os.Symlink(filepath.Join(elsewhere, "made"), filepath.Join(LockFolder(path), "hans.lock")))
	check(t, os.Symlink(filepath.Join(elsewhere, "made"), filepath.Join(LockFolder(path), stateLock)))
	_, file := within.Lease(t.Context(), "hans", time.Time{})
	_, state := Share(path)
	linked, path := opened()
	check(t, os.Symlink(elsewhere, LockFolder(path)))
	_, folder := linked.Lease(t.Context(), "hans", time.Time{})
	_, stateFolder := Own(path)
	for _, err := range []error{folder, file, state, stateFolder} {
		if err == nil || !strings.Contains(err.Error(), "is a link") {
			t.Errorf("error %v, want that it is a link", err)
		}
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) != 0 {
		t.Errorf("made through a link: %v, error %v", entries, err)
	}
}
