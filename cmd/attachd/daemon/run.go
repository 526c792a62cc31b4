package daemon

import (
	"context"
	"os"
	"sync"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/systemd"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// Options say what to run.
type Options struct {
	// Config is the configuration to begin with, which Path was loaded as, with these warnings.
	Config   *config.Config
	Path     string
	Warnings []config.Warning
	Log      zerolog.Logger
	// Shoutrrr is the command that sends a notice by a service of shoutrrr, with its arguments.
	Shoutrrr []string
	// Reload, unless nil, has the configuration read again whenever it yields a value.
	Reload <-chan os.Signal
	// Hooks are for tests.
	Hooks app.Hooks
}

// Run polls the accounts of the configuration, and runs what belongs to it, until ctx ends and the
// last poll has ended. The error says why the state can't be used. There is none if ctx ends before
// the state is open.
func Run(ctx context.Context, o Options) error {
	manager := systemd.New(os.Getenv, o.Log)
	s := &services{options: o, manager: manager, current: o.Config, addrs: addresses(o.Config), stopping: ctx}
	a, err := app.Open(ctx, app.Options{Config: o.Config, Path: o.Path, Log: o.Log, Observe: s.observe, Service: s, Hooks: o.Hooks})
	if stopped(ctx, err) {
		o.Log.Info().Msg("attachd was stopped while it started: no account was polled")
		return nil
	}
	if err != nil {
		return err
	}
	defer func() {
		if err := a.Close(); err != nil {
			o.Log.Error().Err(err).Msg("state not closed cleanly")
		}
	}()
	// The services stay until the last poll has ended.
	around, end := context.WithCancel(context.WithoutCancel(ctx))
	s.open(around, a)
	defer s.close()
	var parts sync.WaitGroup
	defer parts.Wait()
	defer end()
	parts.Go(func() { s.run(around) })
	parts.Go(func() {
		for {
			select {
			case <-around.Done():
				return
			case <-o.Reload:
				a.Reload()
			}
		}
	})
	a.Run(ctx)
	return nil
}

// observe hands an event to all who want it. Polls wait for it.
func (s *services) observe(e event.Event) {
	s.board.Observe(e)
	s.notifier.Observe(e)
	s.metrics.Observe(e)
	if s.history != nil {
		s.history.Observe(e)
	}
}
