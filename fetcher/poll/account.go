package poll

import (
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/session"
)

// Account says how to reach one mailbox and what to do with its messages. It is not
// changed once it is visited.
type Account struct {
	// Name identifies the account in the ledger, in logs and as a folder.
	Name string
	// Endpoint says where the mailbox is and how to get there.
	session.Endpoint
	// Output says where its attachments go.
	delivery.Output
	Deletion
	Limits
	Quarantine
	// Interval is the time from the end of one visit to the start of the next.
	Interval time.Duration
	// SkipDuplicates records attachments whose bytes this account received
	// before, instead of writing them again.
	SkipDuplicates bool
	// Attempts is how often a message whose files can't be staged, while the disk is
	// well, or of which too little comes, is tried before it goes to quarantine. 0 is 3.
	Attempts int
	// FetchChangedUIDLs has a mailbox fetched again whose UIDLs all changed, which
	// otherwise stops the account with an [*identity.UIDLsChangedError].
	FetchChangedUIDLs bool
}

// Deletion says what is deleted on the server, and when.
type Deletion struct {
	// Delete removes a message from the server DeleteAfter after its first
	// delivery (0: in the same visit). Without Delete it stays.
	Delete      bool
	DeleteAfter time.Duration
	// DeleteEmpty deletes also messages without a delivered file, which otherwise stay.
	DeleteEmpty bool
	// CommitDeletions is after how many DELE a session says QUIT, which is what makes
	// them last (RFC 1939 section 6), before another one goes on. 0: all in one.
	CommitDeletions int
}

// deletesAtOnce reports whether messages are deleted by the visit that delivers them.
func (d *Deletion) deletesAtOnce() bool { return d.Delete && d.DeleteAfter <= 0 }

// Limits bound what is fetched.
type Limits struct {
	// MaxMessage is the most octets that are read of one message: a server that
	// never ends one would fill the disk. 0 is 4 GiB.
	MaxMessage int64
	// MaxMessageSize is the most octets of a message that is taken apart, 0 for no
	// limit, and Oversize what becomes of the others.
	MaxMessageSize int64
	Oversize       Oversize
	// MaxMessages and MaxBytes are the most that one visit fetches, 0 for no limit, but
	// one message at least. What is left comes with the next one.
	MaxMessages int
	MaxBytes    int64
}

// Quarantine bounds an account's quarantine.
type Quarantine struct {
	// QuarantineAge is after how long a message in quarantine is removed, and
	// QuarantineBytes how much may be there; 0 for no limit. What is removed, or does
	// not go there, stays on the server.
	QuarantineAge   time.Duration
	QuarantineBytes int64
}

// Oversize is what becomes of a message beyond Limits.MaxMessageSize.
type Oversize int

const (
	// OversizeSkip leaves it on the server, neither fetched nor recorded, so that
	// it comes once the limit is raised.
	OversizeSkip Oversize = iota
	// OversizeRaw saves it as it is, without taking it apart.
	OversizeRaw
)

// skips reports whether a message of this size is left on the server, unknown to the ledger.
func (l *Limits) skips(size int64) bool {
	return l.MaxMessageSize > 0 && size > l.MaxMessageSize && l.Oversize == OversizeSkip
}

// defaultMaxMessage is far beyond what any server accepts.
const defaultMaxMessage = 4 << 30

func (l *Limits) maxMessage() int64 {
	if l.MaxMessage <= 0 {
		return defaultMaxMessage
	}
	return l.MaxMessage
}

// defaultAttempts leaves a fault that passes two visits to do so.
const defaultAttempts = 3

func (a *Account) maxAttempts() int {
	if a.Attempts <= 0 {
		return defaultAttempts
	}
	return a.Attempts
}

// Identity is what the identity of the account's messages hangs on.
func (a *Account) Identity() identity.Account {
	is := identity.Account{
		Name: a.Name, Owner: a.Owner(), Addr: a.Addr, Delete: a.Delete, DeleteAfter: a.DeleteAfter, DeleteEmpty: a.DeleteEmpty,
		MostDeletions: a.CommitDeletions, FetchChangedUIDLs: a.FetchChangedUIDLs,
	}
	if a.Oversize == OversizeSkip {
		is.SkipBeyond = a.MaxMessageSize
	}
	return is
}

func (a *Account) delivery() delivery.Policy {
	return delivery.Policy{
		SkipDuplicates: a.SkipDuplicates, Delete: a.Delete, AtOnce: a.deletesAtOnce(), Empty: a.DeleteEmpty,
		QuarantineAge: a.QuarantineAge, QuarantineBytes: a.QuarantineBytes,
	}
}
