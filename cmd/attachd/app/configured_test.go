package app_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// slowManager takes its time to note a configuration, unless a poll of it comes first.
type slowManager struct {
	manager
	t     *testing.T
	taken chan struct{}
	event chan string
}

func (m *slowManager) Configured(*config.Config, []config.Warning) {
	select {
	case <-m.taken: // a second time, as the file is watched as well
		return
	default:
	}
	select {
	case account := <-m.event:
		m.t.Errorf("account %s was polled before its configuration was told", account)
	case <-time.After(300 * time.Millisecond): // six times the spread of first polls
	}
	close(m.taken)
}

// TestConfiguredBeforePolls: who shows the accounts learns of a new one before its first poll. What
// the poll tells of an account that is not known would be lost, and "not polled yet" be shown until
// the next one.
func TestConfiguredBeforePolls(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	write := func(accounts string) {
		t.Helper()
		if err := os.WriteFile(path, []byte("output: out\nstate: state.db\naccounts: ["+accounts+"]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const off = "{name: off, host: 127.0.0.1, port: 1, username: u, password: p, enabled: false}"
	write(off)
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &slowManager{manager: manager{ready: make(chan struct{}, 1)}, t: t, taken: make(chan struct{}), event: make(chan string, 100)}
	observe := func(e event.Event) {
		if event.Account(e) == "new" {
			select {
			case m.event <- "new":
			default:
			}
		}
	}
	a, err := app.Open(t.Context(), app.Options{Config: c, Path: path, Service: m, Observe: observe})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	defer running.Wait()
	defer stop()
	<-m.ready
	write(off + ", {name: new, host: 127.0.0.1, port: 1, username: u, password: p}")
	if _, err := a.ReloadNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-m.taken
	if account := <-m.event; account != "new" {
		t.Errorf("polled: %s", account)
	}
}
