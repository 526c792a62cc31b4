package mailbox

import (
	"io"
	"iter"
	"time"
)

// Confirm, in the place of a message's number, has [Mailbox.Retrieve] ask the
// store for proof that the messages before it have come whole. Over POP3 that is
// another STAT, which nobody who sends a message can know the answer to; a store
// whose protocol says how long each message is has nothing to ask.
const Confirm = -1

// Mailbox is one session with a mail store. Numbers count messages as the store
// does, from 1 as a rule. Errors are a [Refusal] where the store refused one
// request and the session goes on, and final otherwise.
type Mailbox interface {
	// Traits says what kind of store it is. They do not change.
	Traits() Traits
	// Stat returns how many messages there are and their octets together, as the
	// store counts them: STAT (RFC 1939 section 5).
	Stat() (messages int, octets int64, err error)
	// Keys calls fn with the key of each message, "" where the store has none of
	// use: UIDL (RFC 1939 section 7). An error of fn ends it, and is returned. odd
	// says in words which parts of the list made no sense and were left out.
	Keys(fn func(number int, key string) error) (odd []string, err error)
	// Key returns the key of one message.
	Key(number int) (string, error)
	// Sizes calls fn with the octets of each message: LIST (RFC 1939 section 5).
	Sizes(fn func(number int, octets int64) error) (odd []string, err error)
	// Headers calls fn with the header of each message, which need not end where
	// the header does, or with the [Refusal] of one and no header: TOP (RFC 1939
	// section 7). The order is that of numbers. header is good until fn returns. An
	// error of fn ends the session, and is returned.
	Headers(numbers iter.Seq[int], fn func(number int, header io.Reader, err error) error) error
	// Retrieve does so with whole messages: RETR (RFC 1939 section 5). numbers is
	// asked as late as the window allows. For [Confirm] fn gets no body, and an error
	// where the store answers otherwise than before.
	//
	// whole returns how many octets a message has that came cut before, 0 for one
	// that did not: see [Traits.Cut].
	Retrieve(numbers iter.Seq[int], whole func(number int) int64, fn func(number int, body io.Reader, err error) error) error
	// Delete deletes messages for good and ends the session: DELE and QUIT (RFC 1939
	// sections 5 and 6). It calls fn for each in their order, with the [Refusal] of
	// one that the store does not delete. Only when Delete returns nil has the store
	// said that it deleted the others.
	Delete(numbers iter.Seq[int], fn func(number int, err error)) error
	// Quit ends the session in order: QUIT. Whatever was retrieved may count as
	// consumed then, see [Traits.Consumes].
	Quit() error
	// Close drops the session: nothing is deleted by it, and nothing consumed.
	// A session that has ended is left as it is.
	Close() error
}

// Traits are the ways in which stores differ.
type Traits struct {
	// StableKeys says that a key means the same message for ever, and that no
	// message changes its key: an IMAP UID with its UIDVALIDITY (RFC 9051 section
	// 2.3.1.1). A UIDL is meant to, and in practice is not.
	StableKeys bool
	// CheapSizes says that sizes cost the store nothing, so that they are asked for
	// with the keys.
	CheapSizes bool
	// Window is how many requests may be under way at once: 1 is one after the other.
	Window int
	// LoginDelay is the least time between two logins that the store announces
	// (LOGIN-DELAY, RFC 2449 section 6.5), 0 for none.
	LoginDelay time.Duration
	// Batches says that the store lists the oldest messages only, and further ones
	// once those were retrieved and the session ended, as Gmail does.
	Batches bool
	// Consumes says that the store may take what was retrieved as consumed when the
	// session ends in order, and not list it again, as Gmail does. A poll that could
	// not keep a message then drops the session.
	Consumes bool
	// Cut is what the store's errors say of a message that may have ended too early,
	// since messages end where a lone dot stands (RFC 1939 section 3) and the server
	// forgot to stuff one. "" is a store that says how long each message is.
	Cut string
}
