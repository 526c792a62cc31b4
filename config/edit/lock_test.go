package edit_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/attachd/attachd/config/edit"
)

// TestLock: the second one waits, not for ever, and has its turn when the first is done. The lock
// is the same by way of a link.
func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	if err := edit.Write(&edit.File{Path: path, New: []byte("x"), Mode: 0o600, Group: edit.Keep}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		unlock, err := edit.Lock(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := edit.Lock(t.Context(), path); err == nil || !strings.Contains(err.Error(), "another process has been changing it for 10s") {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := edit.Lock(ctx, path); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		got := make(chan error)
		go func() {
			unlock, err := edit.Lock(t.Context(), path)
			if err == nil {
				unlock()
			}
			got <- err
		}()
		synctest.Wait()
		unlock()
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
	unlock, err := edit.Lock(t.Context(), filepath.Join(t.TempDir(), "missing", "attachd.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
