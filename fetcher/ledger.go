package fetcher

import (
	"context"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/poll"
)

// Ledger is the record that is kept of all accounts. Package ledger/sqlite has one.
type Ledger interface {
	poll.Ledger
	delivery.Destinations
	// ForgetAll forgets every message of an account, and Rename gives what is known of
	// one account to another.
	ForgetAll(ctx context.Context, account string) (int, error)
	Rename(ctx context.Context, from, to string) (messages int, err error)
}
