package daemon_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/config"
)

// TestStoppedWhileStarting: a signal during the start is no failure of the state. A daemon ends
// well, and of polls that are made once all accounts have failed, as by a signal a moment later.
// A state that can't be used is said all the same.
func TestStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "attachd.yaml")
	text := "output: out\nstate: state/state.db\naccounts: [{name: a, host: h.example, username: u, password: p}, {name: b, host: h.example, username: u, password: p, enabled: false}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var log bytes.Buffer
	options := daemon.Options{Config: c, Path: path, Warnings: warnings, Log: zerolog.New(&log)}
	said := func() bool {
		defer log.Reset()
		return strings.Contains(log.String(), "attachd was stopped while it started")
	}
	if err := daemon.Run(ctx, options); err != nil || !said() {
		t.Errorf("a daemon says %v, or nothing", err)
	}
	o, err := daemon.Once(ctx, options, nil)
	if err != nil || !said() || o.Accounts != 1 || len(o.Failed) != 1 || o.Failed[0].Error() != "account a: open ledger: context canceled" {
		t.Errorf("polls once: %+v, %v", o, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Run(ctx, options); err == nil || said() {
		t.Errorf("a daemon without a folder for its state says %v", err)
	}
	if _, err := daemon.Once(ctx, options, nil); err == nil || said() {
		t.Errorf("polls once without a folder for the state say %v", err)
	}
}
