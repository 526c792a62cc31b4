package main

import (
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/config/manual"
)

func schemaCommand() *cobra.Command {
	var account bool
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Long: `schema prints the JSON Schema (draft 2020-12) of the configuration file. An editor that has
it explains each key, completes names and values, and marks what is wrong while you type.
Editors with yaml-language-server find it by the first line of the file:

  # yaml-language-server: $schema=PATH-OR-URL

attachd check finds more: it also knows what keys mean together, and looks at files.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text := manual.Schema()
			if account {
				text = manual.AccountSchema()
			}
			_, err := cmd.OutOrStdout().Write(text)
			return failure(err)
		},
	}
	cmd.Flags().BoolVar(&account, "account", false, "the schema of a file of accounts_dir, which holds one account")
	return cmd
}
