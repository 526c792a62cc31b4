package pop3

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
)

const (
	// MaxWindow bounds the commands in flight.
	MaxWindow = 2048
	// maxInFlight bounds the bytes of the commands in flight. Dovecot reads commands
	// into 2 KiB and stops reading while it waits for us to take its output. What fits
	// the sockets' buffers can't make us wait for it in turn: the least that a sender's
	// buffer has on Linux is 16 KiB, and a receiver's has more.
	maxInFlight = 16 << 10
	// firstWindow is for messages of unknown size: until one has come.
	firstWindow = 512
	// maxAwaited bounds the octets of the messages in flight, by the mean of those that
	// have come. More would not keep a line of 1 Gbit/s and 200 ms round trip busier, and
	// a server that prepares its replies ahead has to hold them.
	maxAwaited = 32 << 20
)

// Confirm, in the place of a message's number, makes [Client.RetrEach] send STAT. The
// same reply as to [Client.Stat] proves that the messages before it came whole: text
// behind a lone dot in a message may look like a reply, but the sender of a message
// can't know this one.
const Confirm = -1

// TopEach is [Client.RetrEach] for the headers alone: it sends TOP with 0 lines of
// the body (RFC 1939 section 7). Some servers send lines of the body all the same.
func (c *Client) TopEach(ns iter.Seq[int], window int, fn func(n int, header io.Reader, err error) error) error {
	return c.bodies("TOP", ns, window, fn)
}

// RetrEach sends RETR (RFC 1939 section 5) for the messages ns and calls fn for each,
// in that order. Up to window commands are in flight: 1 is without pipelining, and
// [MaxWindow] the most. ns is asked as late as that allows: without pipelining, once
// fn has returned for all messages before.
//
// fn gets one of these:
//
//   - the body of a message. It ends with io.EOF only after the final dot. What fn
//     leaves unread of it is read and dropped, and it is of no use once fn returned.
//   - the [*Error] of a message that the server refuses, and no body. The rest goes on.
//   - for [Confirm] no body, and an error that wraps [ErrStatDiffers] if the reply
//     differs from that to [Client.Stat].
//
// An error of fn ends it all and is returned. It breaks the client, since messages
// are on their way that nobody wants.
func (c *Client) RetrEach(ns iter.Seq[int], window int, fn func(n int, body io.Reader, err error) error) error {
	return c.bodies("RETR", ns, window, fn)
}

func (c *Client) bodies(verb string, ns iter.Seq[int], window int, fn func(n int, body io.Reader, err error) error) error {
	f := newFlight(window, firstWindow)
	return c.each(verb, ns, f, func(n int, refused error) error {
		if refused != nil || n == Confirm {
			return fn(n, nil, refused)
		}
		body := c.newBody(n)
		if err := fn(n, body, nil); err != nil {
			return err
		}
		// A fault that fn overlooked is a fault.
		err := body.drain()
		f.came(body.octets)
		return err
	})
}

// each sends verb for each of ns ahead of the replies and calls fn, with an
// *Error or nil, when the reply has come.
func (c *Client) each(verb string, ns iter.Seq[int], f *flight, fn func(n int, refused error) error) error {
	if len(c.commands.ahead) > 0 {
		return fmt.Errorf("send %s: the reply to %s is to be read first", verb, c.commands.ahead[0])
	}
	next, stop := iter.Pull(ns)
	defer stop()
	f.next = next
	for {
		if err := f.fill(c, verb); err != nil {
			return err
		}
		n, ok := f.pop(verb)
		if !ok {
			return c.inStep()
		}
		text, err := c.reply(verbFor(verb, n))
		if err == nil && n == Confirm {
			err = c.confirmed(text)
		}
		if _, refused := errors.AsType[*Error](err); err != nil && !refused && !errors.Is(err, ErrStatDiffers) {
			if n < 0 {
				return err
			}
			return fmt.Errorf("%s %d: %w", verb, n, err)
		}
		if err := fn(n, err); err != nil {
			c.fail(err)
			return err
		}
	}
}

// confirmed compares a reply to STAT with the one before. If it names no number of
// messages, it is the reply to something else, or text. Another number may be mail
// that has come meanwhile: some servers count it.
func (c *Client) confirmed(text []byte) error {
	if err := c.inStep(); err != nil || string(text) == c.server.stat {
		return err
	}
	before, octets, counted := parseNumber([]byte(c.server.stat))
	now, rest, ok := parseNumber(text)
	_, _, summed := parseNumber(octets)
	_, _, sums := parseNumber(rest)
	switch {
	case !ok, summed && !sums: // "+OK 120 octets" is what many say to RETR
		return c.outOfStep("STAT", text)
	case counted && now != before:
		return fmt.Errorf("%w: %d messages now, %d before", ErrStatDiffers, now, before)
	}
	return fmt.Errorf("%w: %s now, %s before", ErrStatDiffers, c.log.quote(text, maxForeign), c.log.quote([]byte(c.server.stat), maxForeign))
}

// flight holds the messages whose commands are in flight.
type flight struct {
	next   func() (int, bool)
	most   int // of window
	window int
	sent   []int
	octets int // of the commands in flight
	held   int // the next message: its command did not fit
	isHeld bool
	done   bool

	messages int   // that have come
	received int64 // octets of those
}

// newFlight has up to window commands in flight, and no more than first before came is called.
func newFlight(window, first int) *flight {
	most := min(max(window, 1), MaxWindow)
	return &flight{most: most, window: min(most, first)}
}

// leastWindow keeps a pipelined line busy, however large the messages are.
const leastWindow = 4

// came adapts the window to the size of the messages.
func (f *flight) came(octets int64) {
	f.messages++
	f.received += octets
	mean := f.received/int64(f.messages) + 1
	f.window = min(f.most, max(leastWindow, int(maxAwaited/mean)))
}

// verbFor returns what is sent for n.
func verbFor(verb string, n int) string {
	switch n {
	case Confirm:
		return "STAT"
	case quit:
		return "QUIT"
	}
	return verb
}

// commandSize is the length of verb's command for message n, or more.
func commandSize(verb string, n int) int {
	var digits [20]byte
	size := len(verb) + len(" \r\n") + len(strconv.AppendInt(digits[:0], int64(n), 10))
	if verb == "TOP" {
		size += len(" 0")
	}
	return size
}

// fill sends as many commands as the window holds, in one write, once half of it
// is free: a write for each command would cost a system call and a packet.
func (f *flight) fill(c *Client, verb string) error {
	if f.done || len(f.sent) > f.window/2 || f.octets > maxInFlight/2 {
		return nil
	}
	for len(f.sent) < f.window {
		if !f.isHeld {
			if f.held, f.isHeld = f.next(); !f.isHeld {
				f.done = true
				break
			}
		}
		size := commandSize(verb, f.held)
		if f.octets+size >= maxInFlight {
			break
		}
		var args []string
		if f.held >= 0 {
			args = []string{strconv.Itoa(f.held), "0"}
			if verb != "TOP" {
				args = args[:1]
			}
		}
		if err := c.queue(verbFor(verb, f.held), args...); err != nil {
			return err
		}
		f.sent, f.isHeld = append(f.sent, f.held), false
		f.octets += size
	}
	if c.commands.queued == 0 {
		return nil
	}
	return c.flush()
}

func (f *flight) pop(verb string) (n int, ok bool) {
	if len(f.sent) == 0 {
		return 0, false
	}
	n = f.sent[0]
	f.sent = append(f.sent[:0], f.sent[1:]...)
	f.octets -= commandSize(verb, n)
	return n, true
}
