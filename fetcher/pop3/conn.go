package pop3

import (
	"fmt"
	"net"
	"sync"
	"time"
)

// Timeouts says how long the server may keep us waiting. A zero field takes its
// default. Errors name the field that has passed as the configuration does, such
// as timeouts.greeting.
type Timeouts struct {
	// Dial is for the connection, TLS for its handshake, Greeting for the server's
	// first line. The default of each is 30 seconds.
	Dial, TLS, Greeting time.Duration
	// Reply is for a status line. The default is 3 minutes: a server may build an
	// index first.
	Reply time.Duration
	// Idle is how long a message or a list may pause. The default is 2 minutes, and
	// the error may come an eighth of it early. Each 4 KiB may take eight times as
	// long, so that a server cannot hold us for ever with a byte now and then.
	Idle time.Duration
	// Write is for sending commands. The default is 1 minute.
	Write time.Duration
	// Session is for everything that is read, from the connection on. The default
	// is 6 hours.
	Session time.Duration
}

const (
	// slowOctets must come in slowIdles times Timeouts.Idle.
	slowOctets = 4 << 10
	slowIdles  = 8
)

func (t Timeouts) withDefaults() Timeouts {
	for _, f := range []struct {
		d        *time.Duration
		standard time.Duration
	}{
		{&t.Dial, 30 * time.Second},
		{&t.TLS, 30 * time.Second},
		{&t.Greeting, 30 * time.Second},
		{&t.Reply, 3 * time.Minute},
		{&t.Idle, 2 * time.Minute},
		{&t.Write, time.Minute},
		{&t.Session, 6 * time.Hour},
	} {
		if *f.d <= 0 {
			*f.d = f.standard
		}
	}
	return t
}

// timedConn sets the deadlines of the connection when it is about to wait, and
// not for each command: of pipelined replies most are in the buffer already.
type timedConn struct {
	net.Conn
	write   time.Duration
	over    time.Time // when the session's time is, zero for never
	end     time.Time // when all waits end, over or before that
	waiting func(bool)

	limit   time.Duration
	name    string    // of the limit, as in timeoutError
	rolling bool      // limit is for a pause, not for all that is to come
	set     time.Time // when the deadline was set, zero for not yet
	since   time.Time // when the wait for the next slowOctets began, zero for not yet
	got     int       // octets since then

	small bool             // what reads takes little at a time, as TLS does
	full  int              // reads in a row that got as much as they could
	block *[readAhead]byte // of blocks, once the server proved fast
	ahead []byte           // what of block is not given out yet
}

const (
	// readAhead is how much is read at once from a server that sends faster than we take it. TLS
	// reads a record or two in each system call, and each wakes the sender for as little.
	readAhead = 256 << 10
	// fastReads is after how many full reads in a row a server counts as such.
	fastReads = 8
)

// blocks are those of closed connections.
var blocks = sync.Pool{New: func() any { return new([readAhead]byte) }}

// within gives all that is read from now on d together.
func (t *timedConn) within(d time.Duration, name string) {
	t.limit, t.name, t.rolling, t.set = d, name, false, time.Time{}
}

// idle lets the server pause for d, again and again.
func (t *timedConn) idle(d time.Duration) {
	t.limit, t.name, t.rolling, t.set, t.since = d, "idle", true, time.Time{}, time.Time{}
}

// pause lets the server pause for d just once, within a wait that idle began.
func (t *timedConn) pause(d time.Duration) { t.limit, t.set = d, time.Time{} }

func newTimedConn(conn net.Conn, t Timeouts) *timedConn {
	over := time.Now().Add(t.Session)
	return &timedConn{Conn: conn, write: t.Write, over: over, end: over, waiting: func(bool) {}}
}

// until has all waits end at a time, zero for when the session's time is over.
func (t *timedConn) until(end time.Time) {
	if end.IsZero() || end.After(t.over) {
		end = t.over
	}
	t.end, t.set = end, time.Time{}
}

func (t *timedConn) Read(b []byte) (int, error) {
	if len(t.ahead) > 0 {
		return t.take(b), nil
	}
	if t.set.IsZero() || t.rolling {
		// Setting a deadline is dear beside reading a segment of a fast stream, so
		// it is renewed only when an eighth of it has passed.
		if now := time.Now(); t.set.IsZero() || now.Sub(t.set) > t.limit/8 {
			if err := t.Conn.SetReadDeadline(t.deadline(now)); err != nil {
				return 0, err
			}
			t.set = now
		}
	}
	into := b
	if t.block != nil {
		into = t.block[:]
	}
	t.waiting(true)
	n, err := t.Conn.Read(into)
	t.waiting(false)
	t.got += n
	switch {
	case t.block != nil:
		t.ahead = t.block[:n]
		n = t.take(b)
	case !t.small || n < len(b):
		t.full = 0
	default:
		if t.full++; t.full == fastReads {
			t.block = blocks.Get().(*[readAhead]byte)
		}
	}
	return n, err
}

// take gives out what was read ahead.
func (t *timedConn) take(b []byte) int {
	n := copy(b, t.ahead)
	t.ahead = t.ahead[n:]
	return n
}

// recycle gives the block to another connection.
func (t *timedConn) recycle() {
	if t.block != nil {
		blocks.Put(t.block)
		t.block, t.ahead, t.small = nil, nil, false
	}
}

func (t *timedConn) deadline(now time.Time) time.Time {
	deadline := now.Add(t.limit)
	if t.rolling {
		if t.since.IsZero() || t.got >= slowOctets {
			t.since, t.got = now, 0
		}
		if slow := t.since.Add(slowIdles * t.limit); slow.Before(deadline) {
			deadline = slow
		}
	}
	if !t.end.IsZero() && t.end.Before(deadline) {
		deadline = t.end
	}
	return deadline
}

// patience returns what the server did when the deadline passed, and which limit that was.
func (t *timedConn) patience() (text, limit string) {
	switch now := time.Now(); {
	case !t.end.IsZero() && !now.Before(t.end):
		return "server took all the time that a session may take", "session"
	case t.rolling && !t.since.IsZero() && !now.Before(t.since.Add(slowIdles*t.limit)):
		return fmt.Sprintf("server sent less than %d octets in %v", slowOctets, slowIdles*t.limit), t.name
	}
	return fmt.Sprintf("server sent nothing for %v", t.limit), t.name
}

// overdue returns the error of a wait that ended. text says what was waited for, unless the
// session's time was over first.
func (t *timedConn) overdue(text string, err error) error {
	passed, limit := t.patience()
	if limit == "session" {
		text = passed
	}
	return &timeoutError{text, limit, err}
}

func (t *timedConn) Write(b []byte) (int, error) {
	if err := t.Conn.SetWriteDeadline(time.Now().Add(t.write)); err != nil {
		return 0, err
	}
	return t.Conn.Write(b)
}
