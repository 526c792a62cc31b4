package app

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// reloader follows the configuration's files and hands on what is valid. It is owned by the
// goroutine of [App.Run].
type reloader struct {
	path    string
	current *config.Config
	hook    sink.Hook // of the accounts' sinks, nil for none
	sets    chan<- []fetcher.Account
	log     zerolog.Logger
	ledger  *sqlite.Ledger
}

// run reloads on every change of the files and whenever asked, until ctx ends.
func (r *reloader) run(ctx context.Context, asked chan struct{}) {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		config.Watch(ctx, r.path, config.WatchOptions{
			Since:    r.current.Inputs,
			Degraded: func(err error) { r.log.Warn().Err(err).Msg("configuration is watched by polling only") },
		}, func() {
			select {
			case asked <- struct{}{}:
			default: // a reload is due already
			}
		})
	})
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		r.reload(ctx)
	}
}

// reload loads the configuration and hands it on. A file with a fault changes nothing.
func (r *reloader) reload(ctx context.Context) {
	c, warnings, err := config.Load(r.path)
	if err != nil {
		var problems config.Problems
		if !errors.As(err, &problems) {
			r.log.Error().Err(err).Msg("configuration not reloaded")
		}
		for _, p := range problems {
			r.log.Error().Err(p).Msg("configuration not reloaded")
		}
		return
	}
	LogWarnings(r.log, warnings)
	if len(wiring.Enabled(c)) == 0 && len(wiring.Enabled(r.current)) > 0 {
		// A file that is being written, or was truncated, reads like this too.
		r.log.Error().Msg("configuration not reloaded: it has no account left; to stop polling, stop attachd")
		return
	}
	if c.State != r.current.State || c.MaxConcurrent != r.current.MaxConcurrent || c.MaxPerHost != r.current.MaxPerHost || c.Log != r.current.Log {
		r.log.Warn().Msg("state, max_concurrent, max_per_host and log take effect at the next start")
	}
	added, removed, changed := config.Diff(r.current, c)
	announceDeletions(ctx, r.ledger, r.log, r.current, c)
	r.apply(ctx, c)
	r.log.Info().Int("added", len(added)).Int("removed", len(removed)).Int("changed", len(changed)).Msg("configuration reloaded")
}

func (r *reloader) apply(ctx context.Context, c *config.Config) {
	r.current = c
	select {
	case r.sets <- wiring.Accounts(c, r.hook):
	case <-ctx.Done():
	}
	// Reading a file of thousands of accounts takes a multiple of the memory that they occupy
	// later.
	debug.FreeOSMemory()
}

// LogWarnings logs what is doubtful about a configuration that was loaded.
func LogWarnings(log zerolog.Logger, warnings []config.Warning) {
	for _, w := range warnings {
		log.Warn().Str("warning", w.String()).Msg("configuration warning")
	}
}
