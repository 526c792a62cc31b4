package identity

import (
	"context"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is what the comparison asks of the record that an account's polls keep. account is the
// account's name in every call, and a [ledger.Key] names a message. An error is one of the
// ledger's storage, and ends the poll.
type Ledger interface {
	Records
	Likenesses
	Presence
	Starts
}

// Records tells what is recorded of messages, by their keys.
type Records interface {
	// Lookup returns what is recorded under UIDLs, newest first.
	Lookup(ctx context.Context, account string, uidls []string) ([]ledger.Record, error)
	// Failures returns the messages whose retrieval failed.
	Failures(ctx context.Context, account string) ([]ledger.Record, error)
	// Pending returns the messages whose deletion the server has not confirmed.
	Pending(ctx context.Context, account string) ([]ledger.Key, error)
	// DeliveredCount returns how many messages were delivered.
	DeliveredCount(ctx context.Context, account string) (int, error)
	// Kept returns how many messages were delivered or quarantined and not deleted, and how
	// many of these Present returns.
	Kept(ctx context.Context, account string) (kept, present int, err error)
	// Present returns the messages that should still be on the server.
	Present(ctx context.Context, account string) ([]ledger.Key, error)
	// Kinds returns the kinds of digests, other than the own one, that the account's attachments
	// (files) and its messages without a UIDL (keys) are recorded by.
	Kinds(ctx context.Context, account string) (files, keys []digest.Kind, err error)
	// NamesUIDLs reports whether any message is recorded under a UIDL of the server.
	NamesUIDLs(ctx context.Context, account string) (bool, error)
	// Nameless reports whether any message without a UIDL should still be on the server.
	Nameless(ctx context.Context, account string) (bool, error)
}

// Likenesses compares messages by their headers and attachments.
type Likenesses interface {
	// Identities returns what is recorded of the messages' headers.
	Identities(ctx context.Context, account string, keys []ledger.Key) (map[ledger.Key]ledger.Identity, error)
	// Known returns those of the headers and Message-IDs that the account has received before.
	Known(ctx context.Context, account string, ids []ledger.Identity) (ledger.Known, error)
	// Is returns the messages that were delivered under the keys given with them.
	Is(ctx context.Context, account string, was map[*ledger.Message]ledger.Key) (map[*ledger.Message]bool, error)
	// Same returns, for each message, the delivered ones that it may be, oldest first.
	Same(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message][]ledger.Key, error)
	// Gone returns, for each message, the deleted one that it is.
	Gone(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message]ledger.Key, error)
	// Others returns those of the keys beside which another message was delivered, with the
	// key's size, and with mark behind the key's UIDL.
	Others(ctx context.Context, account string, keys []ledger.Key, mark string) (map[ledger.Key]bool, error)
}

// Presence records what a listing showed.
type Presence interface {
	// Missed raises the miss count of messages that are not listed: by 1 if likelyMistake says
	// that the listing looks faulty, else by 2, up to 3.
	Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error
	// Found records that messages are listed, though they were missed or deleted. at, unless
	// zero, is when the message that has this key now was delivered, under a name of its own.
	Found(ctx context.Context, account string, keys []ledger.Key, at time.Time) error
	// Adopt records messages as delivered at a time, and returns how many it recorded. The zero
	// time stands for messages that may never have been delivered: the server keeps them.
	Adopt(ctx context.Context, account string, messages []ledger.Listed, at time.Time) (int, error)
	// Forget removes what is recorded of messages, and returns of how many.
	Forget(ctx context.Context, account string, keys []ledger.Key) (int, error)
}

// Starts records what was on the server before the start of an account.
type Starts interface {
	// Start returns what is recorded of the account's start.
	Start(ctx context.Context, account string) (ledger.Start, error)
	// Skip records messages as not to be fetched, and before, unless zero, as the start.
	Skip(ctx context.Context, account string, keys []ledger.Key, before time.Time) (skipped int, err error)
	// MaybeSkip records messages that may have been there before: their dates decide once they are
	// retrieved. Until then each is a failed one that was not tried.
	MaybeSkip(ctx context.Context, account string, keys []ledger.Key) error
	// Skipped returns the messages that Skip and MaybeSkip recorded.
	Skipped(ctx context.Context, account string) ([]ledger.Key, error)
}

// Holders tells which accounts have polled which mailbox.
type Holders interface {
	// Holders returns the accounts with messages of this mailbox, in order, or none if account
	// has any messages itself.
	Holders(ctx context.Context, account, mailbox string) ([]string, error)
	// Mailbox returns the account's last answer to STAT. ever is false if it was never polled.
	Mailbox(ctx context.Context, account string) (messages int, octets int64, ever bool, err error)
}
