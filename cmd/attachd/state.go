package main

import (
	"github.com/spf13/cobra"
)

func stateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Check and back up the state file, make a lost one anew, have messages fetched again, accept new folders, rename an account",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(stateCheckCommand(), stateBackupCommand(), stateRebuildCommand(), stateForgetCommand(), stateAcceptCommand(), stateRenameCommand())
	return cmd
}
