package app

import (
	"errors"
	"math"
	"runtime/debug"

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
