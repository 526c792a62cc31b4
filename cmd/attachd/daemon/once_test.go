package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/config"
)

// TestOnce: polls that are made once ping for all accounts, unless a daemon of the same state does.
func TestOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var calls []string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, r.URL.Path)
	}))
	defer service.Close()
	d := start(t, "{}")
	until(t, "mail is delivered", func() bool {
		_, err := os.Stat(filepath.Join(d.dir, "out", "a", "note.txt"))
		return err == nil
	})
	c, warnings, err := config.Load(d.path())
	if err != nil {
		t.Fatal(err)
	}
	c.Ping = config.InlineSecret(config.Secret(service.URL + "/all"))
	once := func() {
		t.Helper()
		if _, err := daemon.Once(t.Context(), daemon.Options{Config: c, Path: d.path(), Warnings: warnings}, nil); err != nil {
			t.Fatal(err)
		}
	}
	once()
	if len(calls) > 0 {
		t.Errorf("beside a daemon it pings %q", calls)
	}
	d.stop()
	once()
	if !slices.Contains(calls, "/all") {
		t.Errorf("alone it pings %q", calls)
	}
}
