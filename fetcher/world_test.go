package fetcher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// emptyLedger returns the file of a ledger without messages. To make one takes most tests longer
// than all the rest.
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

// openLedger opens a new ledger, and closes it when the test ends.
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

// These are the constants of packages poll and identity that the tests rely on.
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

// world is a server, a ledger and a sink for one account.
type world struct {
	server     *pop3test.Server
	ledger     *sqlite.Ledger
	sink       *memory
	supervisor *Supervisor
	account    Account
}

func newWorld(t *testing.T, bodies ...string) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{server: pop3test.NewServer()}
	w.server.Users = map[string]string{"u0": "pw0"}
	var messages []pop3test.Message
	for i, body := range bodies {
		messages = append(messages, pop3test.Message{UIDL: fmt.Sprintf("uid-%d", i+1), Raw: []byte(body + "\r\n")})
	}
	w.server.Mailboxes = map[string][]pop3test.Message{"u0": messages}
	w.server.APOP, w.server.Pipelining = true, true
	t.Cleanup(func() { w.server.Close() })
	w.ledger = openLedger(t, filepath.Join(dir, "state.db"))
	w.sink = newMemory(t, w.ledger)
	w.supervisor = &Supervisor{
		Ledger:        record{w.ledger},
		MaxConcurrent: 4, MaxPerHost: 4, Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.DebugLevel),
	}
	w.account = Account{Account: poll.Account{
		Name: "lab", Interval: time.Hour,
		Output: delivery.Output{OpenSink: func(context.Context) (delivery.Sink, error) { return w.sink, nil }},
		Endpoint: session.Endpoint{
			Username: "u0", Auth: session.AuthAuto, TLS: func() (*tls.Config, error) { return &tls.Config{RootCAs: w.server.CertPool()}, nil },
			Password: func(context.Context) (string, error) { return "pw0", nil },
		},
	}}
	return w
}

// start starts the server, once its fields are set.
func (w *world) start(t *testing.T) {
	t.Helper()
	if err := w.server.Start(); err != nil {
		t.Fatal(err)
	}
	w.account.Addr = w.server.Addr()
}

// once polls once, to the end on both sides, and returns the poll's error. It leaves out the error
// that tells of single messages: tests check what came of those.
func (w *world) once(t *testing.T) error {
	t.Helper()
	defer w.server.Wait()
	if errs := w.whole(w.supervisor.RunOnce(t.Context(), []Account{w.account})); len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// whole removes the errors that tell of single messages.
func (w *world) whole(errs []error) []error {
	return slices.DeleteFunc(errs, func(err error) bool {
		incomplete, ok := errors.AsType[*poll.IncompleteError](err)
		return ok && incomplete.Unfetchable == ""
	})
}

// loop returns the loop of an account, as Run would start it.
func (w *world) loop(a Account) *loop {
	w.supervisor.begin()()
	return newLoop(w.supervisor, newSlots(1, 1), a)
}
