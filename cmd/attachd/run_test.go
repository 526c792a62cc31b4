package main

import (
	"os"
	"strings"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/apptest"
)

// TestRoot: who runs as root is told so.
func TestRoot(t *testing.T) {
	t.Parallel()
	server := apptest.StartPop3test(t, nil)
	if _, log := once(t, server.Config(t, t.TempDir())); strings.Contains(log, "attachd runs as root") != (os.Geteuid() == 0) {
		t.Errorf("as uid %d:\n%s", os.Geteuid(), log)
	}
}
