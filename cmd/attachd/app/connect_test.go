package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestConnectWithoutState: where the state can't be opened, servers that were dialed meanwhile see
// no command, and the error is that of the state.
func TestConnectWithoutState(t *testing.T) {
	t.Parallel()
	s, dir := pop3test.NewServer(), t.TempDir()
	s.Users = map[string]string{"u": "p"}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	path := apptest.TokenConfig(t, s, dir, "password: p")
	if err := os.WriteFile(filepath.Join(dir, "state.db"), []byte("no state, but a file that is in its place\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func(once bool) string {
		t.Helper()
		a, err := app.Open(t.Context(), app.Options{Config: c, Once: once})
		if err == nil {
			t.Fatal("the state was opened", a.Close())
		}
		return err.Error()
	}
	if got, want := open(true), open(false); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	s.Wait()
	if log := s.Log(); len(log) > 0 {
		t.Errorf("the server was sent %q", log)
	}
}
