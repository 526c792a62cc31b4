package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/setup"
	"github.com/attachd/attachd/config/edit"
	"github.com/attachd/attachd/fetcher/foreign"
)

func accountCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "account",
		Short: "List, add, switch off and switch on accounts of the configuration",
		Long: `account works on the accounts in the configuration file and in its accounts_dir. A
change leaves the rest of the file as it is, with its comments, and is only made if the
file loads afterwards. A running attachd notices it.

There is no command to remove an account: disable leaves it alone and keeps what is
known of its mail, and whoever wants its lines gone deletes them in the file.`,
		Args: cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(accountAddCommand(), accountListCommand(), accountSwitchCommand("disable", false), accountSwitchCommand("enable", true))
	return cmd
}

func accountAddCommand() *cobra.Command {
	var f accountFlags
	var path string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add an account: find its server, try the login, write it down",
		Long: `add asks for an account as init does, and adds it to the configuration: as a file in
accounts_dir if there is one, else to the list accounts. A password that is typed goes
into the folder secrets beside the configuration.

Every answer can be given by a flag; with --yes nothing is asked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			base, err := openBase(cmd, path)
			if err != nil {
				return err
			}
			t, err := setup.NewTerminal(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
			if err != nil {
				return failure(err)
			}
			defer t.Close()
			_, c, err := f.setUp(cmd, base, t)
			if err != nil {
				return err
			}
			return tellDaemon(cmd, c.State)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&f.account.Output, "output", "", "the `FOLDER` for this account's files, which go into its own below that")
	f.add(cmd)
	return cmd
}

func accountSwitchCommand(verb string, on bool) *cobra.Command {
	var path string
	about := map[bool]string{
		false: "Leave accounts alone, without forgetting what was fetched",
		true:  "Poll accounts again that were disabled",
	}
	cmd := &cobra.Command{
		Use:   verb + " ACCOUNT...",
		Short: about[on],
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			base, err := openBase(cmd, path)
			if err != nil {
				return err
			}
			for _, name := range names {
				changed, err := base.SetEnabled(cmd.Context(), name, on)
				switch {
				case errors.Is(err, edit.ErrNoAccount):
					return &exitError{exitUsage, fmt.Errorf("the configuration has no account %q", name)}
				case err != nil:
					return failure(err)
				}
				state := verb + "d"
				if !changed {
					state = "was " + state + " already"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "account %s: %s\n", foreign.Text(name), state)
			}
			return tellDaemon(cmd, base.Config.State)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// openBase opens the configuration that is to be changed.
func openBase(cmd *cobra.Command, path string) (*setup.Base, error) {
	base, err := setup.NewBase(path)
	if err != nil {
		return nil, failure(err)
	}
	if !base.Exists() {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is not there: attachd init makes it", base.Path())}
	}
	if err := base.Open(); err != nil {
		return nil, setupError(cmd, err)
	}
	return base, nil
}

// tellDaemon has a running attachd load its configuration, and says what came of it.
func tellDaemon(cmd *cobra.Command, state string) error {
	running, err := askDaemon(cmd, state)
	if err == nil && !running {
		fmt.Fprintln(cmd.OutOrStdout(), "No attachd is running with this configuration: attachd run starts one.")
	}
	return err
}

// askDaemon is tellDaemon, and says nothing if none is running.
func askDaemon(cmd *cobra.Command, state string) (running bool, err error) {
	err = reload(cmd, state)
	_, refused := errors.AsType[*exitError](err)
	switch {
	case err == nil:
		fmt.Fprintln(cmd.OutOrStdout(), "The running attachd has loaded it.")
	case errors.Is(err, control.ErrNotRunning):
		return false, nil
	case refused:
		return true, err
	case cmd.Context().Err() != nil:
		return false, nil // nobody waits for it
	default:
		fmt.Fprintf(cmd.ErrOrStderr(), "attachd: could not ask the running attachd, which notices by itself: %s\n", foreign.Error(err))
	}
	return true, nil
}
