package fetcher

import (
	"errors"
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
