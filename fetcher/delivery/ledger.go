package delivery

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is what delivery asks of the record of one process: which messages are
// staged, delivered and in quarantine. Each method is one transaction at most, and
// those that write are durable once they return.
type Ledger interface {
	Generations
	// Received returns which of these bytes the account received before.
	Received(ctx context.Context, account string, contents []ledger.Content) (map[ledger.Content]bool, error)
	// Stage records a group: its files are durable in staging files, and have names.
	Stage(ctx context.Context, account string, group []*ledger.Message) error
	// Unfinished returns what was staged and not delivered.
	Unfinished(ctx context.Context, account string) ([]*ledger.Message, error)
	// Delivered records that the files of a group stand under their names.
	Delivered(ctx context.Context, account string, group []*ledger.Message, at time.Time) error
	// Quarantined returns what is in quarantine, and QuarantineBytes how much that is.
	Quarantined(ctx context.Context, account string) ([]*ledger.Message, error)
	QuarantineBytes(ctx context.Context, account string) (int64, error)
	// StillQuarantined records why a message stays there, Dropped that it was given up,
	// and Expired that it was removed for its age.
	StillQuarantined(ctx context.Context, account string, k ledger.Key, reason string) error
	Dropped(ctx context.Context, account string, k ledger.Key, at time.Time) error
	Expired(ctx context.Context, account string, k ledger.Key) error
}

// Generations tells how many groups of an account were delivered.
type Generations interface {
	Generation(ctx context.Context, account string) (int64, error)
}

// Destinations is the record of where an account's files went.
type Destinations interface {
	Destination(ctx context.Context, account string) (ledger.Destination, error)
	SetDestination(ctx context.Context, account, place, folder string) error
}
