package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
)

func runCommand() *cobra.Command {
	var path, level, format string
	var once, dry bool
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Poll the configured accounts, for ever or once",
		Long: `run polls every account at its interval until it is told to stop. It notices
when the configuration changes, or reads it again on SIGHUP: only accounts that
changed start anew, and a configuration with a fault in it changes nothing.
SIGTERM and SIGINT end it within ten seconds, with all that is staged delivered.

With --once it polls every account once and ends. With --dry-run beside it, it only
says what it would fetch, leave out and delete: no file is written, nothing is recorded
and nothing is deleted. To see what is in new messages it retrieves them, and then drops
the line, so that no server takes them as read or consumed. A run compares messages with
what was delivered before: where that may find another message under a known UIDL, or the
same one under a new UIDL or put back, it may deliver or delete otherwise than is said here. Exit code 0: all went well; 75:
some accounts failed, or messages are in quarantine; 78: the configuration is bad.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, warnings, err := load(path, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			logging, err := logOptions(c.Log, level, format)
			if err != nil {
				return err
			}
			if dry && !once {
				return &exitError{exitUsage, errors.New("run: --dry-run goes with --once alone")}
			}
			var w io.Writer = cmd.ErrOrStderr()
			progress := console.NewProgress(io.Discard)
			if once && !dry {
				progress = console.NewProgress(w)
				w = progress
			}
			defer progress.Done()
			log, err := console.NewLogger(w, console.IsTerminal(cmd.ErrOrStderr()), logging)
			if err != nil {
				return &exitError{exitUsage, err}
			}
			logWarnings(log, warnings)
			limitMemory(log)
			if dry {
				return dryRun(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c, log)
			}
			warnOfRoot(log)
			d, err := newDaemon(cmd.Context(), c, log, progress.Observe)
			if err != nil {
				return failure(err)
			}
			defer func() {
				if err := d.close(); err != nil {
					log.Error().Err(err).Msg("state not closed cleanly")
				}
			}()
			announceDeletions(cmd.Context(), d.ledger, log, nil, c)
			if once {
				return runOnce(cmd.Context(), d, accounts(c))
			}
			return failure(d.run(cmd.Context(), path, c, log))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&once, "once", false, "poll every account once, then end")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "with --once: only say what would be fetched, left out and deleted")
	cmd.Flags().StringVar(&level, "log-level", "", "`LEVEL` instead of the configuration's: trace, debug, info, warn or error")
	cmd.Flags().StringVar(&format, "log-format", "", "`FORMAT` instead of the configuration's: auto, console or json")
	return cmd
}

func runOnce(ctx context.Context, d *daemon, accounts []fetcher.Account) error {
	failed := ""
	if errs := d.supervisor.RunOnce(ctx, accounts); len(errs) > 0 {
		failed = fmt.Sprintf("%d of %s failed", len(errs), console.Count(len(accounts), "account"))
	}
	n, err := inQuarantines(context.WithoutCancel(ctx), d.ledger, accounts)
	if err != nil {
		return failure(err)
	}
	return quarantineError(n, failed)
}

// run is the daemon's life.
func (d *daemon) run(ctx context.Context, path string, c *config.Config, log zerolog.Logger) error {
	log.Info().Str("version", version()).Int("accounts", len(accounts(c))).Str("output", c.Output).Msg("attachd started")
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)

	sets := make(chan []fetcher.Account)
	var parts sync.WaitGroup
	parts.Go(func() { d.supervisor.Run(ctx, sets) })
	r := &reloader{path: path, current: c, sets: sets, log: log, ledger: d.ledger}
	r.apply(ctx, c)
	r.run(ctx, hangup)
	parts.Wait()
	log.Info().Msg("attachd stopped")
	return nil
}

func warnOfRoot(log zerolog.Logger) {
	if os.Geteuid() == 0 {
		log.Warn().Msg("attachd runs as root, which it has no need of: a fault in reading what strangers send would be one of the whole machine; run it as a user of its own")
	}
}

// logOptions is how to log: as the configuration says, unless the command line does.
func logOptions(l config.Log, level, format string) (config.Log, error) {
	if level != "" {
		if err := l.Level.Set(level); err != nil {
			return l, &exitError{exitUsage, fmt.Errorf("--log-level %w", err)}
		}
	}
	if format != "" {
		if err := l.Format.Set(format); err != nil {
			return l, &exitError{exitUsage, fmt.Errorf("--log-format %w", err)}
		}
	}
	return l, nil
}
