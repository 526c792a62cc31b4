package mailbox

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Refusal is the error of a store that refuses one request; the session goes on.
// It is -ERR of POP3 (RFC 1939 section 3) and NO of IMAP (RFC 9051 section 7.1.2).
// Its text holds the store's words, safe to print.
type Refusal interface {
	error
	// Busy says that another session has the mailbox, which is over soon.
	Busy() bool
	// Throttled says that the store wants to be asked less often, or for less.
	Throttled() bool
	// Temporary says that the same request may succeed later; in doubt it may.
	Temporary() bool
	// Wait is how long the store's words want it to be left alone, 0 if they do not say.
	Wait() time.Duration
	// Unexplained says that no response code says why: the store may not know the
	// request at all.
	Unexplained() bool
	// Trouble says that a response code tells of a fault of the session, the login or
	// the store, so that the refusal says nothing of what was asked.
	Trouble() bool
	// Passing and Lasting say that a response code tells of a fault of the store
	// that goes by itself, or that somebody has to mend.
	Passing() bool
	Lasting() bool
}

// Refused returns the refusal that err is or wraps.
func Refused(err error) (Refusal, bool) { return errors.AsType[Refusal](err) }

// Fault is the error of a store that does not keep to its protocol. The session
// is over.
type Fault interface {
	error
	// OutOfStep says that something else stood where a reply must.
	OutOfStep() bool
	// EndlessLine and EndlessList say that a line or a list exceeded its limit.
	EndlessLine() bool
	EndlessList() bool
}

// OutOfStep reports whether err says that a store fell out of step with what it
// was asked.
func OutOfStep(err error) bool {
	fault, ok := errors.AsType[Fault](err)
	return ok && fault.OutOfStep()
}

// EndlessLine reports whether err says that a line of the store did not end.
func EndlessLine(err error) bool {
	fault, ok := errors.AsType[Fault](err)
	return ok && fault.EndlessLine()
}

// EndlessList reports whether err says that a list of the store did not end.
func EndlessList(err error) bool {
	fault, ok := errors.AsType[Fault](err)
	return ok && fault.EndlessList()
}

// StepError is the [Fault] of a store that fell out of step, as a poll finds it
// out by comparing replies.
type StepError struct{ Detail string }

// Error returns the kind of fault and what was seen.
func (e *StepError) Error() string { return "out of step with the server: " + e.Detail }

// OutOfStep reports true.
func (e *StepError) OutOfStep() bool { return true }

// EndlessLine reports false.
func (e *StepError) EndlessLine() bool { return false }

// EndlessList reports false.
func (e *StepError) EndlessList() bool { return false }

// Broken reports whether err is a connection that ended, or went out of step, in
// the middle of things: a bug of the server may be the cause.
func Broken(err error) bool {
	var network net.Error
	if errors.As(err, &network) {
		// An error of the disk has the methods of one of the network.
		if _, bare := network.(syscall.Errno); !bare {
			return true
		}
	}
	_, fault := errors.AsType[Fault](err)
	return fault || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
