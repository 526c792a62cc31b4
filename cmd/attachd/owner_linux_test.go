package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
)

// TestRunAsOwner: root does not run beside the state of another user, who could not open afterwards
// what root has made.
func TestRunAsOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("it takes root")
	}
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := t.TempDir()
	config := server.Config(t, dir)
	if err := os.Chown(dir, 4242, 4242); err != nil {
		t.Fatal(err)
	}
	code, log := once(t, config)
	if code != exitUsage || !strings.Contains(log, "run this as uid 4242, which owns "+filepath.Join(dir, "state.db")+": with sudo -u '#4242'") {
		t.Errorf("exit code %d\n%s", code, log)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("it made something: %v, %v", entries, err)
	}
	if code, log := once(t, config, "--dry-run"); code != exitOK {
		t.Errorf("--dry-run: exit code %d\n%s", code, log)
	}
}
