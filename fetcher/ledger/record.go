package ledger

import "time"

// LongestWait is the longest time that anything waits until a time on record.
const LongestWait = 24 * time.Hour

// Waits reports whether something waits until a time on record. A time that is further ahead than
// LongestWait was recorded while the clock was ahead, and says nothing.
func Waits(now, until time.Time) bool {
	return now.Before(until) && until.Sub(now) <= LongestWait
}

// Record is the answer of a ledger about one message.
type Record struct {
	Key
	State       State
	Delivered   time.Time // zero before the first delivery, and if that is not known
	Attempts    int       // failed ones: to retrieve it and, once it was delivered, to delete it
	NextAttempt time.Time // of a failed one; of a delivered one, when it may be deleted
	Reason      string    // of its last failure; of an Unread one, why it has no copy
	Missed      int       // 0 when it was listed last, see Ledger.Missed
	// Files is how many files of it were delivered, including attachments that were left out as
	// received before; [Vouched] where somebody answers for it. Unread is as in [Message].
	Files  int
	Unread bool
	// Skipped says that the message was on the server before the account's start. It is settled
	// without having been delivered, and is never deleted. A Failed one may have been there: its
	// date is not known yet.
	Skipped bool
}

// Vouched is the Files of a [Record] where nobody counted the files and somebody answers for the
// deletion of the message, by attachd quarantine drop or attachd state rebuild --delete.
const Vouched = -1

// Deletable reports whether a message that was delivered may be deleted on the server. It may if a
// file of it was delivered, or with empty in any case. It may not if something of it could not be
// read right and no copy of it is kept, or if it was never fetched.
func (r Record) Deletable(empty bool) bool { return (empty || r.Files != 0) && !r.Unread && !r.Skipped }

// Match returns the record of the message of this size among the records of one UIDL. An unknown
// size, on either side, matches any: the alternative is to deliver twice what was delivered before
// its size was known. Preferred are, in this order:
//
//   - a settled record over a failed one
//   - the same size over an unknown one
//   - the order of records; a ledger looks them up newest first
func Match(records []Record, size int64) (Record, bool) {
	best, rank := Record{}, 0
	for _, r := range records {
		if r.Size != size && r.Size >= 0 && size >= 0 {
			continue
		}
		n := 1
		if r.State != Failed {
			n += 2
		}
		if r.Size == size {
			n++
		}
		if n > rank {
			best, rank = r, n
		}
	}
	return best, rank > 0
}

// Listed is a message of a server's listing, with the identity from its header if that was asked
// for.
type Listed struct {
	Key
	Identity
}

// Known says which identities an account has received before.
type Known struct {
	// Headers are the digests that are known.
	Headers map[[32]byte]bool
	// MessageIDs are those that are known (without brackets). The value is true where a message was
	// recorded without the digest of its header.
	MessageIDs map[string]bool
}

// Start is what is recorded of the start of an account: of the moment from which on its mail is
// fetched.
type Start struct {
	// First says that nothing but skipped messages was ever recorded of the account, and no start.
	First bool
	// Set says that the start was applied, or given up.
	Set bool
	// Before is the start: what arrived before it is not fetched. It is zero where all is.
	Before time.Time
	// Skipped is how many messages are recorded that were there before, or may have been.
	Skipped int
}

// Due counts messages of an account: those that a poll would delete, those that stay as no file of
// them was delivered, and those that stay as they are Unread.
type Due struct{ Deleted, Empty, Unread int }

// Summary is what the ledger holds of one account.
type Summary struct {
	Account string
	Count   map[State]int
	// Unknown is how many of the delivered ones were only adopted, and are to be kept on the
	// server.
	Unknown int
	// Skipped is how many messages were there before the account's start, or may have been. Count
	// has none of them.
	Skipped int
	// TooLarge is how many messages the last visit left on the server for their size.
	TooLarge int
	// Oldest and Newest are when messages were first seen, Delivered when the last delivery was;
	// zero without any.
	Oldest, Newest, Delivered time.Time
}

// Destination is where an account's files went.
type Destination struct {
	Place  string // the folder, by its path; "" if that is not known
	Folder string // what tells that folder from another one in its place
	// Generation is how many groups of the account were staged.
	Generation int64
}

// Host is what is known of a server. A zero time says nothing.
type Host struct {
	Unpipelined time.Time // until then it is spoken to without pipelining
	WithoutCapa time.Time // until then, without CAPA
	LoginAlone  time.Time // until then nothing is sent with the login, and its commands one by one
	Exact       time.Time // then a message last came with as many octets as LIST had said
	// Together is what its greetings have in common, if it answered all that was sent with the
	// login, and "" otherwise. SetHost leaves it where it is "", and ForgetTogether removes it.
	Together string
	// LoginDelay is the least time between two logins that it announces (RFC 2449 section 6.5), to
	// the millisecond. SetHost leaves it: SetLoginDelay records it.
	LoginDelay time.Duration
}
