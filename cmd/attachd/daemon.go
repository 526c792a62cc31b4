package main

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/health"
	"github.com/attachd/attachd/cmd/attachd/systemd"
	"github.com/attachd/attachd/config"
)

// runDaemon runs a until ctx ends, and beside it what others ask about it: the socket for commands,
// and systemd's watchdog. Those stay until the last poll has ended.
func runDaemon(ctx context.Context, a *app.App, c *config.Config, manager *systemd.Notifier, log zerolog.Logger) {
	around, end := context.WithCancel(context.WithoutCancel(ctx))
	var parts sync.WaitGroup
	defer parts.Wait()
	defer end()
	beat := a.Supervisor().Beat
	parts.Go(func() { manager.Run(around, beat) })
	if l, err := control.Listen(ctx, c.State); err != nil {
		log.Warn().Err(err).Msg("commands such as attachd status, reload and healthcheck don't find this daemon")
	} else {
		handler := control.Handler(reloadFor(a), probes(ctx, beat, c, log))
		parts.Go(func() {
			if err := control.Serve(around, l, handler); err != nil {
				log.Error().Err(err).Msg("commands don't find this daemon any more")
			}
		})
	}
	a.Run(ctx)
}

// reloadFor loads the configuration for somebody who waits for the result.
func reloadFor(a *app.App) func(context.Context) ([]string, error) {
	return func(ctx context.Context) (texts []string, err error) {
		warnings, err := a.ReloadNow(ctx)
		for _, w := range warnings {
			texts = append(texts, w.String())
		}
		return texts, err
	}
}

// probes answers /livez and /readyz. running ends when the daemon is asked to stop.
func probes(running context.Context, beat func() time.Time, c *config.Config, log zerolog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/livez", health.Live(beat, time.Now))
	mux.Handle("/healthz", health.Live(beat, time.Now))
	mux.Handle("/readyz", health.Ready(running, log,
		health.Check{Name: "state", Test: health.Folders(func() []string { return []string{filepath.Dir(c.State)} })},
		health.Check{Name: "output folders", Test: health.Folders(func() []string { return outputs(c) })},
	))
	return mux
}

// outputs are the folders that enabled accounts write to.
func outputs(c *config.Config) (folders []string) {
	for _, a := range c.Enabled() {
		folders = append(folders, a.Output)
	}
	return folders
}
