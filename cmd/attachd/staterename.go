package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/fetcher/delivery"
)

func stateRenameCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "rename OLD NEW",
		Short: "Let a renamed account go on where it ended",
		Long: `rename gives what the state knows of account OLD, which is not in the configuration
any more, to account NEW, which is: none of its mail is then delivered a second
time. It may be used while attachd runs.

Files stay where they are. If NEW has another output folder, and messages of OLD
are in quarantine, move the folder ` + delivery.QuarantineFolder + ` there, too.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args[1:])
			if err != nil {
				return err
			}
			if accounts, err := namedAccounts(t.config, args[:1]); err == nil && accounts[0].Enabled {
				return &exitError{exitUsage, fmt.Errorf("account %q is in the configuration still, and would fetch all its mail again", args[0])}
			}
			a, err := t.open(cmd.Context())
			if err != nil {
				return err
			}
			n, err := a.Supervisor().Rename(cmd.Context(), args[0], args[1])
			if n == 0 && err == nil {
				err = fmt.Errorf("the state knows no message of account %s", args[0])
			}
			if err := errors.Join(err, a.Close()); err != nil {
				return failure(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "account %s: %s of account %s taken over\n", args[1], console.Count(n, "message"), args[0])
			return failure(err)
		},
	}
	configFlag(cmd, &path)
	return cmd
}
