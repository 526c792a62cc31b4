package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// TestBackupAsOwner: root's backup can be restored by moving it into place.
func TestBackupAsOwner(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("it takes root")
	}
	server := apptest.StartPop3test(t, apptest.Notes(1))
	dir := t.TempDir()
	config := server.Config(t, dir)
	if code, log := once(t, config); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, log)
	}
	if err := os.Chown(filepath.Join(dir, "state.db"), 4242, 4243); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.db")
	if shown, code := attachd(t, "state", "backup", "--config", config, copied); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, shown)
	}
	info, err := os.Stat(copied)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 4242 || owner.Gid != 4243 || info.Mode() != 0o600 {
		t.Errorf("owner %d:%d, mode %v, want 4242:4243 and 0600", owner.Uid, owner.Gid, info.Mode())
	}
}
