package fetcher

import (
	"errors"
	"testing"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// TestRenamed: an account that gets another name is not fetched again, unless somebody asks for
// that.
func TestRenamed(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) *world {
		w := newWorld(t, "one", "two")
		w.server.Users["u1"], w.server.Mailboxes["u1"] = "pw0", letters("v", "three")
		w.start(t)
		w.poll(t)
		w.account.Name = "laboratory"
		return w
	}
	refused := func(t *testing.T, w *world) {
		t.Helper()
		var renamed *identity.RenamedError
		if err := w.once(t); !errors.As(err, &renamed) || len(renamed.Before) != 1 || renamed.Before[0] != "lab" {
			t.Fatalf("error %v, want that lab was renamed", err)
		}
	}
	retrieved := func(t *testing.T, w *world, want int) {
		t.Helper()
		w.poll(t)
		if n := commands(w, "RETR"); n != want {
			t.Errorf("%d RETR, want %d", n, want)
		}
	}
	t.Run("renamed", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		refused(t, w)
		if n, err := w.supervisor.Rename(t.Context(), "lab", "laboratory"); n != 2 || err != nil {
			t.Fatalf("%d messages, error %v", n, err)
		}
		retrieved(t, w, 2)
		// Nothing is left under the old name.
		w.account.Name = "lab"
		refusedBy := func() error {
			_, err := w.supervisor.Rename(t.Context(), "lab", "laboratory")
			return err
		}
		if err := refusedBy(); !errors.Is(err, ledger.ErrKnown) {
			t.Errorf("renamed again: %v", err)
		}
	})
	t.Run("asked for", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.account.FetchChangedUIDLs = true
		retrieved(t, w, 4)
		w.account.FetchChangedUIDLs = false
		retrieved(t, w, 4)
	})
	t.Run("another mailbox", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.account.Username = "u1"
		retrieved(t, w, 3)
	})
	t.Run("both polled", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		w.supervisor.MaxPerHost = 1 // the maildrop allows one session
		both := []Account{w.account, w.account}
		both[0].Name = "lab"
		if errs := w.supervisor.RunOnce(t.Context(), both); len(errs) > 0 {
			t.Fatal(errs)
		}
		if n := commands(w, "RETR"); n != 4 {
			t.Errorf("%d RETR, want 4", n)
		}
	})
}
