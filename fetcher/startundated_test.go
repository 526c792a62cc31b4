package fetcher

import (
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// noTOP is the hook of a server that does not know TOP.
func noTOP(c *pop3test.Conn, cmd, _ string) bool {
	if cmd == "TOP" {
		c.Reply("-ERR unknown command")
	}
	return cmd == "TOP"
}

// notFetched returns how many messages are told to have been there before the start.
func notFetched(heard *listener) (n int) {
	for _, e := range told[event.LeftOut](heard) {
		if e.Setting == "start" {
			n += 1 + e.More
		}
	}
	return n
}

// TestStartUndated: a server that refuses TOP, for good or for now, or answers without a date,
// decides nothing by that. A
// message that is not retrieved in the first poll is judged by its date in a later one.
func TestStartUndated(t *testing.T) {
	t.Parallel()
	refused := func(text ...string) func(c *pop3test.Conn, cmd, _ string) bool {
		return func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "TOP" {
				c.Reply(text...)
			}
			return cmd == "TOP"
		}
	}
	dateless := refused("+OK", "Subject: x", "", ".")
	for name, tt := range map[string]struct {
		hook, then func(c *pop3test.Conn, cmd, _ string) bool
		retr       int
	}{
		"for good": {refused("-ERR unknown command"), refused("-ERR unknown command"), 6},
		"no date":  {dateless, dateless, 6},
		"for now":  {refused("-ERR [SYS/TEMP] try later"), nil, 4},
		"RETR refused": {func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "TOP" || cmd == "RETR" {
				c.Reply("-ERR [SYS/TEMP] try later")
			}
			return cmd == "TOP" || cmd == "RETR"
		}, noTOP, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := starting(t, arrived("a", 31*day), arrived("b", 0), arrived("c", 40*day), arrived("d", 50*day), arrived("e", day))
			w.account.Start = identity.Start{Within: 30 * day}
			w.account.Delete, w.account.MaxMessages = true, 2
			w.server.Hook = tt.hook
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			w.once(t)
			w.server.Hook = tt.then
			w.add(arrived("later", 99*day))
			for range 4 {
				now = now.Add(2 * time.Hour)
				w.once(t)
			}
			w.pollsAs(t, "in the end", "b e later")
			if got := w.uidls(); got != "a c d" {
				t.Errorf("left on the server: %s", got)
			}
			if n := commands(w, "RETR"); n != tt.retr {
				t.Errorf("%d RETR, want %d", n, tt.retr)
			}
		})
	}
}
