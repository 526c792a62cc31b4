package check

import (
	"context"
	"errors"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Polled returns what would keep polls from asking the server, as an [*fetcher.AccountError] for
// each account that is concerned: its folder is gone, the state is older than that or was lost, or
// the account was renamed. The error of Polled itself says that the state can't be read.
func Polled(ctx context.Context, c *config.Config) (faults []error, err error) {
	led, err := wiring.InspectState(ctx, c)
	if err != nil {
		return nil, err
	}
	if led != nil {
		defer func() { err = errors.Join(err, led.Close()) }()
	}
	polled := make(map[string]bool)
	for _, a := range c.Enabled() {
		polled[a.Name] = true
	}
	for _, a := range c.Enabled() {
		if err := checkAccount(ctx, led, c, *a, func(name string) bool { return polled[name] }); err != nil {
			faults = append(faults, &fetcher.AccountError{Account: a.Name, Err: err})
		}
	}
	return faults, nil
}

// checkAccount does this for one account; led is nil where there is no state.
func checkAccount(ctx context.Context, led *sqlite.Ledger, c *config.Config, a config.Account, polled func(string) bool) error {
	if err := wiring.CheckFolder(ctx, led, a); err != nil || led == nil {
		return err
	}
	account := wiring.Account(c, a, nil)
	return identity.CheckName(ctx, led, account.Identity(), polled)
}
