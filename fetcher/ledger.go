package fetcher

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
)

// Ledger is the record that is kept of all accounts. Package ledger/sqlite has one.
type Ledger interface {
	poll.Ledger
	delivery.Destinations
	Leases
	// ForgetAll forgets every message of an account, and Rename gives what is known of
	// one account to another.
	ForgetAll(ctx context.Context, account string) (int, error)
	Rename(ctx context.Context, from, to string) (messages int, err error)
}

// Leases sees to it that one process at a time works on an account.
type Leases interface {
	// Lease takes an account, or fails with [ledger.ErrLeased] at once. polled, unless it
	// is zero, becomes the time of its last poll.
	Lease(ctx context.Context, account string, polled time.Time) (*ledger.Lease, error)
	// LastPoll returns when the account was last polled, zero without any.
	LastPoll(ctx context.Context, account string) (time.Time, error)
	// Fenced returns the record as it is for who has leases: what an older one writes is
	// refused with [ledger.ErrFenced].
	Fenced(leases ...*ledger.Lease) Ledger
}
