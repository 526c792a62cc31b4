package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/notify"
	"github.com/attachd/attachd/cmd/attachd/notify/send"
	"github.com/attachd/attachd/fetcher/foreign"
)

// shoutrrrName is the subcommand of notify that runs a service of shoutrrr in a process of its own.
const shoutrrrName = "shoutrrr"

func notifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "Try out who is told of trouble",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(notifyTestCommand(), shoutrrrCommand())
	return cmd
}

func notifyTestCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "test [TARGET]...",
		Short: "Send a test notice to the targets of notify",
		Long: `test sends a test notice to every target of notify in the configuration, or to
those that are named, and says what became of each. A target's name is what it
is: mail, ntfy, webhook or shoutrrr, with a number from the second on, as in
ntfy-2. Accounts are not polled, and ping URLs are not called.

Exit code 0: all were delivered; 1: one was not; 78: there is no target.`,
		RunE: func(cmd *cobra.Command, args []string) error { return notifyTest(cmd, path, args) },
	}
	configFlag(cmd, &path)
	return cmd
}

// notifyTest sends a test notice to the targets of these names, or to all without any.
func notifyTest(cmd *cobra.Command, path string, names []string) error {
	c, _, err := load(path, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if len(c.Notify.To) == 0 {
		return &exitError{exitConfig, errors.New("the configuration says nobody to tell: give notify a list to")}
	}
	failed := 0
	err = notify.Test(cmd.Context(), notify.Options{Config: c, Shoutrrr: shoutrrrProcess()}, names, func(name, what string, err error) {
		outcome := "delivered"
		if err != nil {
			failed++
			outcome = err.Error()
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s (%s): %s\n", name, foreign.Text(what), foreign.Text(outcome))
	})
	switch {
	case err != nil:
		return &exitError{exitUsage, err}
	case failed > 0:
		return &exitError{exitFailure, fmt.Errorf("%s not delivered", console.Count(failed, "test notice"))}
	}
	return nil
}

// shoutrrrProcess is the command that runs a service of shoutrrr: this program.
func shoutrrrProcess() []string {
	program, err := os.Executable()
	if err != nil {
		return nil // whoever needs it will say so
	}
	return []string{program, "notify", shoutrrrName}
}

// shoutrrrCommand is for attachd itself. Its standard output has what went wrong, and nothing else
// is said: the words of shoutrrr may hold a key.
func shoutrrrCommand() *cobra.Command {
	return &cobra.Command{
		Use:    shoutrrrName,
		Short:  "Send what standard input says by a service of shoutrrr",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := send.RunShoutrrr(cmd.Context(), cmd.InOrStdin()); err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), err)
				return &exitError{code: exitFailure}
			}
			return nil
		},
	}
}
