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

// TestGrowthPercent: a small heap grows as ever, and a large one by a part of what lives.
func TestGrowthPercent(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 4 << 20: 100, 8 << 20: 100, 16 << 20: 50, 40 << 20: 20, 1 << 40: 15} {
		if got := growthPercent(live); got != want {
			t.Errorf("%d bytes live: grows by %d %%, want %d", live, got, want)
		}
	}
}
