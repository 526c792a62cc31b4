package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/state"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
)

func stateAcceptCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "accept ACCOUNT...",
		Short: "Let accounts deliver to the folders that are there now",
		Long: `accept has accounts go on whose folder is gone, or is not the one that files were
delivered to before: they are stopped, as the disk may not be mounted. It makes a
folder that is missing. It may be used while attachd runs; an account that is being
polled at that moment is refused: try again.

Nothing that was delivered is fetched again: attachd state forget has it fetched. Files
of an interrupted poll that wait in the folder before hold the account up, and accept
names the command that helps.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := find(cmd, path, args)
			if err != nil {
				return err
			}
			a, err := t.open(cmd.Context())
			if err != nil {
				return err
			}
			for _, account := range t.accounts {
				at, acceptErr := a.Supervisor().AcceptDestination(cmd.Context(), a.Account(account))
				if acceptErr != nil {
					err = errors.Join(err, &fetcher.AccountError{Account: account.Name, Err: acceptErr})
					continue
				}
				_, printErr := fmt.Fprintf(cmd.OutOrStdout(), "account %s: goes on with %s\n", account.Name, foreign.Text(at.Place))
				err = errors.Join(err, printErr, sayStaged(cmd, a, account))
			}
			return failure(errors.Join(err, a.Close()))
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// sayStaged says what else an account needs whose poll was interrupted: its files wait in the
// folder before.
func sayStaged(cmd *cobra.Command, a *app.App, account config.Account) error {
	keys, err := state.StagedElsewhere(cmd.Context(), a.Ledger(), account)
	if err != nil || len(keys) == 0 {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "account %s: an interrupted poll left files of %s in the folder before, and they hold the account up. "+
		"If that folder is gone for good, attachd state forget --staged %s has them fetched again\n", account.Name, console.Count(len(keys), "message"), account.Name)
	return err
}
