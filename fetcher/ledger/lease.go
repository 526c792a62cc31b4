package ledger

import (
	"errors"
	"sync"
)

// Errors of leases.
var (
	// ErrLeased: somebody else works on the account at the moment.
	ErrLeased = errors.New("another attachd process is polling this account")
	// ErrFenced: a write was refused, as its lease is not the newest one of the account, or of another account.
	ErrFenced = errors.New("another attachd process has taken over this account")
)

// Lease is the right to work on an account: to poll its mailbox, finish what was staged for it, or change what is
// known of it. One process has it at a time.
type Lease struct {
	Account string
	// Token is larger than that of every lease of the account before. A process that was stopped for a while may believe
	// in a lease that ended long ago. What it writes is refused by this number: it is the fencing token.
	Token int64

	release func() error
}

// NewLease returns a lease for an implementation of a ledger. release ends it there, and is called once.
func NewLease(account string, token int64, release func() error) *Lease {
	return &Lease{account, token, sync.OnceValue(release)}
}

// Release ends the lease. Further calls return what the first one did.
func (l *Lease) Release() error { return l.release() }
