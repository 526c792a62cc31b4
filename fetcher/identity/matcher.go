package identity

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Account is what the identity of messages hangs on.
type Account struct {
	// Name identifies the account in the ledger. Owner is whose mailbox it is, and
	// Addr the server's address, for errors.
	Name, Owner, Addr string
	// Delete removes a message from the server DeleteAfter after its first delivery
	// (0: in the same poll), and DeleteEmpty also one of which no file was delivered.
	Delete      bool
	DeleteAfter time.Duration
	DeleteEmpty bool
	// MostDeletions is how many messages one session may delete, 0 for no limit.
	MostDeletions int
	// SkipBeyond is the most octets of a message that is not left on the server,
	// unknown to the ledger; 0 for no limit.
	SkipBeyond int64
	// FetchChangedUIDLs has a mailbox fetched again whose UIDLs all changed.
	FetchChangedUIDLs bool
}

// DeletesAtOnce reports whether messages are deleted by the poll that delivers them.
func (a *Account) DeletesAtOnce() bool { return a.Delete && a.DeleteAfter <= 0 }

// Skips reports whether a message of this size is left on the server, unknown to the ledger.
func (a *Account) Skips(size int64) bool { return a.SkipBeyond > 0 && size > a.SkipBeyond }

// Manner is how simply a store is asked what it holds, as one that breaks at one
// question may do well with another.
type Manner struct {
	// OneByOne asks for the key of each message alone, and not for those of Muted
	// numbers, for which the reply did not end.
	OneByOne bool
	Muted    map[int]bool
	// WithoutSizes asks no LIST, and WithoutHeaders no TOP.
	WithoutSizes, WithoutHeaders bool
	// SizesAsked says that LIST was asked ahead, so that its reply must be read.
	SizesAsked bool
}

// Visited is what the visit before recorded of the mailbox.
type Visited struct {
	// Ever is false when there was none.
	Ever bool
	// Octets is what STAT said last.
	Octets int64
	// Oversized are the octets of messages that were left for their size, by UIDL.
	Oversized map[string]int64
}

// Envelopes is told the headers that are read on the way, for who remembers whose
// message a UIDL is.
type Envelopes interface {
	Header(k ledger.Key, header []byte)
	// Rename says that what was told of one key is of another.
	Rename(from, to ledger.Key)
}

// Matcher tells apart the messages of one session. Fill in the first group of fields,
// then call List, and the rest as messages are retrieved. It belongs to one goroutine.
type Matcher struct {
	Account Account
	// Ledger is nil for one that was not made yet: all is new.
	Ledger  Ledger
	Mailbox mailbox.Mailbox
	Manner  Manner
	Visited Visited
	Log     zerolog.Logger
	Now     func() time.Time
	// Hold, unless nil, is asked for leave to hold so many bytes of a listing.
	Hold func(bytes int64) error
	// Spared, unless nil, reports whether a message is not to be deleted for now.
	Spared func(ledger.Key) bool
	// Envelopes may be nil.
	Envelopes Envelopes

	// Listing, Difference and Stat are what List found.
	Listing    *Listing
	Difference Difference
	Stat       Stat
	// More says that something is left that another session can do at once.
	More bool
	// Endless is what did not end, if List fails for that; AtHeaders says that the
	// line broke while headers were asked for.
	Endless   Endless
	AtHeaders bool

	doubts  doubts
	missing missing
	// listedAgain are there although they were deleted, as far as is known.
	listedAgain []ledger.Key
}

// Stat is what the store counts.
type Stat struct {
	Messages int
	Octets   int64
}

// doubts are about messages that may be other ones than those recorded.
type doubts struct {
	settled    bool               // nothing is new and nothing to be deleted, by the keys alone
	refused    error              // LIST was, which a mailbox that is settled does without
	noHeaders  bool               // the store was not asked for headers, or refused
	renumbered bool               // another message has the UIDL of one that was delivered
	same       map[int]ledger.Key // by number: messages that may be the ones recorded
	examined   map[int]bool       // by number: those that were looked at
	overdue    map[int]bool       // by number: those to be deleted if they are the ones recorded
}

// missing is about messages that should be there and are not listed.
type missing struct {
	some    bool           // there are some: what is new may be one of them
	byBytes bool           // some of them had no UIDL
	renamed []ledger.Key   // of these, as they were called before they had a UIDL
	twins   map[string]int // how many messages without a UIDL have the same digest
}

// Doubtful returns the key of the message that the one of this number may be.
func (x *Matcher) Doubtful(number int) (k ledger.Key, ok bool) {
	k, ok = x.doubts.same[number]
	return k, ok
}

// Overdue reports whether the message of this number is to be deleted if it is the
// one recorded.
func (x *Matcher) Overdue(number int) bool { return x.doubts.overdue[number] }

// ListedAgain returns the messages that are there although they were deleted, as far
// as is known.
func (x *Matcher) ListedAgain() []ledger.Key { return x.listedAgain }

// Renumbered reports whether the UIDL of a message that was delivered is another's.
func (x *Matcher) Renumbered() bool { return x.doubts.renumbered }

func (x *Matcher) isSpared(k ledger.Key) bool { return x.Spared != nil && x.Spared(k) }
