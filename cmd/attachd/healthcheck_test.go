package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/setup"
)

// TestUsualState: only the configuration of a package or an image is known to have a usual state,
// and only where a daemon is.
func TestUsualState(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state.db")
	if got := usualState(setup.SystemConfig, state); got != "" {
		t.Errorf("without a daemon: %q", got)
	}
	if err := os.WriteFile(state+".sock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := usualState(setup.SystemConfig, state); got != state {
		t.Errorf("beside a daemon: %q, want %q", got, state)
	}
	if got := usualState("other.yaml", state); got != "" {
		t.Errorf("of another configuration: %q", got)
	}
}
