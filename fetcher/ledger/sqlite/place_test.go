package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestGone: once its file was removed or replaced, a ledger gives no lease and writes nothing, also
// for the holder of a lease. It goes on when the file is put back.
func TestGone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	if l.journal != "wal" {
		t.Skip("files have no lasting identity here")
	}
	lease, err := l.Lease(t.Context(), "hans", time.Time{})
	check(t, err)
	failed := func() error {
		l.place.found = time.Now().Add(-lookAgain) // a minute passes
		return l.Fenced(lease).Failed(t.Context(), "hans", ledger.Key{UIDL: "u", Size: 1}, "-ERR", time.Now())
	}
	other := func() error {
		lease, err := l.Lease(t.Context(), "eva", time.Time{})
		if err != nil {
			return err
		}
		return lease.Release()
	}
	check(t, failed())
	away := path + ".away"
	for name, replace := range map[string]func() error{
		"removed":  func() error { return nil },
		"replaced": func() error { return os.WriteFile(path, []byte("x"), 0o600) },
	} {
		check(t, os.Rename(path, away))
		check(t, replace())
		if err := failed(); !errors.Is(err, ledger.ErrGone) {
			t.Errorf("%s: a change ended with %v", name, err)
		}
		if err := other(); !errors.Is(err, ledger.ErrGone) {
			t.Errorf("%s: a lease ended with %v", name, err)
		}
		check(t, os.Rename(away, path))
		if err := errors.Join(failed(), other()); err != nil {
			t.Errorf("%s and put back: %v", name, err)
		}
	}
	records, err := l.Lookup(t.Context(), "hans", []string{"u"})
	if err != nil || len(records) != 1 || records[0].Attempts != 3 {
		t.Errorf("recorded is %+v, error %v; want the attempts while the file was there", records, err)
	}
	check(t, lease.Release())
}
