package poll

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/session"
)

// Account says how to reach one mailbox and what to do with its messages. It must not change
// while it is visited.
type Account struct {
	// Name identifies the account in the ledger and in logs, and names its folder.
	Name string
	// Endpoint says where the mailbox is and how to get there.
	session.Endpoint
	// OpenSession opens a session with the mail store, as its Endpoint does over POP3; nil is
	// that. It always returns a session: with an error, the session tells how far it came.
	OpenSession func(ctx context.Context, o session.Options) (*session.Session, error)
	// Output says where the attachments go.
	delivery.Output
	Deletion
	Limits
	Quarantine
	// Start says what is fetched of the mail that is on the server before the account is visited
	// for the first time. Once it was visited, another Start changes nothing.
	Start identity.Start
	// Interval is the time from the end of one visit to the start of the next.
	Interval time.Duration
	// SkipDuplicates records attachments that this account received before, byte for byte,
	// instead of writing them again.
	SkipDuplicates bool
	// Attempts is how often a message is tried before it goes to quarantine, if its files can't
	// be staged while the disk is well, or if it comes truncated. 0 is 3.
	Attempts int
	// FetchChangedUIDLs has a mailbox fetched again if all of its UIDLs have changed. Otherwise
	// that stops the account with an [*identity.UIDLsChangedError].
	FetchChangedUIDLs bool
}

// Deletion says what is deleted on the server, and when.
type Deletion struct {
	// Delete has messages deleted DeleteAfter after their first delivery (0: in the same
	// visit). Without it they stay on the server.
	Delete      bool
	DeleteAfter time.Duration
	// DeleteEmpty also deletes messages without a delivered file, which otherwise stay.
	DeleteEmpty bool
	// CommitDeletions is how many DELE a session sends before it makes them last with QUIT (RFC
	// 1939 section 6). Another session then goes on. 0 sends all in one session.
	CommitDeletions int
}

// deletesAtOnce reports whether the visit that delivers a message also deletes it.
func (d *Deletion) deletesAtOnce() bool { return d.Delete && d.DeleteAfter <= 0 }

// Limits bound what is fetched.
type Limits struct {
	// MaxMessage is how many octets are read of one message at most: a server that never ends
	// one would fill the disk. 0 is 4 GiB.
	MaxMessage int64
	// MaxMessageSize is the size, in octets as LIST says, up to which messages are taken apart;
	// 0 for no limit.
	MaxMessageSize int64
	// Oversize says what becomes of larger messages.
	Oversize Oversize
	// MaxMessages is how many messages one visit fetches at most, 0 for no limit. The rest
	// comes with the next visit.
	MaxMessages int
	// MaxBytes is how many octets one visit fetches at most, 0 for no limit. The first message
	// is fetched however large it is.
	MaxBytes int64
}

// Quarantine bounds an account's quarantine. What is removed from it, or finds no room in it,
// stays on the server.
type Quarantine struct {
	// QuarantineAge is after how long a message in quarantine is removed, 0 for never.
	QuarantineAge time.Duration
	// QuarantineBytes is how many bytes may be in quarantine, 0 for no limit.
	QuarantineBytes int64
}

// Oversize is what becomes of a message larger than Limits.MaxMessageSize.
type Oversize int

const (
	// OversizeSkip leaves it on the server and does not record it, so that it is fetched once
	// the limit is raised.
	OversizeSkip Oversize = iota
	// OversizeRaw saves it as it is, without taking it apart.
	OversizeRaw
)

// defaultMaxMessage is far beyond what any server accepts.
const defaultMaxMessage = 4 << 30

func (l *Limits) maxMessage() int64 {
	if l.MaxMessage <= 0 {
		return defaultMaxMessage
	}
	return l.MaxMessage
}

// defaultAttempts gives a passing fault two more visits.
const defaultAttempts = 3

func (a *Account) maxAttempts() int {
	if a.Attempts <= 0 {
		return defaultAttempts
	}
	return a.Attempts
}

// Identity returns what the identity of the account's messages depends on.
func (a *Account) Identity() identity.Account {
	is := identity.Account{
		Name: a.Name, Owner: a.Owner(), Addr: a.Addr, Delete: a.Delete, DeleteAfter: a.DeleteAfter, DeleteEmpty: a.DeleteEmpty,
		MostDeletions: a.CommitDeletions, FetchChangedUIDLs: a.FetchChangedUIDLs, Start: a.Start,
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

// openSession opens a session with the account's store.
func (a *Account) openSession(ctx context.Context, o session.Options) (*session.Session, error) {
	if a.OpenSession != nil {
		return a.OpenSession(ctx, o)
	}
	return a.Endpoint.Open(ctx, o)
}

// openEither does so for who looks once: without CAPA where that breaks the connection.
func (a *Account) openEither(ctx context.Context, o session.Options) (*session.Session, error) {
	if a.OpenSession != nil {
		return a.OpenSession(ctx, o)
	}
	return a.Endpoint.OpenEither(ctx, o)
}
