// Package event is what polls say of themselves as they go along, for whoever shows,
// counts or tells it. Events of one account come in this order, over and over:
//
//   - [Waiting], once its time has come;
//   - [Started], once it has a slot;
//   - [LoggedIn], [Listed], [Retrieved], [Delivered], [Deleted], as often as there are
//     sessions, messages and attachments;
//   - [Done];
//   - [Scheduled], unless accounts are polled only once.
//
// They are sent from many goroutines at once. Who receives them must return soon, as
// the poll waits. A [Recorder] makes of them what each account does at the moment.
package event

import (
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Event is one of the types of this package.
type Event interface{ event() }

// Waiting says that an account is to be polled and waits for a slot.
type Waiting struct{ Account string }

// Started says that an account's poll has begun.
type Started struct{ Account string }

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

// Counts are what a poll came to, all of its sessions together.
type Counts struct {
	// Messages were retrieved, and Attachments delivered. LeftOut attachments were
	// received before.
	Messages, Attachments, LeftOut int
	// Failed messages could not be retrieved, and Quarantined ones not handled, or not
	// read right. Deleted were deleted on the server.
	Failed, Quarantined, Deleted int
	// Left messages wait for the next poll, as max_messages or max_bytes says.
	Left int
}

// Add adds the counts of another session.
func (c *Counts) Add(o Counts) {
	c.Messages += o.Messages
	c.Attachments += o.Attachments
	c.LeftOut += o.LeftOut
	c.Failed += o.Failed
	c.Quarantined += o.Quarantined
	c.Deleted += o.Deleted
	c.Left = o.Left
}

// Done says that a poll ended. Err is nil when all went well, and tells of messages
// that are left when only some failed.
type Done struct {
	Account string
	Err     error
	Counts  Counts
}

// Scheduled says when an account is polled next. Failures is how many polls in a row
// failed, the last with Err.
type Scheduled struct {
	Account  string
	Next     time.Time
	Failures int
	Err      error
}

func (Waiting) event()   {}
func (Started) event()   {}
func (LoggedIn) event()  {}
func (Listed) event()    {}
func (Retrieved) event() {}
func (Delivered) event() {}
func (Deleted) event()   {}
func (Done) event()      {}
func (Scheduled) event() {}
