package main

import (
	"errors"
	"math"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/rs/zerolog"
)

// limitMemory has the garbage collector keep the process within nine tenths of what its control group allows (a container,
// MemoryMax= of a unit): otherwise it lets the heap double first, and the kernel ends the process. GOMEMLIMIT in the environment
// says otherwise.
func limitMemory(log zerolog.Logger) {
	limit, err := memlimit.Set()
	switch {
	case errors.Is(err, memlimit.ErrNoCgroup), errors.Is(err, memlimit.ErrCgroupsNotSupported):
	case err != nil:
		log.Debug().Err(err).Msg("the limit of the memory is not known: GOMEMLIMIT can say it")
	case limit < math.MaxInt64:
		log.Debug().Int64("bytes", limit).Msg("memory is limited")
	}
}

// memory returns what the process is to keep to, 0 for no limit.
func memory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit
	}
	return 0
}
