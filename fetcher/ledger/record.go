package ledger

import "time"

// Record is what the ledger answers of one message.
type Record struct {
	Key
	State       State
	Delivered   time.Time // zero before the first delivery, and when that is not known, see Ledger.Adopt
	Attempts    int       // failed ones: to retrieve it and, once it was delivered, to delete it
	NextAttempt time.Time // of a failed one
	Reason      string    // of its last failure; of an Unread one, why a copy of it is missing, if that is known
	Missed      int       // 0 when it was listed last, see Ledger.Missed
	// Files is how many files of it were delivered, attachments that were left out as received before included;
	// [Vouched] where somebody answers for it. Unread is as in [Message].
	Files  int
	Unread bool
}

// Vouched is the [Record].Files of a message of which nobody counted the files, and for whose deletion somebody
// answers: with attachd quarantine drop, or attachd state rebuild --delete.
const Vouched = -1

// Deletable reports whether a message that was delivered may be deleted on the server: one of which a file was
// delivered, or with empty any, and never one that is kept nowhere else and could not be read right.
func (r Record) Deletable(empty bool) bool { return (empty || r.Files != 0) && !r.Unread }

// Match returns the record of the message of this size among the records of one
// UIDL. An unknown size, on either side, matches any: the alternative is to deliver
// twice whatever was delivered before its size was known. A settled record
// is preferred over a failed one, then the same size over an unknown one, then
// the order of records, which Ledger.Lookup returns newest first.
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

// Listed is a message of a server's listing, with what its header tells if that was asked for.
type Listed struct {
	Key
	Identity
}

// Known is which of some messages an account has received before, by what their headers tell.
type Known struct {
	// Headers are the digests that are known.
	Headers map[[32]byte]bool
	// MessageIDs are those that are known (without brackets): true for one whose header is not.
	MessageIDs map[string]bool
}

// Due is how many messages of an account a poll would delete, and how many it would if they were [Record.Deletable].
type Due struct{ Deleted, Empty, Unread int }

// Summary is what the ledger holds of one account.
type Summary struct {
	Account string
	Count   map[State]int
	// Unknown is how many of the delivered ones are so only by Ledger.Adopt, to be kept on the server.
	Unknown int
	// Oldest and Newest are when messages were first seen, Delivered when one was delivered last; zero without any.
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
	Exact       time.Time // then a message last came with as many octets as LIST had said
	// LoginDelay is the least time between two logins that it announces, to the millisecond; see SetLoginDelay.
	LoginDelay time.Duration
}
