package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestSessionTime: a visit whose session took all its time is over. What came is delivered, the
// rest waits for the next one, and no message is charged an attempt. Only a message that was the
// first of such a session is, so that it does not hold up the others for ever.
func TestSessionTime(t *testing.T) {
	t.Parallel()
	before := func(c *pop3test.Conn) { c.Hang() }
	within := func(c *pop3test.Conn) {
		c.Reply("+OK")
		c.Send([]byte("the fo"))
		c.Hang()
	}
	for name, hangs := range map[string]func(*pop3test.Conn){"before a message": before, "within a message": within} {
		for _, pipelined := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, pipelined %t", name, pipelined), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, "one", "second", "the third", "the fourth one", "the fifth and last")
				w.account.Timeouts.Session = 500 * time.Millisecond
				w.server.Pipelining = pipelined
				slow := "uid-4"
				w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
					if !isMessage(c, cmd, args, slow) {
						return false
					}
					hangs(c)
					return true
				}
				w.start(t)
				limit := func(sessions int) {
					t.Helper()
					was := w.server.Sessions()
					if err := w.once(t); err == nil || !strings.Contains(err.Error(), "(timeouts.session)") || w.server.Sessions()-was != sessions {
						t.Fatalf("error %v in %d sessions, want one that names timeouts.session, in %d", err, w.server.Sessions()-was, sessions)
					}
				}
				limit(1)
				// One by one, the last message that came may have been cut.
				if got := w.has(); !strings.HasPrefix(got, "one second") {
					t.Errorf("delivered %q", got)
				}
				if got := w.states(t, "uid-4"); got != "" {
					t.Errorf("the message under way is %q", got)
				}
				for polls := 0; w.states(t, "uid-4") == ""; polls++ {
					if limit(1); polls > 3 {
						t.Fatal("nothing is recorded of a message that takes all the time of each session")
					}
				}
				if got := w.states(t, "uid-4"); got != "failed/1" {
					t.Errorf("the message that does not come is %q", got)
				}
				slow = ""
				w.poll(t)
				if got := len(strings.Fields(w.has())); got != 5 {
					t.Errorf("delivered %q", w.has())
				}
			})
		}
	}
}

// TestSessionTimeForDeletions: a session that may not wait for more messages leaves time to delete
// those that it delivered, even if the server is in the middle of one.
func TestSessionTimeForDeletions(t *testing.T) {
	t.Parallel()
	for _, pipelined := range []bool{true, false} {
		t.Run(fmt.Sprint("pipelined ", pipelined), func(t *testing.T) {
			t.Parallel()
			w, log := newSieve(t, "one", "second", "the third", "the fourth one", "the fifth and last")
			w.account.Delete, w.account.Timeouts.Session, w.server.Pipelining = true, 2*time.Second, pipelined
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if !isMessage(c, cmd, args, "uid-4") {
					return false
				}
				c.Hang()
				return true
			}
			w.start(t)
			if err := w.once(t); err == nil || !strings.Contains(err.Error(), "(timeouts.session)") || w.server.Sessions() != 2 {
				t.Errorf("error %v in %d sessions", err, w.server.Sessions())
			}
			// One by one, the last message that came may have been cut, unless a question was asked
			// behind it, as between two batches: how many are in one follows from the time they take.
			left := strings.Fields(w.uidls())
			n := 5 - float64(len(left))
			if n != 3 && (pipelined || n != 2) || !slices.Contains(left, "uid-4") || !slices.Contains(left, "uid-5") {
				t.Errorf("left are %q, want none that was proven whole", left)
			}
			if done := lines(t, log, "poll done"); len(done) != 2 || done[0]["attachments"] != n || done[1]["deleted"] != n || done[1]["complete"] == true {
				t.Errorf("said %v", done)
			}
		})
	}
}

// TestSessionStopsAsking: where messages come one by one, the session that delivered them ends in
// order with their deletion, before its time is over.
func TestSessionStopsAsking(t *testing.T) {
	t.Parallel()
	w := newWorld(t, numbered(40)...)
	w.account.Delete, w.account.Timeouts.Session, w.server.Pipelining = true, 3*time.Second, false
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "RETR" {
			time.Sleep(100 * time.Millisecond) // the server is slow: all of them take 4 seconds
		}
		return false
	}
	w.start(t)
	for left, polls := 40, 1; left > 0; polls++ {
		err := w.once(t)
		was := left
		left = len(w.server.Mailbox("u0"))
		if n := len(w.sink.Files()); left == was || n != 40-left || w.server.Sessions() != polls {
			t.Fatalf("poll %d: %d delivered, %d left, %d sessions: %v", polls, n, left, w.server.Sessions(), err)
		}
		if want := fmt.Sprint(left, " messages to fetch are left"); left > 0 && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("poll %d: error %v, want one that says %s", polls, err, want)
		}
	}
}

// TestOvertimeIsCounted: what came and was not proven whole before the session's time was over is
// counted as such, and neither the log nor the record says anything of pipelining.
func TestOvertimeIsCounted(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, slices.Repeat([]string{"body"}, 40)...)
	w.account.Timeouts.Session = 4 * time.Second
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "RETR" || args != "6" { // the batches have 1, 2 and 4 messages
			return false
		}
		c.Hang()
		return true
	}
	w.start(t)
	if err := w.once(t); err == nil {
		t.Error("no error")
	}
	done := lines(t, log, "poll done")
	if len(done) != 1 || done[0]["messages"] != 5.0 || done[0]["attachments"] != 3.0 || done[0]["fetched_again"] != 2.0 {
		t.Errorf("said %v", done)
	}
	if known, err := w.ledger.Host(t.Context(), w.account.Addr); err != nil || !known.Unpipelined.IsZero() || strings.Contains(log.String(), "message by message") {
		t.Errorf("known of the server is %+v, %v\n%s", known, err, log)
	}
}

// TestStopConfirms: a poll that is stopped waits a moment for the server to prove that the messages
// under way came whole. It asks for no more, and does not wait for a server that hangs.
func TestStopConfirms(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"a slow server": 8, "a server that hangs": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slices.Repeat([]string{"body"}, 100)...)
			w.account.Delete = true
			ctx, stop := context.WithCancel(t.Context())
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if cmd != "RETR" || args != "5" {
					return false
				}
				c.Send(nil) // the replies before
				time.Sleep(50 * time.Millisecond)
				stop()
				if time.Sleep(50 * time.Millisecond); want == 0 {
					c.Hang()
				}
				return want == 0
			}
			w.start(t)
			began := time.Now()
			if errs := w.supervisor.RunOnce(ctx, []Account{w.account}); len(errs) != 1 || !strings.Contains(errs[0].Error(), "context canceled") {
				t.Errorf("errors %v", errs)
			}
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("the stop took %v", took)
			}
			if got := len(w.sink.Files()); got != want || len(w.sink.Staged()) > 0 {
				t.Errorf("%d delivered, want %d; %d staged", got, want, len(w.sink.Staged()))
			}
		})
	}
}
