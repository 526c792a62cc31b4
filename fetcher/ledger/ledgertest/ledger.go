package ledgertest

import (
	"context"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is what an implementation owes. Its methods may be called from any goroutine. For those
// that write:
//
//   - The change is whole when the method returns nil, and outlives the process.
//   - It outlives a power cut, too. Only those of Lease, Delivered, SetOwner, SetMailbox, those on
//     hosts, and SetDestination before the first group may be undone by one, together with all that
//     came later, unless a change that is durable came behind.
//   - A change that is refused changes nothing.
//   - A method that takes many messages may work in chunks: after an error some may have changed.
type Ledger interface {
	Deliveries
	Deletions
	Identities
	Quarantine
	Accounts
	Hosts
	Leases
	Close() error
}

// Deliveries is the way of a message to its files.
type Deliveries interface {
	// Stage records a group with durable staging files, all or none. The account's generation grows
	// by one.
	Stage(ctx context.Context, account string, group []*ledger.Message) error
	// Unfinished returns what was staged and not delivered, in that order, with all attachments.
	Unfinished(ctx context.Context, account string) ([]*ledger.Message, error)
	// Delivered records that the files stand under the paths that group says now.
	Delivered(ctx context.Context, account string, group []*ledger.Message, at time.Time) error
	// Received returns those of the contents that came in a message that was delivered.
	Received(ctx context.Context, account string, contents []ledger.Content) (map[ledger.Content]bool, error)
	// Kinds returns the kinds of digests, other than the own one, that attachments (files) and
	// messages without a UIDL (keys) are recorded by, and Sized the sizes that an attachment
	// recorded by one kind has.
	Kinds(ctx context.Context, account string) (files, keys []digest.Kind, err error)
	Sized(ctx context.Context, account string, kind digest.Kind, sizes []int64) (map[int64]bool, error)
	// Failed counts an attempt to retrieve a message, with its reason and the time of the next one.
	Failed(ctx context.Context, account string, k ledger.Key, reason string, next time.Time) error
	// Failures returns the messages that could not be retrieved, in the order of their next
	// attempts.
	Failures(ctx context.Context, account string) ([]ledger.Record, error)
	// Lookup returns the records of UIDLs. The records of one UIDL come settled before failed and
	// newer before older.
	Lookup(ctx context.Context, account string, uidls []string) ([]ledger.Record, error)
}

// Deletions is the way of a message off the server.
type Deletions interface {
	// DeletePending records that DELE is about to be sent, Deleted that the server confirmed it.
	DeletePending(ctx context.Context, account string, keys []ledger.Key) error
	Deleted(ctx context.Context, account string, keys []ledger.Key) error
	// Pending returns the messages between the two.
	Pending(ctx context.Context, account string) ([]ledger.Key, error)
	// Missed records that a listing lacked messages, Found that one has them, see
	// [ledger.Record.AfterMissed].
	Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error
	Found(ctx context.Context, account string, keys []ledger.Key, at time.Time) error
	// Kept counts the messages that are, as far as is known, on the server; present is how many
	// Present returns.
	Kept(ctx context.Context, account string) (kept, present int, err error)
	Present(ctx context.Context, account string) ([]ledger.Key, error)
	// Due counts what a poll would delete of the messages that were delivered by a time.
	Due(ctx context.Context, account string, by time.Time, empty bool) (ledger.Due, error)
	// Spare records that a delivered message is not to be deleted before a time.
	Spare(ctx context.Context, account string, k ledger.Key, until time.Time) error
}

// Identities tells which message is which.
type Identities interface {
	// Identities returns what is known of the headers of messages.
	Identities(ctx context.Context, account string, keys []ledger.Key) (map[ledger.Key]ledger.Identity, error)
	// Is returns those of the messages that were delivered under the keys given with them.
	Is(ctx context.Context, account string, was map[*ledger.Message]ledger.Key) (map[*ledger.Message]bool, error)
	// Same returns the messages on the server that these ones may be, Gone the deleted ones that
	// they were.
	Same(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message][]ledger.Key, error)
	Gone(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message]ledger.Key, error)
	// Others returns the keys that share UIDL and size with another message, which has mark and
	// more behind its UIDL.
	Others(ctx context.Context, account string, keys []ledger.Key, mark string) (map[ledger.Key]bool, error)
	// Known returns those of the identities that messages were delivered with.
	Known(ctx context.Context, account string, ids []ledger.Identity) (ledger.Known, error)
	// NamesUIDLs reports whether any message has a UIDL of the server's, Nameless whether a message
	// without one is still there.
	NamesUIDLs(ctx context.Context, account string) (bool, error)
	Nameless(ctx context.Context, account string) (bool, error)
	DeliveredCount(ctx context.Context, account string) (int, error)
}

