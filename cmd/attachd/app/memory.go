package app

import (
	"errors"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/rs/zerolog"
)

// LimitMemory has the garbage collector keep the whole process within nine tenths of what its
// control group allows (a container, MemoryMax= of a unit). Without a limit the heap may double
// first, and the kernel then ends the process. GOMEMLIMIT in the environment takes precedence.
//
// Call it before Open, which tells the polls of the limit.
func LimitMemory(log zerolog.Logger) {
	limit, err := memlimit.Set()
	switch {
	case errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
	case err != nil:
		log.Debug().Err(err).Msg("memory limit not known: GOMEMLIMIT can set it")
	case limit < math.MaxInt64:
		log.Debug().Int64("bytes", limit).Msg("memory is limited")
	}
}

// memory returns how many bytes the process is to keep to, 0 for no limit.
func memory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	return 0
}

const (
	// usualGrowth is by how much the heap grows until it is collected, in percent of what lives.
	usualGrowth = 100
	// leastGrowth is that of a large heap. A collection marks all that lives.
	leastGrowth = 15
	// growth is by how many bytes the heap of a process may grow that polls thousands of accounts:
	// some dozens of polls that find nothing.
	growth = 8 << 20
)

// settle gives back the memory that a new set of accounts took to read, a multiple of what they
// occupy later. From then on the heap grows by a share of what lives that is the smaller the more
// does: with ten thousand accounts it would otherwise grow by what they occupy, for polls that need
// a part of it. GOGC in the environment takes precedence.
func settle() {
	debug.FreeOSMemory()
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() == metrics.KindUint64 {
		debug.SetGCPercent(growthPercent(live[0].Value.Uint64()))
	}
}

// growthPercent is by how much a heap may grow that has so many bytes that live.
func growthPercent(live uint64) int {
	return int(min(usualGrowth, max(leastGrowth, 100*growth/max(live, 1))))
}
