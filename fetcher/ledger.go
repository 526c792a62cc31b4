package fetcher

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
)

// Ledger holds the records of all accounts. Package ledger/sqlite implements it, up to Fenced.
type Ledger interface {
	poll.Ledger
	delivery.Destinations
	Leases
	// ForgetAll removes the records of all messages of an account. It returns how many there were.
	ForgetAll(ctx context.Context, account string) (int, error)
	// ForgetSkipped removes the records of the messages that were there before the account's start,
	// and the start. It returns how many there were.
	ForgetSkipped(ctx context.Context, account string) (int, error)
	// Rename gives the records of one account to another. It returns how many messages that are. It
	// fails with [ledger.ErrKnown] if the other has records.
	Rename(ctx context.Context, from, to string) (messages int, err error)
}

// Leases lets only one process at a time work on an account.
type Leases interface {
	// Lease takes the lease of an account, or fails with [ledger.ErrLeased] at once. Unless polled
	// is zero, it becomes the time of the account's last poll.
	Lease(ctx context.Context, account string, polled time.Time) (*ledger.Lease, error)
	// LastPoll returns when the account was last polled, zero if never.
	LastPoll(ctx context.Context, account string) (time.Time, error)
	// Fenced returns the ledger for the holder of leases. Once an account has a newer lease, what
	// the holder of the older one writes is refused with [ledger.ErrFenced].
	Fenced(leases ...*ledger.Lease) Ledger
}
