package notify

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// keepEvery is how long what is not urgent waits, such as an account that joined a case.
const keepEvery = time.Minute

// keeper writes the file of what was told. It does so in a goroutine of its own, as a disk may
// hang.
type keeper struct {
	path string // "" keeps nothing
	log  zerolog.Logger
	wake chan struct{} // of one slot

	urgent atomic.Bool
}

func newKeeper(path string, log zerolog.Logger) *keeper {
	return &keeper{path: path, log: log, wake: make(chan struct{}, 1)}
}

// changed has the file written: at once if it is urgent, as when somebody was told.
func (k *keeper) changed(urgent bool) {
	if urgent {
		k.urgent.Store(true)
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run writes what content returns whenever it changed, until ctx ends, and then once more.
func (k *keeper) run(ctx context.Context, content func() ([]byte, error)) {
	if k.path == "" {
		return
	}
	failed, pending := false, false
	var written time.Time
	later := time.NewTimer(0)
	defer later.Stop()
	for last := false; !last; {
		select {
		case <-k.wake:
			pending = true
		case <-later.C:
		case <-ctx.Done():
			// What happened while the file was written is not in it.
			pending, last = true, true
		}
		if !pending {
			continue
		}
		wait := keepEvery - time.Since(written)
		if k.urgent.Swap(false) || last {
			wait = 0
		}
		if wait > 0 {
			later.Reset(wait)
			continue
		}
		data, err := content()
		if err == nil {
			err = writeRecord(k.path, data)
		}
		if err != nil && !failed {
			k.log.Error().Err(err).Msg("what was told is not kept: after a restart, notices repeat")
		}
		pending, failed, written = false, err != nil, time.Now()
	}
}
