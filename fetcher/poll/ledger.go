package poll

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is the record that polls keep. All of them use it at once.
type Ledger interface {
	delivery.Ledger
	identity.Ledger
	identity.Holders
	Deletions
	Failures
	Mailboxes
	Hosts
}

// Deletions records what becomes of messages on the server.
type Deletions interface {
	// DeletePending records that DELE is about to be sent, and Deleted that the server
	// confirmed QUIT.
	DeletePending(ctx context.Context, account string, keys []ledger.Key) error
	Deleted(ctx context.Context, account string, keys []ledger.Key) error
	// Unread returns the messages that were delivered and stay on the server, as
	// something of them could not be read right.
	Unread(ctx context.Context, account string) ([]*ledger.Message, error)
}

// Failures records messages that could not be retrieved.
type Failures interface {
	// Failed records why, and when the message is to be tried again.
	Failed(ctx context.Context, account string, k ledger.Key, reason string, next time.Time) error
}

// Mailboxes records what mailboxes are like.
type Mailboxes interface {
	// SetMailbox records what STAT said, and SetOwner whose mailbox it is; changed says
	// that it was another's.
	SetMailbox(ctx context.Context, account string, messages int, octets int64) error
	SetOwner(ctx context.Context, account, mailbox string) (changed bool, err error)
	// QuarantineCounts returns how many messages each account has in quarantine.
	QuarantineCounts(ctx context.Context) (map[string]int, error)
}

// Hosts records what servers are like, by their address.
type Hosts interface {
	Host(ctx context.Context, addr string) (ledger.Host, error)
	SetHost(ctx context.Context, addr string, h ledger.Host) error
	SetLoginDelay(ctx context.Context, addr string, d time.Duration) error
}
