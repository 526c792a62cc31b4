package main

import (
	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration in force; attachd help config explains its keys",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(configPrintCommand())
	return cmd
}
