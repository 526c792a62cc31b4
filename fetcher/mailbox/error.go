package mailbox

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Refusal is the error of a store that refuses one request; the session goes on. POP3 says -ERR
// (RFC 1939 section 3), and IMAP says NO (RFC 9051 section 7.1.2). The text of the error holds the
// store's words, safe to print. Response codes are those of RFC 2449 section 8 and RFC 3206 section
// 4.
type Refusal interface {
	error
	// Busy reports whether another session has the mailbox (IN-USE). It is free again soon.
	Busy() bool
	// Throttled reports whether the store wants to be asked less often, or for less.
	Throttled() bool
	// Wait returns how long the store's words ask the client to wait, 0 if they do not say.
	Wait() time.Duration
	// Unexplained reports whether the refusal has no response code. The store may not know the
	// request at all.
	Unexplained() bool
	// Trouble reports whether a response code names a fault of the session, the login or the store.
	// Such a refusal says nothing about the message that was asked for.
	Trouble() bool
	// Passing reports whether a response code names a fault of the store that goes by itself
	// (SYS/TEMP).
	Passing() bool
	// Lasting reports whether a response code names a fault of the store that somebody must mend
	// (SYS/PERM).
	Lasting() bool
}

// Refused returns the refusal that err is or wraps.
func Refused(err error) (Refusal, bool) { return errors.AsType[Refusal](err) }

// Fault is the error of a store that breaks its protocol. The session is over.
type Fault interface {
	error
	// OutOfStep reports whether something else came where a reply must stand.
	OutOfStep() bool
	// EndlessLine reports whether a line exceeded its limit.
	EndlessLine() bool
	// EndlessList reports whether a list exceeded its limit.
	EndlessList() bool
}

// OutOfStep reports whether err is or wraps the [Fault] of a store whose replies do not belong to
// the requests.
func OutOfStep(err error) bool {
	fault, ok := errors.AsType[Fault](err)
	return ok && fault.OutOfStep()
}

// EndlessLine reports whether err is or wraps the [Fault] of a line beyond its limit.
func EndlessLine(err error) bool {
	fault, ok := errors.AsType[Fault](err)
	return ok && fault.EndlessLine()
}

// EndlessList reports whether err is or wraps the [Fault] of a list beyond its limit.
func EndlessList(err error) bool {
	fault, ok := errors.AsType[Fault](err)
	return ok && fault.EndlessList()
}

// StepError is the [Fault] of a store that is out of step. A poll returns it when two replies
// contradict each other. Detail says which.
type StepError struct{ Detail string }

// Error returns "out of step with the server: DETAIL".
func (e *StepError) Error() string { return "out of step with the server: " + e.Detail }

// OutOfStep reports true.
func (e *StepError) OutOfStep() bool { return true }

// EndlessLine reports false.
func (e *StepError) EndlessLine() bool { return false }

// EndlessList reports false.
func (e *StepError) EndlessList() bool { return false }

// Broken reports whether err ended the connection in the middle of things: a network error, an
// early end or a [Fault]. A bug of the server may be the cause.
func Broken(err error) bool {
	var network net.Error
	if errors.As(err, &network) {
		// syscall.Errno has the methods of net.Error, also when the disk failed.
		if _, bare := network.(syscall.Errno); !bare {
			return true
		}
	}
	_, fault := errors.AsType[Fault](err)
	return fault || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
