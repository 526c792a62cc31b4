package fetcher

import (
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestClockWasAhead: what was put off while the clock was years ahead waits no longer once the
// clock is right. What was put off by a right clock waits.
func TestClockWasAhead(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"right": 20 * time.Hour, "ahead": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waits := name == "right"
			w := newWorld(t, "one", "two")
			w.account.Delete, w.account.DeleteAfter = true, time.Hour
			ahead := 0
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if c.User() != "" && c.Ahead() > 0 {
					ahead++
				}
				return false
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			until := now.Add(wait)
			size := int64(len("two\r\n"))
			if err := w.ledger.Failed(t.Context(), "lab", ledger.Key{UIDL: "uid-2", Size: size}, "-ERR busy", until); err != nil {
				t.Fatal(err)
			}
			if err := w.ledger.SetHost(t.Context(), w.account.Addr, ledger.Host{Unpipelined: until, LoginAlone: until}); err != nil {
				t.Fatal(err)
			}
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			want := "one two"
			if waits {
				want = "one"
			}
			if got := w.has(); got != want || (ahead == 0) != waits {
				t.Errorf("delivered %q, want %q; %d commands were sent ahead", got, want, ahead)
			}
			// The deletion of the first message, once it is due.
			if err := w.ledger.Spare(t.Context(), "lab", ledger.Key{UIDL: "uid-1", Size: int64(len("one\r\n"))}, until); err != nil {
				t.Fatal(err)
			}
			now = now.Add(2 * time.Hour)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			if left := len(w.server.Mailbox("u0")); (left == 2) != waits {
				t.Errorf("%d messages are left on the server", left)
			}
		})
	}
}

// TestExactWasAhead: a server that sent a message of its listed size while the clock was years
// ahead is no longer believed for that, and is believed again from the next such message on.
func TestExactWasAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	if err := w.ledger.SetHost(t.Context(), w.account.Addr, ledger.Host{Exact: now.AddDate(10, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	known, err := w.ledger.Host(t.Context(), w.account.Addr)
	if err != nil || known.Exact.After(now) {
		t.Errorf("known is %v, error %v; want the time of the poll", known, err)
	}
}
