package quarantine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Access is what work on quarantines needs of attachd. App of package app is one.
type Access interface {
	// Ledger is the state.
	Ledger() *sqlite.Ledger
	// OpenQuarantine opens the quarantine of an account of c, and keeps the account from being
	// polled until that is closed.
	OpenQuarantine(ctx context.Context, c *config.Config, account config.Account) (*delivery.Quarantine, error)
}

// Each calls fn for the messages of an account that the ids name, or for all of them without ids,
// while nobody else polls the account or works on its quarantine.
//
// What fails of one message, and an id that names none, is reported and does not stop the rest. The
// error of Each itself says that the account can't be worked on, or that ctx has ended.
func Each(ctx context.Context, a Access, c *config.Config, account config.Account, ids []string,
	fn func(context.Context, *delivery.Quarantine, Message) error, report func(error),
) (err error) {
	// Accounts without anything in quarantine are left alone: neither locked, nor their folder
	// made.
	records, err := a.Ledger().Quarantined(ctx, account.Name)
	if err != nil || len(records) == 0 && len(ids) == 0 {
		return err
	}
	q, err := a.OpenQuarantine(ctx, c, account)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	if records, err = q.Messages(ctx); err != nil {
		return err
	}
	found := make(map[string]bool)
	for _, record := range records {
		m := Message{Account: account, Record: record}
		i := slices.IndexFunc(ids, m.Matches)
		if i < 0 && len(ids) > 0 {
			continue
		}
		if i >= 0 {
			found[ids[i]] = true
		}
		if err := fn(ctx, q, m); err != nil {
			if ctx.Err() != nil {
				return err
			}
			report(fmt.Errorf("message %s: %w", m.ID(), err))
		}
	}
	for _, id := range ids {
		if !found[id] {
			report(fmt.Errorf("no message %q is in quarantine", id))
		}
	}
	return nil
}
