package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/demo"
)

func demoCommand() *cobra.Command {
	var dir, profile, listen string
	var clean, serve bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what attachd does, with a mail server of its own and nothing configured",
		Long: `demo starts a POP3S server on this machine with a mailbox of a few messages,
writes a configuration for it and polls it twice, as 'attachd run' would. The
files and the configuration stay in the folder that it names, unless --clean
removes it in the end.

With --serve it runs the daemon with its page instead, until Ctrl-C: beside mailboxes
that get mail every few seconds, there are accounts that fail in every usual way.

With --server its server behaves like that of a provider, or like a server program,
with all that is odd about it; --server list prints the names.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if profile == "list" {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), demo.Servers())
				return failure(err)
			}
			o := demo.Options{Out: cmd.OutOrStdout(), Errors: cmd.ErrOrStderr(), Dir: dir, Server: profile, Clean: clean, Listen: listen, Shoutrrr: shoutrrrProcess()}
			if serve {
				return failure(demo.Serve(cmd.Context(), o))
			}
			err := demo.Run(cmd.Context(), o)
			if _, ok := errors.AsType[*demo.UnknownServerError](err); ok {
				return &exitError{exitUsage, err}
			}
			return failure(err)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `FOLDER` to work in (default: a new one among the temporary files)")
	cmd.Flags().StringVar(&profile, "server", "", "behave like the server of this `NAME` (list prints them)")
	cmd.Flags().BoolVar(&clean, "clean", false, "remove the temporary folder in the end")
	cmd.Flags().BoolVar(&serve, "serve", false, "run the daemon and its page until Ctrl-C")
	cmd.Flags().StringVar(&listen, "listen", "", "with --serve: the `ADDRESS` of the page (default \""+demo.DefaultListen+"\", or a free port)")
	cmd.MarkFlagsMutuallyExclusive("serve", "server")
	cmd.MarkFlagsMutuallyExclusive("dir", "clean") // or a folder with other files in it would go
	return cmd
}
