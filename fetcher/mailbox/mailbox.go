package mailbox

import (
	"io"
	"iter"
	"time"
)

// Confirm stands in the place of a message's number. It has [Mailbox.Retrieve] ask the store
// whether the messages before it came whole. Over POP3 the question is another STAT: the sender of
// a message cannot know the answer, so cannot forge it in the text. A store whose protocol gives
// the length of each message has nothing to ask.
const Confirm = -1

// Mailbox is one session with a mail store. Messages are numbered from 1 on, without gaps, as far
// as the store is in order: a store of other numbers (UIDs) counts its messages. An error is a
// [Refusal] where the store refused one request and the session goes on. Any other error is final.
type Mailbox interface {
	// Traits returns what kind of store this is. The traits do not change.
	Traits() Traits
	// Stat returns the number of messages and the sum of their octets, as the store counts them.
	// POP3: STAT (RFC 1939 section 5).
	Stat() (messages int, octets int64, err error)
	// Keys calls fn with the key of each message, "" for one without a usable key. An error of fn
	// ends the list and is returned. odd describes the parts of the list that made no sense and
	// were left out. POP3: UIDL (RFC 1939 section 7).
	Keys(fn func(number int, key string) error) (odd []string, err error)
	// Key returns the key of one message. POP3: UIDL with a number (RFC 1939 section 7).
	Key(number int) (string, error)
	// Sizes calls fn with the octets of each message. An error of fn and odd are as for Keys.
	// POP3: LIST (RFC 1939 section 5).
	Sizes(fn func(number int, octets int64) error) (odd []string, err error)
	// Headers calls fn once for each message, in any order: with its header, or with the
	// [Refusal] that came instead. What header reads may go on behind the end of the header, and is
	// valid until fn returns. An error of fn ends the session and is returned.
	// POP3: TOP (RFC 1939 section 7).
	Headers(numbers iter.Seq[int], fn func(number int, header io.Reader, err error) error) error
	// Retrieve retrieves whole messages. It asks numbers for the next one as late as the window
	// allows, and calls fn once for each message, in the store's order:
	//
	//   - with its body, valid until fn returns;
	//   - or with the [Refusal] that came instead. A message that the store passes over without a
	//     word counts as refused: IMAP answers OK without a body for one that was expunged;
	//   - or, for a [Confirm], without a body, and with an error if the store's answer differs from
	//     the one before. All messages that were asked for before a Confirm come before it.
	//
	// An error of fn ends the session and is returned. whole, unless nil, returns the octets of a
	// message that came cut before, 0 for any other: see [Traits.Cut]. POP3: RETR (RFC 1939
	// section 5).
	Retrieve(numbers iter.Seq[int], whole func(number int) int64, fn func(number int, body io.Reader, err error) error) error
	// Delete deletes messages and ends the session. It calls fn for each message, in the order of
	// numbers, with the [Refusal] of a message that the store does not delete. The messages are
	// gone only if Delete returns nil: until then the store has not confirmed it. The last ones are
	// left if the session's time does not suffice: fn is not called for them. POP3: DELE and QUIT
	// (RFC 1939 sections 5 and 6).
	Delete(numbers iter.Seq[int], fn func(number int, err error)) error
	// Quit ends the session in order. The store may then count as consumed what was retrieved, see
	// [Traits.Consumes]. POP3: QUIT (RFC 1939 section 6).
	Quit() error
	// Ends returns when the session's time is over, zero for never.
	Ends() time.Time
	// Until has every wait for the store end at t, as if the session's time were over then; zero is
	// when it really is.
	Until(t time.Time)
	// Close drops the connection. The store deletes nothing and counts nothing as consumed. Closing
	// a session that has ended does nothing.
	Close() error
}

// Traits are the ways in which stores differ.
type Traits struct {
	// StableKeys is set where a key means the same message for ever and no message changes its key.
	// An IMAP UID with its UIDVALIDITY is such a key (RFC 9051 section 2.3.1.1). RFC 1939 section 7
	// asks the same of a UIDL, and many servers do not keep it.
	StableKeys bool
	// CheapSizes is set where sizes cost the store nothing. A poll then asks for them with the
	// keys.
	CheapSizes bool
	// Window is how many requests may be under way at once. 1 means one after the other.
	Window int
	// LoginDelay is the least time between two logins that the store announces, 0 for none
	// (LOGIN-DELAY, RFC 2449 section 6.5).
	LoginDelay time.Duration
	// Batches is set where the store lists only its oldest messages. It lists further ones in the
	// next session, once these were retrieved. Gmail does so.
	Batches bool
	// Consumes is set where a session that ends in order may consume what it retrieved: the store
	// does not list it again. Gmail does so. A poll that could not keep a message then drops the
	// connection.
	Consumes bool
	// Cut is the text of the store's errors about a message that may have ended too early: a
	// message ends at a lone dot (RFC 1939 section 3), and some servers forget to stuff one inside
	// it. "" is a store that gives the length of each message.
	Cut string
}
