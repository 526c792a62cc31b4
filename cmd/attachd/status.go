package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/overview"
	"github.com/attachd/attachd/cmd/attachd/version"
	"github.com/attachd/attachd/config"
)

func statusCommand() *cobra.Command {
	var path string
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether everything is fine, what needs somebody, and what came in",
		Long: `status says in a sentence whether everything is fine. Then come what needs somebody and
what to do about it, the trouble that attachd handles by itself, the accounts, the files
that came in today and yesterday, and what is in quarantine.

It asks the running attachd at the socket beside the state file. If none runs, it says so
and tells what the state and the history know. That no attachd runs needs somebody, unless
an account was polled within three intervals, as with run --once from a timer.

With --json it prints one object with everything: {"ok","running","at","sentence","rest",
"needs_you","handled","accounts","machine","certificates","count","came","quarantine"}.
If the history can't be read, "unread" says why instead of "came".

Exit code 0: nothing needs anybody; 1: something does, or it could not be found out; 78:
the configuration has faults. If an attachd is running all the same, with an older
configuration, its status is printed too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, faults := load(path, cmd.ErrOrStderr())
			sources, release, err := overviewSources(cmd.Context(), c, path)
			if err != nil {
				return errors.Join(faults, failure(err))
			}
			defer release()
			o, err := overview.Gather(cmd.Context(), sources)
			switch {
			case errors.Is(err, control.ErrNotRunning) && faults != nil:
				return faults
			case err != nil:
				return failure(err)
			}
			out := cmd.OutOrStdout()
			if asJSON {
				err = o.JSON(out)
			} else {
				err = o.Print(out, overview.Style{Width: columns(out), All: all})
			}
			switch {
			case err != nil:
				return failure(err)
			case faults != nil:
				return faults
			case !o.OK:
				return &exitError{code: exitFailure}
			}
			return nil
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&all, "all", false, "leave out no account, file or message")
	return cmd
}

func logCommand() *cobra.Command {
	var path string
	var n int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "log ACCOUNT",
		Short: "Show the last polls of an account",
		Long: `log shows when the last polls of an account ended, how long they took, what they brought,
and every error in full. The newest poll comes last, and an error that lasts stands there
once. It reads the history, whether attachd is running or not.

With --json it prints one object per poll:
{"at","seconds","messages","files","bytes","class","error"}.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 {
				return &exitError{exitUsage, errors.New("-n must be 1 at least")}
			}
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			sources, release, err := overviewSources(cmd.Context(), t.config, path)
			if err != nil {
				return failure(err)
			}
			defer release()
			var polls []overview.Poll
			if sources.Unread != nil {
				return failure(sources.Unread)
			}
			if sources.History != nil {
				if polls, err = overview.Polls(cmd.Context(), sources.History, t.accounts[0].Name, n); err != nil {
					return failure(err)
				}
			}
			out := cmd.OutOrStdout()
			if asJSON {
				return failure(overview.PollsJSON(out, polls))
			}
			return failure(overview.PrintPolls(out, polls, overview.Style{Width: columns(out)}))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().IntVarP(&n, "number", "n", 20, "how many `POLLS` to show; the history has the last hundred")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per poll")
	return cmd
}

// overviewSources finds the state and the history. c is nil for a configuration with faults, which
// may name its state all the same. A history that can't be read is no error: the rest is told
// without it. release closes what was opened.
func overviewSources(ctx context.Context, c *config.Config, path string) (s overview.Sources, release func(), err error) {
	s = overview.Sources{Config: c, Path: path, Version: version.Full()}
	release = func() {}
	if c == nil {
		s.State, err = config.StatePath(path)
		s.Unread = errors.New("the configuration has faults, so where the history is cannot be known")
		return s, release, err
	}
	s.State = c.State
	reader, err := history.OpenReader(ctx, c.History.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, release, nil // nothing happened yet
	case err != nil:
		s.Unread = err
		return s, release, nil
	}
	s.History = reader
	return s, func() { _ = reader.Close() }, nil // it was only read
}

// columns is the width of a terminal, 0 for everything else.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !console.IsTerminal(f) {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}
