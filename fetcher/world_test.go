package fetcher

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// emptyLedger is the file of one without a message. Most tests would take longer to make theirs than for all the rest.
var emptyLedger = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "attachd-ledger")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "state.db")
	led, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := led.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// openLedger opens a new one that ends with the test.
func openLedger(t *testing.T, path string) *sqlite.Ledger {
	t.Helper()
	empty, err := emptyLedger()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	led, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { led.Close() })
	return led
}

// What the rooms below have, in the units of this package's tests.
const (
	retryFirst      = 5 * time.Minute
	retryMax        = 24 * time.Hour
	mostSpared      = 3
	changedLeast    = 20
	missedByMistake = 1000
	drainAgain      = 200
)

// record is the SQLite ledger as a supervisor takes it.
type record struct{ *sqlite.Ledger }

func (r record) Fenced(leases ...*ledger.Lease) Ledger { return record{r.Ledger.Fenced(leases...)} }
