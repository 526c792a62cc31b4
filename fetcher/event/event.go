// Package event declares the events that polls send while they run, for programs to show, count or
// forward. The events of one account come in this order, over and over:
//
//   - [Waiting], when a poll is due;
//   - [Started], when it has a slot;
//   - [LoggedIn] and [Listed], once for each session;
//   - [Retrieved] for each message, and once it is committed [Delivered] for each attachment,
//     [LeftOut] for what comes to no file and [Quarantined] if it goes there;
//   - [Deleted] for each session that deletes;
//   - [LeftOut] for the messages that a session left on the server;
//   - [Done];
//   - [Scheduled], unless accounts are polled only once.
//
// A session commits messages while it retrieves others, so [Retrieved] and [Delivered] mix. After a
// crash, [Delivered] comes before [LoggedIn] for the attachments that the crash interrupted. A
// retry of a message in quarantine sends [Delivered] and [LeftOut] alone, between two polls.
//
// # What is left out
//
// [LeftOut] reports all that came and is no file, or was not fetched:
//
//   - an attachment that a rule, a limit of its size, inline_images or noise leaves out;
//   - an attachment with bytes that the account received before, with duplicates: skip;
//   - a message without any attachment;
//   - a piece of a message that waits for the other pieces;
//   - a message that was deleted after its delivery and was put back by somebody;
//   - a message that stays on the server, as it is larger than max_message_size or was there before
//     the account's start.
//
// These are not left out and are not reported:
//
//   - a container (winmail.dat, signed mail) that was unpacked, as its contents are kept;
//   - a message within an attached message that is kept whole;
//   - the message's own text;
//   - a message that was delivered before, and is listed under another UIDL now;
//   - messages that wait for the next poll because of max_messages, max_bytes or the room on the
//     disk, or that failed: [Counts] and the errors tell of them.
//
// What is left out of a message is told once, with the message's delivery. It is not recorded, so
// nobody hears of it if a crash interrupts that. Messages that stay are told once by each process.
//
// Many goroutines send events at once. A receiver must return soon: the poll waits for it. Account
// is the account's name in all of them. A UIDL holds the server's bytes, which are not safe to
// print. Package status of the program turns events into the present state of every account.
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
	// NotAfter is when the server's certificate ends, zero without TLS.
	NotAfter time.Time
	// Pipelining says that the server takes several commands at once (RFC 2449 section 6.6).
	Pipelining bool
	// LoginDelay is the least time between two logins that the server announced (RFC 2449 section
	// 6.5), 0 for none.
	LoginDelay time.Duration
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
	// Size is the size of all messages by the server's claim.
	Size int64
	// Unfetchable says how many messages can't be fetched and why, "" if all can.
	Unfetchable string
}

// Retrieved reports that one message has been read to its end and staged.
type Retrieved struct {
	Account, UIDL string
	// Octets is how many bytes came.
	Octets int64
	// Attachments is how many files the message came to.
	Attachments int
}

// Delivered reports that one attachment is durable under its final name. Its sidecar has no event.
type Delivered struct {
	Account, UIDL string
	// Octets is the size of the message by the server's listing, -1 if it is not known. With the
	// UIDL it is the message's key in the ledger.
	Octets     int64
	Envelope   ledger.Envelope
	Attachment ledger.Attachment
	// Repairs is what had to be mended or guessed to read the attachment and its message, in words.
	Repairs []string
}

// LeftOut reports what came to no file, or was not fetched, though nothing failed. Nothing is
// dropped without it.
type LeftOut struct {
	Account, UIDL string
	Octets        int64           // as in Delivered
	Envelope      ledger.Envelope // zero for a message that was not fetched
	// Name is the attachment's, "" where the whole message is meant.
	Name string
	// Size is in octets, -1 if it is not known.
	Size int64
	// Why says for people why it is left out. The same reason has the same words.
	Why string
	// Setting is the key of the account's configuration that says so: "include", "exclude[0]",
	// "inline_images", "noise", "duplicates", "max_message_size" or "start"; "" for none.
	Setting string
	// More is how many further things are left out with this one and have no event of their own.
	More int
	// Stays says that the message stays on the server and comes when the reason goes.
	Stays bool
}

// Quarantined reports a message that went to quarantine.
type Quarantined struct {
	Account, UIDL string
	Envelope      ledger.Envelope
	// Reason may hold the sender's and the server's words.
	Reason string
	// Delivered says that the message was delivered too: what lies in quarantine is a copy, as
	// something of it could not be read right.
	Delivered bool
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
	// Attachments is how many files were delivered, without their sidecars.
	Attachments int
	// LeftOut is how many attachments a setting left out, as include, exclude, inline_images or
	// noise do, without those of ReceivedBefore.
	LeftOut int
	// ReceivedBefore is how many attachments were not written, because the account received them
	// before.
	ReceivedBefore int
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
	// TooLarge is how many messages stay on the server because they are larger than
	// max_message_size. The last session decides.
	TooLarge int
}

// Add adds the counts of the next session to c.
func (c *Counts) Add(o Counts) {
	c.Messages += o.Messages
	c.Attachments += o.Attachments
	c.LeftOut += o.LeftOut
	c.ReceivedBefore += o.ReceivedBefore
	c.Failed += o.Failed
	c.Quarantined += o.Quarantined
	c.Deleted += o.Deleted
	c.Left, c.TooLarge = o.Left, o.TooLarge
}

// Done reports that a poll ended.
type Done struct {
	Account string
	// At is when the poll ended: one time for all receivers, as the board's "since" is read back from
	// the history after a restart. Zero is now.
	At time.Time
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

func (Waiting) event()     {}
func (Started) event()     {}
func (LoggedIn) event()    {}
func (Listed) event()      {}
func (Retrieved) event()   {}
func (Delivered) event()   {}
func (LeftOut) event()     {}
func (Quarantined) event() {}
func (Deleted) event()     {}
func (Done) event()        {}
func (Scheduled) event()   {}

// Account returns the name of the account that an event is about.
func Account(e Event) string {
	switch e := e.(type) {
	case Waiting:
		return e.Account
	case Started:
		return e.Account
	case LoggedIn:
		return e.Account
	case Listed:
		return e.Account
	case Retrieved:
		return e.Account
	case Delivered:
		return e.Account
	case LeftOut:
		return e.Account
	case Quarantined:
		return e.Account
	case Deleted:
		return e.Account
	case Done:
		return e.Account
	case Scheduled:
		return e.Account
	}
	return ""
}
