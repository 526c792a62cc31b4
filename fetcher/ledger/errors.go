package ledger

import (
	"errors"
	"fmt"
)

// Errors of every ledger that is kept in a file, wrapped in a text that says what to do. A full disk is
// [syscall.ENOSPC].
var (
	// ErrDamaged: the file is not whole any more.
	ErrDamaged = errors.New("damaged")
	// ErrForeign: the file is a database, and no ledger.
	ErrForeign = errors.New("a database of another program")
	// ErrNewer: the file was written by a later version of attachd.
	ErrNewer = errors.New("newer schema")
	// ErrReadOnly: the file or its folder can't be written.
	ErrReadOnly = errors.New("read-only")
)

// ErrKnown: an account has messages of its own in the ledger.
var ErrKnown = errors.New("it has messages of its own")

// TransitionError refuses a change that the state of a message does not allow. It
// tells of a mistake in the caller, who would else deliver twice or delete too early.
type TransitionError struct {
	Account  string
	Key      Key
	From, To State // From is "" for a message that the ledger does not know
}

// Error names the message and both states.
func (e *TransitionError) Error() string {
	from := string(e.From)
	if from == "" {
		from = "unknown"
	}
	return fmt.Sprintf("message %q (%d octets) of account %s is %s and can't become %s", e.Key.UIDL, e.Key.Size, e.Account, from, e.To)
}
