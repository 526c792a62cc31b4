package main

import (
	"github.com/spf13/cobra"
)

func configPrintCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "print [ACCOUNT]...",
		Short: "Print the configuration in force: defaults filled in, secrets left out",
		Long: `print writes the configuration as attachd understands it, in YAML that attachd loads again.
Every default is filled in, for all accounts or for those that are named, and accounts of
accounts_dir stand among the others. A comment says where each value comes from: a file,
line and column, the section defaults, or attachd itself (built in).

It shows where a secret is kept, never the secret: one that stands in the file is <secret>,
and so are the arguments of a command, the user and password of a proxy and the query of
a URL of oauth. URLs that are keys are <secret> as a whole. attachd refuses a file in which <secret> is left.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			return failure(t.config.Print(cmd.OutOrStdout(), args...))
		},
	}
	configFlag(cmd, &path)
	return cmd
}
