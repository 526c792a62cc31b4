package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
)

func quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "List, show, retry and drop the messages that could not be taken apart",
		Long: `A message that cannot be taken apart, because it exceeds the limits or its files
cannot be stored, is kept as it came in the folder .quarantine of its account, and
stays on the server. A message that can only be read in part is kept there, too, if it
will be deleted on the server and raw does not keep it elsewhere. Its files are
delivered all the same.

These commands work on such messages. They ask no server and may be used while attachd
runs. An account that is being polled at that moment is refused: try again.`,
		Args: cobra.NoArgs, RunE: showHelp,
	}
	cmd.AddCommand(quarantineListCommand(), quarantineShowCommand(), quarantineRetryCommand(), quarantineDropCommand())
	return cmd
}

// messageArgs accepts ACCOUNT ID... or, with --all, any accounts.
func messageArgs(all *bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if !*all && len(args) < 2 {
			return fmt.Errorf("%s: name an account and the messages, or say --all", cmd.Name())
		}
		return nil
	}
}

// eachQuarantined calls fn for the messages that are named, with their account locked, and reports
// what fails without stopping at it.
func eachQuarantined(cmd *cobra.Command, path string, args []string, all bool, fn func(context.Context, *delivery.Quarantine, quarantine.Message) error) error {
	names, ids := args, []string(nil)
	if !all {
		names, ids = args[:1], args[1:]
	}
	t, err := find(cmd, path, names)
	if err != nil {
		return err
	}
	a, err := t.open(cmd.Context())
	if err != nil {
		return err
	}
	failed := 0
	for _, account := range t.accounts {
		report := func(err error) {
			failed++
			fmt.Fprintf(cmd.ErrOrStderr(), "attachd: %s\n", foreign.Error(&fetcher.AccountError{Account: account.Name, Err: err}))
		}
		if err := quarantine.Each(cmd.Context(), a, t.config, account, ids, fn, report); err != nil {
			report(err)
		}
	}
	if err := a.Close(); err != nil {
		return failure(err)
	}
	if failed > 0 {
		return &exitError{code: exitFailure}
	}
	return nil
}

// quarantineError is the error for this many messages in quarantine, nil if there are none and
// nothing failed. failed, unless "", stands first in its text.
func quarantineError(messages int, failed string) error {
	if messages > 0 {
		text := console.Count(messages, "message") + " in quarantine: attachd quarantine list says which and why"
		if failed != "" {
			text = failed + "; " + text
		}
		failed = text
	}
	if failed == "" {
		return nil
	}
	return &exitError{exitTemporary, fmt.Errorf("%s", failed)}
}
