package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/config/manual"
)

// helpCommand is cobra's own command help, which also explains the keys of the configuration.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]... | help config [KEY]",
		Short: "Explain a command, or a key of the configuration",
		Long: `help explains a command and its flags.

help config lists the keys of the configuration, and help config KEY explains one: a path
such as tls.ca_file, or the end of it. A section such as tls is listed with its keys.
attachd config --help explains the command config.`,
		ValidArgsFunction: completeHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			topic, rest, err := root.Find(args)
			switch {
			case len(args) > 0 && args[0] == "config" && (err != nil || len(rest) > 0 || len(args) == 1):
				return helpConfig(cmd.OutOrStdout(), args[1:])
			case err != nil || len(rest) > 0:
				return &exitError{exitUsage, fmt.Errorf("there is no command %q; attachd help lists them", strings.Join(args, " "))}
			}
			topic.InitDefaultHelpFlag()
			topic.SetOut(cmd.OutOrStdout())
			return failure(topic.Help())
		},
	}
}

// helpConfig explains keys of the configuration, or lists all of them.
func helpConfig(out io.Writer, keys []string) error {
	if len(keys) == 0 {
		_, err := fmt.Fprintf(out, "The keys of the configuration. attachd help config KEY explains one.\n"+
			"attachd config --help explains the command config.\n\n%s", manual.List())
		return failure(err)
	}
	for i, key := range keys {
		found, near := manual.Find(key)
		if len(found) == 0 {
			err := fmt.Errorf("the configuration has no key %q; attachd help config lists them", key)
			if len(near) > 0 {
				err = fmt.Errorf("the configuration has no key %q; did you mean %s?", key, strings.Join(near, " or "))
			}
			return &exitError{exitUsage, err}
		}
		for j, e := range found {
			if i+j > 0 {
				fmt.Fprintln(out)
			}
			if _, err := io.WriteString(out, e.String()); err != nil {
				return failure(err)
			}
		}
	}
	return nil
}
