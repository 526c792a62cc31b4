package identity

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is what the record is asked to tell messages apart.
type Ledger interface {
	Records
	Likenesses
	Presence
}

// Records tells what is known of messages by their keys.
type Records interface {
	// Lookup returns what is recorded under UIDLs.
	Lookup(ctx context.Context, account string, uidls []string) ([]ledger.Record, error)
	// Failures returns the messages that failed, and Pending those whose deletion was
	// not confirmed.
	Failures(ctx context.Context, account string) ([]ledger.Record, error)
	Pending(ctx context.Context, account string) ([]ledger.Key, error)
	// DeliveredCount is how many were delivered. Kept is how many were delivered or
	// are in quarantine and not deleted, and how many of them are thought to be on the
	// server; Present returns these.
	DeliveredCount(ctx context.Context, account string) (int, error)
	Kept(ctx context.Context, account string) (kept, present int, err error)
	Present(ctx context.Context, account string) ([]ledger.Key, error)
	// NamesUIDLs reports whether any are known by a UIDL, and Nameless whether any that
	// should be there are known by their digest.
	NamesUIDLs(ctx context.Context, account string) (bool, error)
	Nameless(ctx context.Context, account string) (bool, error)
}

// Likenesses compares messages by what they consist of.
type Likenesses interface {
	// Identities returns what the headers of messages told, and Known which of those
	// told are of any message.
	Identities(ctx context.Context, account string, keys []ledger.Key) (map[ledger.Key]ledger.Identity, error)
	Known(ctx context.Context, account string, ids []ledger.Identity) (ledger.Known, error)
	// Is reports which messages are those recorded under these keys, Same under which
	// keys messages like each are recorded, and Gone which of them were deleted.
	Is(ctx context.Context, account string, was map[*ledger.Message]ledger.Key) (map[*ledger.Message]bool, error)
	Same(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message][]ledger.Key, error)
	Gone(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message]ledger.Key, error)
	// Others reports of which keys another message was delivered under a marked UIDL.
	Others(ctx context.Context, account string, keys []ledger.Key, mark string) (map[ledger.Key]bool, error)
}

// Presence records what a listing showed.
type Presence interface {
	// Missed raises the miss count of messages that are not listed, and Found clears it;
	// at, unless zero, is when they were delivered under another name.
	Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error
	Found(ctx context.Context, account string, keys []ledger.Key, at time.Time) error
	// Adopt records messages as delivered at a time, and Forget forgets messages.
	Adopt(ctx context.Context, account string, messages []ledger.Listed, at time.Time) (int, error)
	Forget(ctx context.Context, account string, keys []ledger.Key) (int, error)
}

// Holders tells whose mailbox was polled under which name.
type Holders interface {
	Holders(ctx context.Context, account, mailbox string) ([]string, error)
	Mailbox(ctx context.Context, account string) (messages int, octets int64, ever bool, err error)
}
