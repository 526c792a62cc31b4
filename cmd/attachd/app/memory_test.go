package app

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/config"
)

// TestMemory: what the environment says of the memory holds, and the polls are told of it.
func TestMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	t.Setenv("GOMEMLIMIT", "which the runtime has read at the start")
	for _, test := range []struct{ limit, want int64 }{{1 << 40, 1 << 40}, {math.MaxInt64, 0}} {
		debug.SetMemoryLimit(test.limit)
		LimitMemory(zerolog.Nop())
		if got := NewSupervisor(Options{Config: &config.Config{MaxConcurrent: 1, MaxPerHost: 1}}, nil).Memory; got != test.want {
			t.Errorf("with a limit of %d the polls are told %d", test.limit, got)
		}
	}
}
