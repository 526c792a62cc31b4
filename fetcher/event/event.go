// Package event declares the events that polls send while they run, for programs to show, count or
// forward. The events of one account come in this order, over and over:
//
//   - [Waiting], when a poll is due;
//   - [Started], when it has a slot;
//   - [LoggedIn] and [Listed], once for each session;
//   - [Retrieved] for each message, [Delivered] for each attachment, and [Deleted] for each session
//     that deletes;
//   - [Done];
//   - [Scheduled], unless accounts are polled only once.
//
// A session commits messages while it retrieves others, so [Retrieved] and [Delivered] mix. After a
// crash, [Delivered] comes before [LoggedIn] for the attachments that the crash interrupted.
//
// Many goroutines send events at once. A receiver must return soon: the poll waits for it. Account
// is the account's name in all of them. A UIDL holds the server's bytes, which are not safe to
// print. A [Recorder] turns events into the present state of every account.
package event

import (
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Event is one of the types of this package.
type Event interface{ event() }

// Waiting reports that an account's poll is due and waits for a slot.
type Waiting struct{ Account string }

// Started reports that an account's poll has its slot and begins.
type Started struct{ Account string }

// LoggedIn reports that a session of an account's poll has logged in.
type LoggedIn struct {
	Account string
	// Addr is the server's "host:port".
	Addr string
	// Mechanism is "APOP", "USER/PASS" or the name of a SASL mechanism.
	Mechanism string
	// TLS is the protocol version, "" without TLS.
	TLS string
}

// Listed reports what a session found on the server.
type Listed struct {
	Account string
	// Messages is how many messages the server holds.
	Messages int
	// New is how many of them the session is about to retrieve.
	New int
	// Octets is the size of the new messages by the server's claim, for display only.
	Octets int64
}

// Retrieved reports that one message has been read to its end and staged.
type Retrieved struct {
	Account, UIDL string
	// Octets is how many bytes came.
	Octets int64
	// Attachments is how many files the message came to.
	Attachments int
}

// Delivered reports that one attachment is durable under its final name.
type Delivered struct {
	Account, UIDL string
	Attachment    ledger.Attachment
}

// Deleted reports that the server confirmed the deletion of messages.
type Deleted struct {
	Account  string
	Messages int
}

// Counts is the result of a poll in numbers, the sum over its sessions.
type Counts struct {
	// Messages is how many messages were retrieved.
	Messages int
	// Attachments is how many files were delivered.
	Attachments int
	// LeftOut is how many attachments were not written, because the account received them before.
	LeftOut int
	// Failed is how many messages could not be retrieved.
	Failed int
	// Quarantined is how many messages went to quarantine: they could not be handled, or were
	// delivered and something of them could not be read right.
	Quarantined int
	// Deleted is how many messages were deleted on the server.
	Deleted int
	// Left is how many messages wait for the next poll because of max_messages or max_bytes. The
	// last session decides.
	Left int
}

// Add adds the counts of the next session to c.
func (c *Counts) Add(o Counts) {
	c.Messages += o.Messages
	c.Attachments += o.Attachments
	c.LeftOut += o.LeftOut
	c.Failed += o.Failed
	c.Quarantined += o.Quarantined
	c.Deleted += o.Deleted
	c.Left = o.Left
}

// Done reports that a poll ended.
type Done struct {
	Account string
	// Err is nil when all went well. When only some messages failed, it says which ones are left.
	Err    error
	Counts Counts
}

// Scheduled reports when an account is polled next.
type Scheduled struct {
	Account string
	Next    time.Time
	// Failures is how many polls in a row have failed.
	Failures int
	// Err is the failure of the last poll, nil without one.
	Err error
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
