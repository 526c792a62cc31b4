//go:build unix

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHangupWhileStarting: SIGHUP while the configuration is being read has it read again once
// attachd has started. It does not end attachd.
func TestHangupWhileStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, next := filepath.Join(dir, "attachd.yaml"), filepath.Join(dir, "next.yaml")
	config := fmt.Sprintf(`output: %[1]s/out
state: %[1]s/state.db
log: {format: json}
accounts:
  - {name: hans, host: mx.example, username: hans, enabled: false, password_file: %[1]s/secret}
`, dir)
	for file, text := range map[string]string{next: config, filepath.Join(dir, "secret"): "x\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := program(t, "run", "--config", path)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	pipe, err := os.OpenFile(path, os.O_WRONLY, 0) // once attachd reads it
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
	_, err = pipe.WriteString(config)
	if closed := pipe.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	reloaded := false
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), `"message":"configuration reloaded"`) && !reloaded {
			reloaded = true
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil || !reloaded {
		t.Errorf("attachd ended with %v; configuration reloaded: %v", err, reloaded)
	}
}
