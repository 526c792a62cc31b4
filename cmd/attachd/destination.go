package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// findDestination looks at the folder of an account.
func findDestination(a config.Account) (fetcher.Destination, error) {
	i, err := sink.Identify(a.Output)
	return fetcher.Destination{Place: a.Output, ID: i.ID, Mark: i.Mark, Gone: i.Gone}, err
}

// checkDestination returns a [*fetcher.DestinationError] if an account delivered to another folder than the one that is there.
func checkDestination(ctx context.Context, led *sqlite.Ledger, a config.Account) error {
	found, err := findDestination(a)
	if err == nil {
		_, err = fetcher.CheckDestination(ctx, led, a.Name, found)
	}
	return err
}

// checkPolled returns, of all accounts that are polled, what would keep a poll from asking the server: its folder is gone, the state is
// older than that or was lost, or the account was renamed.
func checkPolled(ctx context.Context, c *config.Config) (faults []error, err error) {
	led, err := sqlite.Inspect(ctx, c.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		led = nil
	case err != nil:
		return nil, err
	default:
		defer func() { err = errors.Join(err, led.Close()) }()
	}
	polled := make(map[string]bool)
	for _, a := range c.Accounts {
		polled[a.Name] = a.Enabled
	}
	for _, a := range c.Accounts {
		if !a.Enabled {
			continue
		}
		if err := checkAccount(ctx, led, c, a, func(name string) bool { return polled[name] }); err != nil {
			faults = append(faults, &fetcher.AccountError{Account: a.Name, Err: err})
		}
	}
	return faults, nil
}

// checkAccount does that for one; led is nil where there is no state.
func checkAccount(ctx context.Context, led *sqlite.Ledger, c *config.Config, a config.Account, polled func(string) bool) error {
	found, err := findDestination(a)
	if err != nil {
		return err
	}
	if led == nil {
		return fetcher.CheckMark(ctx, nil, a.Name, found.Mark)
	}
	if _, err := fetcher.CheckDestination(ctx, led, a.Name, found); err != nil {
		return err
	}
	if err := fetcher.CheckMark(ctx, led, a.Name, found.Mark); err != nil {
		return err
	}
	return fetcher.CheckName(ctx, led, account(c, a, make(clientTokens)), polled)
}

func stateAcceptCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "accept ACCOUNT...",
		Short: "Let accounts deliver to the folders that are there now",
		Long: `accept has accounts go on whose folder is gone, or is not the one that files were
delivered to before: they are stopped, as the disk may not be mounted. It makes a
folder that is missing. It may be used while attachd runs; an account that is being
polled at that moment is refused: try again.

Nothing that was delivered is fetched again: attachd state forget has it fetched.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, _, err := load(path, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			accounts, err := namedAccounts(c, args)
			if err != nil {
				return err
			}
			if err := asOwner(c); err != nil {
				return err
			}
			d, err := newDaemon(cmd.Context(), c, zerolog.Nop(), nil)
			if err != nil {
				return failure(err)
			}
			for _, a := range accounts {
				at, acceptErr := d.supervisor.AcceptDestination(cmd.Context(), account(c, a, make(clientTokens)))
				if acceptErr != nil {
					err = errors.Join(err, &fetcher.AccountError{Account: a.Name, Err: acceptErr})
					continue
				}
				_, printErr := fmt.Fprintf(cmd.OutOrStdout(), "account %s: goes on with %s\n", a.Name, foreign.Text(at.Place))
				err = errors.Join(err, printErr)
			}
			return failure(errors.Join(err, d.close()))
		},
	}
	configFlag(cmd, &path)
	return cmd
}
