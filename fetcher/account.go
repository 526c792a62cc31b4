package fetcher

import (
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/session"
)

// Account says how to reach one mailbox and what to do with its messages. It is
// not changed once it is given to a [Supervisor].
type Account struct {
	// Name identifies the account in the ledger, in logs and as a folder.
	Name string
	// Endpoint says where the mailbox is and how to get there.
	session.Endpoint
	// Output says where its attachments go.
	delivery.Output
	// Interval is the time from the end of one poll to the start of the next, give
	// or take up to Jitter.
	Interval, Jitter time.Duration
	// Delete removes a message from the server DeleteAfter after its first
	// delivery (0: in the same poll). Without Delete it stays.
	Delete      bool
	DeleteAfter time.Duration
	// DeleteEmpty deletes also messages of which no file was delivered, which otherwise stay.
	DeleteEmpty bool
	// SkipDuplicates records attachments whose bytes this account received
	// before, instead of writing them again.
	SkipDuplicates bool
	// Attempts is how often a message whose files can't be staged, while the disk is
	// well, or of which too little comes, is tried before it goes to quarantine. 0 is 3.
	Attempts int
	// MaxMessage is the most octets that are read of one message: a server that
	// never ends one would fill the disk. 0 is 4 GiB.
	MaxMessage int64
	// FetchChangedUIDLs has a mailbox fetched again whose UIDLs all changed, which
	// otherwise stops the account with an [*UIDLsChangedError].
	FetchChangedUIDLs bool
	// MaxMessageSize is the most octets of a message that is taken apart, 0 for no
	// limit, and Oversize what becomes of the others.
	MaxMessageSize int64
	Oversize       Oversize
	// MaxMessages and MaxBytes are the most that one poll fetches, 0 for no limit, but one message at least.
	// What is left comes with the next one.
	MaxMessages int
	MaxBytes    int64
	// CommitDeletions is after how many DELE a poll says QUIT, which is what makes
	// them last (RFC 1939 section 6), and comes again for the rest. 0: all in one.
	CommitDeletions int
	// QuarantineAge is after how long a message in quarantine is removed, and QuarantineBytes how much may be there; 0 for no limit. What is
	// removed, or does not go there, stays on the server.
	QuarantineAge   time.Duration
	QuarantineBytes int64
	// Version is compared with == when accounts are replaced: an account whose
	// Version is the same keeps running undisturbed. It must be comparable.
	Version any
}

// deletesAtOnce reports whether messages are deleted by the poll that delivers them.
func (a *Account) deletesAtOnce() bool { return a.Delete && a.DeleteAfter <= 0 }