// Quarantine is what is kept of messages that could not be read right.
type Quarantine interface {
	// Quarantined returns the messages in quarantine, oldest first, QuarantineCounts how many each
	// account has, and QuarantineBytes about how much they take.
	Quarantined(ctx context.Context, account string) ([]*ledger.Message, error)
	QuarantineCounts(ctx context.Context) (map[string]int, error)
	QuarantineBytes(ctx context.Context, account string) (int64, error)
	// StillQuarantined records an attempt that failed, Dropped that a message was given up, and
	// Expired that it grew too old.
	StillQuarantined(ctx context.Context, account string, k ledger.Key, reason string) error
	Dropped(ctx context.Context, account string, k ledger.Key, at time.Time) error
	Expired(ctx context.Context, account string, k ledger.Key) error
	// Unread returns the delivered messages that are [ledger.Message].Unread and still on the
	// server.
	Unread(ctx context.Context, account string) ([]*ledger.Message, error)
}

// Accounts is what is kept of an account as a whole.
type Accounts interface {
	// Mailbox returns the last answer to STAT, which SetMailbox records.
	Mailbox(ctx context.Context, account string) (count int, octets int64, ok bool, err error)
	SetMailbox(ctx context.Context, account string, count int, octets int64) error
	// TooLarge returns how many messages stay on the server for their size, which SetTooLarge
	// records.
	TooLarge(ctx context.Context, account string) (messages int, err error)
	SetTooLarge(ctx context.Context, account string, messages int) error
	// SetOwner records which mailbox is polled; Holders returns the other accounts with messages of
	// a mailbox.
	SetOwner(ctx context.Context, account, mailbox string) (changed bool, err error)
	Holders(ctx context.Context, account, mailbox string) ([]string, error)
	// Rename gives all that is known of an account to another one, or fails with [ledger.ErrKnown]
	// if that has messages.
	Rename(ctx context.Context, from, to string) (messages int, err error)
	// Generation counts the groups that were staged, CatchUp raises it.
	Generation(ctx context.Context, account string) (int64, error)
	CatchUp(ctx context.Context, account string, n int64) error
	Destination(ctx context.Context, account string) (ledger.Destination, error)
	SetDestination(ctx context.Context, account, place, folder string) error
	// Adopt records messages as delivered without any files, Forget and ForgetAll remove what is
	// known of them.
	Adopt(ctx context.Context, account string, messages []ledger.Listed, at time.Time) (adopted int, err error)
	Forget(ctx context.Context, account string, keys []ledger.Key) (forgotten int, err error)
	ForgetAll(ctx context.Context, account string) (forgotten int, err error)
	// Start returns what is recorded of the account's start. Skip records messages as not to be
	// fetched, and before, unless zero, as the start. MaybeSkip records those that Skip or Stage
	// decides about. Skipped returns both, and ForgetSkipped removes them and the start: all is
	// fetched then.
	Start(ctx context.Context, account string) (ledger.Start, error)
	Skip(ctx context.Context, account string, keys []ledger.Key, before time.Time) (skipped int, err error)
	MaybeSkip(ctx context.Context, account string, keys []ledger.Key) error
	Skipped(ctx context.Context, account string) ([]ledger.Key, error)
	ForgetSkipped(ctx context.Context, account string) (forgotten int, err error)
	// KnownUntil returns when anything of an account was noted last.
	KnownUntil(ctx context.Context, account string) (time.Time, error)
	Summaries(ctx context.Context) ([]ledger.Summary, error)
}

// Hosts is what is known of servers.
type Hosts interface {
	Host(ctx context.Context, name string) (ledger.Host, error)
	SetHost(ctx context.Context, name string, h ledger.Host) error
	ForgetTogether(ctx context.Context, name string) error
	SetLoginDelay(ctx context.Context, name string, d time.Duration) error
}

// Leases keeps the processes that share a ledger from working on one account at a time.
type Leases interface {
	// Lease takes an account or fails with [ledger.ErrLeased]; polled, unless zero, is what
	// LastPoll returns from then on.
	Lease(ctx context.Context, account string, polled time.Time) (*ledger.Lease, error)
	LastPoll(ctx context.Context, account string) (time.Time, error)
	// Fenced returns a view for the holder of leases. A write on an account without its newest one
	// fails with [ledger.ErrFenced].
	Fenced(leases ...*ledger.Lease) Ledger
}
