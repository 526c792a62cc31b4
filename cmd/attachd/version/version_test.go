package version_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNumber builds the program as those do who have no checkout, and as those who have one.
func TestNumber(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds attachd")
	}
	tests := []struct{ name, argument, want string }{
		{"named by the linker", "-ldflags=-X github.com/attachd/attachd/cmd/attachd/version.number=v1.2.3", "attachd v1.2.3 "},
		{"named with its commit", "-ldflags=-X github.com/attachd/attachd/cmd/attachd/version.number=v1.2.3 -X github.com/attachd/attachd/cmd/attachd/version.revision=0123456789abcdef", "attachd v1.2.3 0123456789ab go"},
		{"not named", "-buildvcs=false", "attachd (devel) go"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "attachd")
			build := exec.Command("go", "build", "-buildvcs=false", tt.argument, "-o", program, "github.com/attachd/attachd/cmd/attachd")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err := exec.Command(program, "version").CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("%q, %v, want %q", out, err, tt.want)
			}
		})
	}
}
