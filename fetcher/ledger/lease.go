package ledger

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Errors of leases.
var (
	// ErrLeased: another process works on the account at the moment.
	ErrLeased = errors.New("another attachd process is polling this account")
	// ErrFenced: a write was refused. It came under a lease that is not the newest one of its
	// account.
	ErrFenced = errors.New("another attachd process has taken over this account")
)

// Lease is the right to work on an account: to poll its mailbox, finish what was staged for it, or
// change what is known of it. One process has it at a time.
type Lease struct {
	Account string
	// Token is larger than the token of every lease that another process took before: it is the
	// fencing token. A process that was stopped for a while may still believe in a lease that ended
	// long ago; its writes are refused by this number. Leases of one process that follow one
	// another may share a token, if no other process came between them.
	Token int64

	release func() error
	ended   atomic.Bool
}

// NewLease returns a lease. It is for implementations of a ledger: release ends the lease there,
// and is called once at most.
func NewLease(account string, token int64, release func() error) *Lease {
	return &Lease{Account: account, Token: token, release: sync.OnceValue(release)}
}

// Release ends the lease. What the ledger has kept back of the account is written before; an error
// of that is returned, and the lease has ended all the same. Further calls return what the first
// one did.
func (l *Lease) Release() error {
	l.ended.Store(true)
	return l.release()
}

// Ended reports whether the lease was released. Nothing may be written under it then.
func (l *Lease) Ended() bool { return l.ended.Load() }
