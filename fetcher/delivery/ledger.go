package delivery

import (
	"context"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is what delivery needs of the records: which messages are staged, delivered and in
// quarantine. Each method is at most one transaction. What a method writes is durable when it
// returns, unless it says otherwise.
type Ledger interface {
	Generations
	// Received returns which of these contents the account received before.
	Received(ctx context.Context, account string, contents []ledger.Content) (map[ledger.Content]bool, error)
	// Kinds returns the kinds of digests, other than the own one, that the account's attachments
	// (files) and its messages without a UIDL (keys) are recorded by.
	Kinds(ctx context.Context, account string) (files, keys []digest.Kind, err error)
	// Sized returns those of the sizes that an attachment recorded by this kind of digest has.
	Sized(ctx context.Context, account string, kind digest.Kind, sizes []int64) (map[int64]bool, error)
	// Stage records a group with the names of its files. The staging files are durable by then.
	Stage(ctx context.Context, account string, group []*ledger.Message) error
	// Unfinished returns the messages that were staged and not delivered.
	Unfinished(ctx context.Context, account string) ([]*ledger.Message, error)
	// Delivered records that the files of a group are durable under the Path of each. It is durable
	// no later than what is written next and is durable when that returns. A power cut before leaves
	// the group as Stage recorded it.
	Delivered(ctx context.Context, account string, group []*ledger.Message, at time.Time) error
	// Quarantined returns the messages in quarantine, oldest first.
	Quarantined(ctx context.Context, account string) ([]*ledger.Message, error)
	// QuarantineBytes returns how many bytes the files in quarantine have.
	QuarantineBytes(ctx context.Context, account string) (int64, error)
	// StillQuarantined records why a message stays in quarantine.
	StillQuarantined(ctx context.Context, account string, k ledger.Key, reason string) error
	// Dropped records that a message's files in quarantine are removed. A message that was not
	// delivered counts as delivered at that time.
	Dropped(ctx context.Context, account string, k ledger.Key, at time.Time) error
	// Expired records that a message was removed from quarantine because of its age.
	Expired(ctx context.Context, account string, k ledger.Key) error
}

// Generations counts the groups of accounts.
type Generations interface {
	// Generation returns how many groups of the account were staged, 0 for none.
	Generation(ctx context.Context, account string) (int64, error)
}

// Destinations is the record of the folders that accounts delivered to.
type Destinations interface {
	// Destination returns the folder that the account delivered to last, zero without any.
	Destination(ctx context.Context, account string) (ledger.Destination, error)
	// SetDestination records it: its path and its ID. It is durable no later than the account's
	// first group, and may be written with that.
	SetDestination(ctx context.Context, account, place, folder string) error
}
