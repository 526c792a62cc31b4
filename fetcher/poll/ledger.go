package poll

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is the record that visits keep. All visits use it at the same time. account is the
// account's name in every call, and a [ledger.Key] names a message. An error is one of the
// ledger's storage, and ends the visit. What [Mailboxes] and [Hosts] record may be undone by a
// power cut, and the first owner of an account by a kill before the account's next change: the next
// visit finds it out again.
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
	// DeletePending records that DELE is about to be sent for messages.
	DeletePending(ctx context.Context, account string, keys []ledger.Key) error
	// Deleted records that the server has deleted messages: it answered +OK to QUIT.
	Deleted(ctx context.Context, account string, keys []ledger.Key) error
	// Spare records that a delivered message is not to be deleted before a time.
	Spare(ctx context.Context, account string, k ledger.Key, until time.Time) error
	// Unread returns the messages that were delivered and stay on the server, because something
	// of them could not be read right.
	Unread(ctx context.Context, account string) ([]*ledger.Message, error)
}

// Failures records messages that could not be retrieved.
type Failures interface {
	// Failed records why a message could not be retrieved, and when to try it again.
	Failed(ctx context.Context, account string, k ledger.Key, reason string, next time.Time) error
}

// Mailboxes records what mailboxes hold and whose they are.
type Mailboxes interface {
	// SetMailbox records the answer to STAT.
	SetMailbox(ctx context.Context, account string, messages int, octets int64) error
	// TooLarge returns how many messages the visit before left on the server for their size.
	TooLarge(ctx context.Context, account string) (messages int, err error)
	// SetTooLarge records how many this one leaves there.
	SetTooLarge(ctx context.Context, account string, messages int) error
	// SetOwner records whose mailbox the account polls. changed says that it was another one's
	// before: all of the account's messages then count as missed.
	SetOwner(ctx context.Context, account, mailbox string) (changed bool, err error)
	// QuarantineCounts returns how many messages each account has in quarantine.
	QuarantineCounts(ctx context.Context) (map[string]int, error)
}

// Hosts records what servers are like. addr is the server's address.
type Hosts interface {
	// Host returns what is recorded of a server, the zero Host for an unknown one.
	Host(ctx context.Context, addr string) (ledger.Host, error)
	// SetHost records what of h is not zero. It leaves LoginDelay alone.
	SetHost(ctx context.Context, addr string, h ledger.Host) error
	// ForgetTogether removes the record that the server takes commands with the login.
	ForgetTogether(ctx context.Context, addr string) error
	// SetLoginDelay records the least time between logins that the server announced
	// (LOGIN-DELAY, RFC 2449 section 6.5), 0 for none.
	SetLoginDelay(ctx context.Context, addr string, d time.Duration) error
}
