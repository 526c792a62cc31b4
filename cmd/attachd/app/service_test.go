package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/config"
)

// manager notes what it is told.
type manager struct {
	mu    sync.Mutex
	told  []string // guarded by mu
	ready chan struct{}
}

func (m *manager) tell(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, what)
}

func (m *manager) Ready() {
	m.tell("ready")
	select {
	case m.ready <- struct{}{}:
	default:
	}
}
func (m *manager) Reloading()                                  { m.tell("reloading") }
func (m *manager) Stopping()                                   { m.tell("stopping") }
func (m *manager) Configured(*config.Config, []config.Warning) { m.tell("configured") }
func (m *manager) Refused(error)                               { m.tell("refused") }

// TestService: who runs attachd learns when polls run, of each reload and of the end, and who asks
// for a reload learns what came of it.
func TestService(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const good = "output: out\nstate: state.db\naccounts: [{name: a, host: 127.0.0.1, port: 1, username: u, password: p, enabled: false}]\n"
	write(good)
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{ready: make(chan struct{}, 1)}
	a, err := app.Open(t.Context(), app.Options{Config: c, Path: path, Service: m})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()

	early, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := a.ReloadNow(early); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reload before Run: %v", err)
	}

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	<-m.ready
	if warnings, err := a.ReloadNow(t.Context()); err != nil || len(warnings) != 1 {
		t.Errorf("%v, %v; want the warning that no account is enabled", warnings, err)
	}
	write("accounts: 1\n")
	_, err = a.ReloadNow(t.Context())
	if problems, ok := errors.AsType[config.Problems](err); !ok || len(problems) == 0 {
		t.Errorf("a faulty file: %v", err)
	}
	write(good)
	if _, err := a.ReloadNow(t.Context()); err != nil {
		t.Errorf("mended: %v", err)
	}
	stop()
	running.Wait()

	// The files are watched as well, so that there may be more reloads than were asked for.
	text := strings.Join(m.told, " ")
	taken, refused := strings.Count(text, " reloading configured ready"), strings.Count(text, " reloading refused ready")
	rest := strings.NewReplacer(" reloading configured ready", "", " reloading refused ready", "").Replace(text)
	if taken < 2 || refused < 1 || rest != "ready stopping" {
		t.Errorf("told: %s", text)
	}
}
