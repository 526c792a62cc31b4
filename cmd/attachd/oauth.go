package main

import (
	"github.com/spf13/cobra"
)

func oauthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "oauth",
		Short: "Sign in for accounts that log in with OAuth 2.0 tokens",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(oauthLoginCommand(), oauthStatusCommand())
	return cmd
}
