package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/extract"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
)

func extractCommand() *cobra.Command {
	var dir, configFile, account string
	var asJSON, explain bool
	cmd := &cobra.Command{
		Use:   "extract [FILE|FOLDER|-]...",
		Short: "Write the attachments of message files, Maildirs and mbox files",
		Long: `extract reads messages from files, Maildirs, mbox files or folders of these, or
one message from standard input (-, or nothing at all), and writes their
attachments. Files that are there are never overwritten: the next one of a name
becomes name-2. At the end it says on standard error what that came to.

A file or an input that is named and is no mail is an error: one that is empty, is of
another kind, such as a PDF, or is text without any header field of mail in its first
64 KiB. In doubt it is mail. In a folder such files are passed over.

A message that finds no room on the disk is an error, too, and nothing of it is
written; a smaller one behind it may find some. After any other error of the disk the
rest is not read, and is named.

What could not be read right of a message, or had to be mended, gets a line on
standard error: the message, the attachment if it concerns one alone, and what it was.
What concerns names alone has none. The sum at the end counts these problems. They
leave the exit code as it is.

With --json it prints one line per attachment:
{"source","path","name","original_name","media_type","disposition","size","sha256","problems"}
problems are those of the attachment and of its message, as in a sidecar. Standard
error then has errors, and the problems of messages that no line is about.

With --config and --account the messages are treated as those of that account:
its filters, path, sidecars and raw mail hold, below the -o folder. --explain
writes nothing and says of each attachment what would become of it, and why.

Exit code 0: all was read, with or without problems; 1: something could not be, is
no mail, or found no room.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				if console.IsTerminal(cmd.InOrStdin()) {
					return &exitError{exitUsage, errors.New("extract: nothing to read: name files or folders, or pipe a message in")}
				}
				args = []string{"-"}
			}
			rules, err := rulesOf(configFile, account, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			x := &extract.Extraction{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), Errors: cmd.ErrOrStderr(), JSON: asJSON, Rules: rules}
			if explain {
				return failure(x.Explain(cmd.Context(), args))
			}
			return failure(x.Run(cmd.Context(), dir, args))
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", ".", "the `FOLDER` to write to, made if missing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per attachment")
	cmd.Flags().StringVarP(&configFile, "config", "c", "", "treat the messages as a configuration `FILE` says")
	cmd.Flags().StringVar(&account, "account", "", "of this `ACCOUNT` in it")
	cmd.Flags().BoolVar(&explain, "explain", false, "write nothing, say what would become of each attachment")
	cmd.MarkFlagsMutuallyExclusive("explain", "json")
	cmd.MarkFlagsMutuallyExclusive("explain", "output")
	return cmd
}

// rulesOf returns the rules of an account in a configuration file; the zero value without a file.
func rulesOf(file, account string, stderr io.Writer) (wiring.Rules, error) {
	if file == "" && account == "" {
		return wiring.Rules{}, nil
	}
	if file == "" {
		return wiring.Rules{}, &exitError{exitUsage, errors.New("extract: --account needs --config, the file that the account is in")}
	}
	c, _, err := load(file, stderr)
	if err != nil {
		return wiring.Rules{}, err
	}
	var names []string
	for _, a := range c.Accounts {
		if a.Name == account || account == "" && len(c.Accounts) == 1 {
			rules := wiring.NewRules(c, a)
			rules.After = config.AfterKeep // the messages at hand stay where they are
			return rules, nil
		}
		names = append(names, a.Name)
	}
	if account == "" {
		return wiring.Rules{}, &exitError{exitUsage, fmt.Errorf("extract: --config needs --account, one of %s", strings.Join(names, ", "))}
	}
	return wiring.Rules{}, &exitError{exitUsage, fmt.Errorf("extract: %s has no account %q, only %s", file, account, strings.Join(names, ", "))}
}
