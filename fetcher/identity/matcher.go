package identity

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Account is what the identity of an account's messages depends on.
type Account struct {
	// Name identifies the account in the ledger.
	Name string
	// Owner names the mailbox, for [CheckName].
	Owner string
	// Addr is the server's address, for errors.
	Addr string
	// Delete removes a message from the server DeleteAfter after its first delivery (0: in the
	// same poll).
	Delete      bool
	DeleteAfter time.Duration
	// DeleteEmpty also deletes messages without a delivered file, which otherwise stay.
	DeleteEmpty bool
	// MostDeletions is how many messages one session may delete, 0 for no limit.
	MostDeletions int
	// SkipBeyond is the size in octets beyond which a message is left on the server and not
	// recorded; 0 for no limit.
	SkipBeyond int64
	// FetchChangedUIDLs has a mailbox fetched again when all of its UIDLs have changed.
	FetchChangedUIDLs bool
	// Start is what is fetched of the mail that was there before the first visit.
	Start Start
}

// DeletesAtOnce reports whether the poll that delivers a message also deletes it.
func (a *Account) DeletesAtOnce() bool { return a.Delete && a.DeleteAfter <= 0 }

// Skips reports whether a message of this size, in octets, is left on the server and not
// recorded.
func (a *Account) Skips(size int64) bool { return a.SkipBeyond > 0 && size > a.SkipBeyond }

// Manner is how a store is asked what it holds. A server that breaks at one question may answer
// another. The zero Manner asks everything of all messages at once.
type Manner struct {
	// OneByOne asks for the UIDL of each message alone.
	OneByOne bool
	// Muted are the numbers of messages whose UIDL is not asked for, because the reply did not
	// end before.
	Muted map[int]bool
	// WithoutSizes asks no LIST.
	WithoutSizes bool
	// WithoutHeaders asks no TOP.
	WithoutHeaders bool
	// SizesAsked means that LIST was sent ahead. Its reply must be read.
	SizesAsked bool
}

// Visited is what the visit before recorded of the mailbox.
type Visited struct {
	// Ever is false if there was no visit before.
	Ever bool
	// Octets is the answer to the last STAT.
	Octets int64
	// Oversized has the octets, by UIDL, of messages that were left because of their size.
	Oversized map[string]int64
}

// Envelopes is told the headers that the comparison reads, for the log lines of deletions.
type Envelopes interface {
	// Header tells the header of the message of a key. It is good until Header returns.
	Header(k ledger.Key, header []byte)
	// Rename moves what was told of one key to another.
	Rename(from, to ledger.Key)
}

// Matcher tells apart the messages of one session. Fill in the fields of the first group, call
// [Matcher.List], and then [Matcher.Identify] for each message that is retrieved. A Matcher
// belongs to one goroutine.
type Matcher struct {
	Account Account
	// Ledger is nil if the ledger was not made yet: all messages are new.
	Ledger  Ledger
	Mailbox mailbox.Mailbox
	Manner  Manner
	Visited Visited
	Log     zerolog.Logger
	// Now tells the time.
	Now func() time.Time
	// Hold, unless nil, is asked for leave to hold so many bytes of a listing.
	Hold func(bytes int64) error
	// Spared, unless nil, reports whether a message is not to be deleted for now.
	Spared func(ledger.Key) bool
	// Envelopes, unless nil, is told the headers.
	Envelopes Envelopes

	// Listing, Difference and Stat are what List found.
	Listing    *Listing
	Difference Difference
	Stat       Stat
	// More means that List left some deletions. Another session can follow at once.
	More bool
	// Endless says where a reply did not end, if List fails because of that.
	Endless Endless
	// AtHeaders says that List failed while it waited for headers.
	AtHeaders bool

	doubts  doubts
	missing missing
	// listedAgain are messages that are listed although they were deleted or missed.
	listedAgain []ledger.Key
}

// Stat is the answer to STAT: how many messages the store counts, and their octets together
// (RFC 1939 section 5).
type Stat struct {
	Messages int
	Octets   int64
}

// doubts are about messages that may be other ones than those recorded.
type doubts struct {
	settled    bool               // by the keys alone, nothing is new and nothing due to be deleted
	refused    error              // why LIST was refused, for a settled mailbox, which does without
	noHeaders  bool               // TOP is not sent, or the server refused it
	renumbered bool               // another message has the UIDL of one that was delivered
	same       map[int]ledger.Key // by number: keys of the messages that these may be
	examined   map[int]bool       // by number: messages whose headers were compared
	overdue    map[int]bool       // by number: messages to delete if they are the ones recorded
	undated    map[int]bool       // by number: messages whose date decides, and TOP did not tell it
	before     time.Time          // the account's start: what such a date is compared with
	// headless, by number, are the recorded headers of overdue messages, where the server kept
	// back the one to compare.
	headless map[int]ledger.Identity
}

// missing is about messages that should be listed and are not.
type missing struct {
	some    bool           // there are such messages: a new one may be one of them
	kinds   []digest.Kind  // of digests to know messages by, nil as long as nobody asked
	byBytes bool           // some of them are known by their digest
	renamed []ledger.Key   // digest keys of those that are listed with a UIDL now
	twins   map[string]int // how many messages of this session share a digest
}

// Doubtful returns the key of the recorded message that the message of this number may be. ok
// is false if there is no doubt about it.
func (x *Matcher) Doubtful(number int) (k ledger.Key, ok bool) {
	k, ok = x.doubts.same[number]
	return k, ok
}

// Overdue reports whether the message of this number is to be deleted if it turns out to be the
// one recorded.
func (x *Matcher) Overdue(number int) bool { return x.doubts.overdue[number] }

// ListedAgain returns the messages that are listed although they were deleted or missed, as far
// as is known by now.
func (x *Matcher) ListedAgain() []ledger.Key { return x.listedAgain }

// Renumbered reports whether the UIDL of a message that was delivered belongs to another one
// now.
func (x *Matcher) Renumbered() bool { return x.doubts.renumbered }

func (x *Matcher) isSpared(k ledger.Key) bool { return x.Spared != nil && x.Spared(k) }
