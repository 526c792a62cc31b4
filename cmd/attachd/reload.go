package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/foreign"
)

// reloadPatience is how long a daemon may take to load its configuration.
const reloadPatience = time.Minute

func reloadCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon load its configuration again",
		Long: `reload asks the running daemon to load its configuration again, and waits until it
has. The daemon notices a change by itself; reload tells what came of it. It is the
daemon that reads the file and what that names, with its own permissions and
credentials. A file with a fault in it changes nothing. A poll whose account changed
ends with the messages that are coming, and sends no further DELE.

The daemon is found by the socket beside the state file that the configuration names.
Exit code 0: it is loaded; 78: it has faults; 1: no daemon runs, or it does not answer.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := config.StatePath(path)
			if err != nil {
				if _, _, faulty := load(path, cmd.ErrOrStderr()); faulty != nil {
					err = faulty // that says all that is wrong
				}
				return &exitError{exitConfig, err}
			}
			if err := reload(cmd, state); err != nil {
				if refused, ok := errors.AsType[*exitError](err); ok {
					err = &exitError{refused.code, fmt.Errorf("reload: %w", refused.err)}
				}
				return failure(err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "the running attachd has loaded its configuration")
			return failure(err)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// reload has the daemon of this state load its configuration again, and prints what it says. An
// error with an exit code says that it refuses the configuration; control.ErrNotRunning, that there
// is none.
func reload(cmd *cobra.Command, state string) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), reloadPatience)
	defer cancel()
	warnings, err := control.Reload(ctx, state)
	for _, w := range warnings {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s\n", foreign.Text(w))
	}
	refused, ok := errors.AsType[*control.RefusedError](err)
	if !ok {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), foreign.Error(refused))
	return &exitError{exitConfig, fmt.Errorf("the running attachd keeps the configuration that it has: %s", console.Count(len(refused.Faults), "problem"))}
}
