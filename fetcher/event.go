package fetcher

import "github.com/attachd/attachd/fetcher/ledger"

// Event is one of [LoggedIn], [Listed], [Retrieved], [Delivered], [Deleted] and
// [Done], sent to Supervisor.Observe as a poll goes along.
type Event interface{ event() }

// LoggedIn says that an account's poll has logged in.
type LoggedIn struct {
	Account, Addr, Mechanism string
	// TLS is the protocol version, "" without TLS.
	TLS string
}

// Listed says what a poll found: how many messages the server holds and how
// many of them, of how many octets, it is about to retrieve. Octets is what the
// server claims, for display only.
type Listed struct {
	Account       string
	Messages, New int
	Octets        int64
}

// Retrieved says that the bytes of one message have been read and staged.
type Retrieved struct {
	Account, UIDL string
	Octets        int64
	Attachments   int
}

// Delivered says that one attachment stands durable under its final name.
type Delivered struct {
	Account, UIDL string
	Attachment    ledger.Attachment
}

// Deleted says that the server confirmed the deletion of messages.
type Deleted struct {
	Account  string
	Messages int
}

// Done says that a poll ended; Err is nil when all went well, and an [*IncompleteError] when only some messages failed.
type Done struct {
	Account string
	Err     error
}

func (LoggedIn) event()  {}
func (Listed) event()    {}
func (Retrieved) event() {}
func (Delivered) event() {}
func (Deleted) event()   {}
func (Done) event()      {}
