package check

import (
	"context"
	"errors"
	"io/fs"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Polled returns what would keep polls from asking the server, as an [*fetcher.AccountError] for
// each account that is concerned: its folder is gone, the state is older than that or was lost, or
// the account was renamed. The error of Polled itself says that the state can't be read.
func Polled(ctx context.Context, c *config.Config) (faults []error, err error) {
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

// checkAccount does this for one account; led is nil where there is no state.
func checkAccount(ctx context.Context, led *sqlite.Ledger, c *config.Config, a config.Account, polled func(string) bool) error {
	found, err := wiring.FindDestination(ctx, a)
	if err != nil {
		return err
	}
	if led == nil {
		return delivery.CheckMark(ctx, nil, a.Name, found.Mark)
	}
	if _, err := delivery.CheckDestination(ctx, led, a.Name, found); err != nil {
		return err
	}
	if err := delivery.CheckMark(ctx, led, a.Name, found.Mark); err != nil {
		return err
	}
	account := wiring.Account(c, a, nil)
	return identity.CheckName(ctx, led, account.Identity(), polled)
}
