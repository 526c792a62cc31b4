package pop3

import (
	"iter"
	"time"
)

// quit, in the place of a message's number, has QUIT sent.
const quit = -2

// DeleQuit sends DELE for the messages ns and then QUIT (RFC 1939 sections 5 and 6), with up to
// window commands in flight, and closes the connection. It calls fn for each message, with the
// [*Error] if the server refuses to delete it. The server deletes when it confirms QUIT: only if
// DeleQuit returns nil are the other messages gone.
//
// DELE takes half of the time that the session has left, and QUIT the other half: the server may
// have to write the whole maildrop anew. Messages for which that is too short are left: DELE is not
// sent, and fn is not called. The first one always is.
func (c *Client) DeleQuit(ns iter.Seq[int], window int, fn func(n int, err error)) error {
	t := newDeletionTime(time.Now(), c.wire.conn.end)
	f := newFlight(window, t.window())
	commands := func(yield func(int) bool) {
		for n := range ns {
			if t.sent > 0 && !time.Now().Before(t.stop) {
				break
			}
			if t.sent++; !yield(n) {
				return
			}
		}
		yield(quit)
	}
	defer c.Close() // whose error would say nothing about the deletions
	return c.each("DELE", commands, f, func(n int, refused error) error {
		if n == quit {
			return refused
		}
		t.answered++
		f.window = min(f.most, t.window())
		fn(n, refused)
		return nil
	})
}

// deletionTime is the time for the DELE of a session.
type deletionTime struct {
	began, stop    time.Time
	sent, answered int
}

func newDeletionTime(now, end time.Time) *deletionTime {
	return &deletionTime{began: now, stop: now.Add(end.Sub(now) / 2)}
}

// firstDele is how long a DELE may take as long as none is answered.
const firstDele = time.Second

// window returns how many DELE may be in flight, so that they are answered before stop: QUIT can't
// overtake them.
func (t *deletionTime) window() int {
	now, each := time.Now(), firstDele
	if t.answered > 0 {
		each = max(now.Sub(t.began)/time.Duration(t.answered), 1)
	}
	return int(max(1, min(MaxWindow, t.stop.Sub(now)/each)))
}
