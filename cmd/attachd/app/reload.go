package app

import (
	"context"
	"errors"
	"sync"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
)

// reloader follows the configuration's files and hands on what is valid. It is owned by the
// goroutine of [App.Run].
type reloader struct {
	app     *App
	current *config.Config
	sets    chan<- []fetcher.Account
}

// run reloads on every change of the files and whenever asked, until ctx ends.
func (r *reloader) run(ctx context.Context) {
	var watching sync.WaitGroup
	defer watching.Wait()
	since := r.current.Inputs // before a reload changes current
	watching.Go(func() {
		config.Watch(ctx, r.app.options.Path, config.WatchOptions{
			Since:    since,
			Degraded: func(err error) { r.app.options.Log.Warn().Err(err).Msg("configuration is watched by polling only") },
		}, r.app.Reload)
	})
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.app.reloads:
			r.tried(ctx)
		case answer := <-r.app.asked:
			answer <- r.tried(ctx)
		}
	}
}

// reloaded is what came of loading the configuration again.
type reloaded struct {
	warnings []config.Warning
	err      error // why nothing was changed
}

// tried reloads, and logs what is wrong.
func (r *reloader) tried(ctx context.Context) reloaded {
	log := r.app.options.Log
	r.app.options.Service.Reloading()
	defer r.app.options.Service.Ready()
	warnings, err := r.reload(ctx)
	if err != nil {
		r.app.options.Service.Refused(err)
	}
	problems, ok := errors.AsType[config.Problems](err)
	if err != nil && !ok {
		log.Error().Err(err).Msg("configuration not reloaded")
	}
	for _, p := range problems {
		log.Error().Err(p).Msg("configuration not reloaded")
	}
	return reloaded{warnings, err}
}

// errNoAccount refuses a file that is being written, or was truncated: it reads like this. Accounts
// that are there and disabled are meant to be.
var errNoAccount = errors.New("the configuration has no account left; to stop polling, disable the accounts, or stop attachd")

// reload loads the configuration and hands it on. A file with a fault changes nothing.
func (r *reloader) reload(ctx context.Context) ([]config.Warning, error) {
	log := r.app.options.Log
	c, warnings, err := config.Load(r.app.options.Path)
	if err != nil {
		return nil, err
	}
	LogWarnings(log, warnings)
	if len(c.Accounts) == 0 && len(r.current.Enabled()) > 0 {
		return warnings, errNoAccount
	}
	if c.State != r.current.State || c.MaxConcurrent != r.current.MaxConcurrent || c.MaxPerHost != r.current.MaxPerHost || c.Log != r.current.Log || c.History != r.current.History {
		log.Warn().Msg("state, history, max_concurrent, max_per_host and log take effect at the next start")
	}
	added, removed, changed := config.Diff(r.current, c)
	accounts := wiring.Accounts(c, r.app.options.Hooks.Sink)
	affected := make(map[string]bool)
	for _, a := range append(added, changed...) {
		affected[a.Name] = true
	}
	for _, a := range accounts {
		if affected[a.Name] {
			r.app.announceDeletions(ctx, true, a)
		}
	}
	r.current = c
	// Before the polls that it brings: what they tell of an account that nobody knows is lost.
	r.app.options.Service.Configured(c, warnings)
	r.apply(ctx, accounts)
	log.Info().Int("added", len(added)).Int("removed", len(removed)).Int("changed", len(changed)).Msg("configuration reloaded")
	return warnings, nil
}

// apply hands on a set of accounts.
func (r *reloader) apply(ctx context.Context, accounts []fetcher.Account) {
	select {
	case r.sets <- accounts:
	case <-ctx.Done():
	}
	settle()
}

// LogWarnings logs what is doubtful about a configuration that was loaded.
func LogWarnings(log zerolog.Logger, warnings []config.Warning) {
	for _, w := range warnings {
		log.Warn().Str("warning", w.String()).Msg("configuration warning")
	}
}
