package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/daemon"
	"github.com/attachd/attachd/cmd/attachd/preview"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

func runCommand(hooks app.Hooks) *cobra.Command {
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
			// Before the configuration is read: what asks to read it again must not end the start.
			hangup := make(chan os.Signal, 1)
			if !once {
				signal.Notify(hangup, syscall.SIGHUP)
				defer signal.Stop(hangup)
			}
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
			app.LogWarnings(log, warnings)
			app.LimitMemory(log)
			if dry {
				return dryRun(cmd, c, log)
			}
			// What root makes beside the daemon's files, the daemon could not open any more.
			if err := asOwner(c); err != nil {
				return err
			}
			warnOfRoot(log)
			if once {
				return runOnce(cmd.Context(), daemon.Options{Config: c, Path: path, Log: log, Warnings: warnings, Shoutrrr: shoutrrrProcess(), Hooks: hooks}, progress.Observe)
			}
			return failure(daemon.Run(cmd.Context(), daemon.Options{
				Config: c, Path: path, Warnings: warnings, Log: log, Shoutrrr: shoutrrrProcess(), Reload: hangup, Hooks: hooks,
			}))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&once, "once", false, "poll every account once, then end")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "with --once: only say what would be fetched, left out and deleted")
	cmd.Flags().StringVar(&level, "log-level", "", "`LEVEL` instead of the configuration's: trace, debug, info, warn or error")
	cmd.Flags().StringVar(&format, "log-format", "", "`FORMAT` instead of the configuration's: auto, console, json or journald")
	return cmd
}

func dryRun(cmd *cobra.Command, c *config.Config, log zerolog.Logger) error {
	failed := 0
	err := preview.DryRun(cmd.Context(), cmd.OutOrStdout(), c, log, func(err error) {
		failed++
		fmt.Fprintf(cmd.ErrOrStderr(), "attachd: %v\n", err)
	})
	if err != nil {
		return failure(err)
	}
	if failed > 0 {
		return &exitError{exitTemporary, fmt.Errorf("%d of %s failed", failed, console.Count(len(c.Enabled()), "account"))}
	}
	return nil
}

func runOnce(ctx context.Context, options daemon.Options, observe func(event.Event)) error {
	o, err := daemon.Once(ctx, options, observe)
	if err != nil {
		return failure(err)
	}
	failed := ""
	if len(o.Failed) > 0 {
		failed = fmt.Sprintf("%d of %s failed", len(o.Failed), console.Count(o.Accounts, "account"))
	}
	return quarantineError(o.Quarantined, failed)
}

func warnOfRoot(log zerolog.Logger) {
	if os.Geteuid() == 0 {
		log.Warn().Msg("attachd runs as root and does not need to: a fault in reading mail would be one of the whole machine; run it as a user of its own")
	}
}

// logOptions returns the log section of the configuration with the flags of the command line over
// it.
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
