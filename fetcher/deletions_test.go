package fetcher

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// numbered returns so many different messages.
func numbered(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprint("message ", i)
	}
	return bodies
}

// TestDeletionsOutlastSession: a session whose time is too short for all deletions ends with QUIT,
// so that they come to an end after some polls.
func TestDeletionsOutlastSession(t *testing.T) {
	t.Parallel()
	for _, pipelined := range []bool{true, false} {
		t.Run(fmt.Sprint("pipelined ", pipelined), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, numbered(60)...)
			w.account.Delete, w.account.Timeouts.Session, w.server.Pipelining = true, 2*time.Second, pipelined
			w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
				if cmd == "DELE" {
					time.Sleep(50 * time.Millisecond) // the server is slow: all of them take 3 seconds
				}
				return false
			}
			w.start(t)
			left := len(w.server.Mailbox("u0"))
			for polls := 1; left > 0; polls++ {
				before, sessions := left, w.server.Sessions()
				err := w.once(t)
				left = len(w.server.Mailbox("u0"))
				if left == before || w.server.Sessions() != sessions+1 {
					t.Fatalf("poll %d deleted %d messages in %d sessions: %v", polls, before-left, w.server.Sessions()-sessions, err)
				}
				if left > 0 && (err == nil || !strings.Contains(err.Error(), fmt.Sprint(left, " messages to delete are left for the next poll")) || !strings.Contains(err.Error(), "(timeouts.session)")) {
					t.Errorf("%d are left, and the poll's error is %v", left, err)
				}
			}
			if got := len(w.sink.Files()); got != 60 {
				t.Errorf("%d delivered", got)
			}
		})
	}
}

// breaksAmongDeletions has the server close the connection at the DELE that at picks, by the UIDL
// of the message and by how many came before it in the session.
func (w *world) breaksAmongDeletions(at func(uidl string, before int) bool) {
	var mu sync.Mutex
	before := make(map[*pop3test.Conn]int)
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "DELE" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if at(c.UIDL(args), before[c]) {
			c.Cut()
			return true
		}
		before[c]++
		return false
	}
}

// TestBreaksAfterSomeDeletions: a server that closes the connection after some DELE has fewer
// messages deleted in each session, in one poll. No message is to blame, and neither is pipelining.
// What the broken sessions delivered counts.
func TestBreaksAfterSomeDeletions(t *testing.T) {
	t.Parallel()
	for most := 1; most <= 7; most += 3 {
		t.Run(fmt.Sprint("after ", most), func(t *testing.T) {
			t.Parallel()
			w, log := newSieve(t, numbered(40)...)
			w.account.Delete = true
			w.breaksAmongDeletions(func(_ string, before int) bool { return before == most })
			var counts event.Counts
			w.supervisor.Observe = func(e event.Event) {
				if done, ok := e.(event.Done); ok {
					counts.Add(done.Counts)
				}
			}
			w.start(t)
			for round := range 3 { // a fallback that helps twice is recorded
				if err := w.once(t); err != nil || len(w.server.Mailbox("u0")) > 0 {
					t.Fatalf("%d are left: %v\n%s", len(w.server.Mailbox("u0")), err, log)
				}
				for _, text := range numbered(40) {
					w.add(pop3test.Message{UIDL: fmt.Sprint(round, text), Raw: []byte(fmt.Sprintf("%s of %d\r\n", text, round))})
				}
			}
			if n := len(lines(t, log, "message stays on the server for a day: the connection breaks at its DELE")); n > 0 {
				t.Errorf("%d messages are blamed", n)
			}
			if known, err := w.ledger.Host(t.Context(), w.account.Addr); err != nil || !known.Unpipelined.IsZero() {
				t.Errorf("known of the server is %+v, %v", known, err)
			}
			if counts.Messages != 3*40 || counts.Deleted != 3*40 {
				t.Errorf("counted %+v, want 120 messages, all deleted", counts)
			}
			logged := 0.
			for _, l := range append(lines(t, log, "session broke"), lines(t, log, "poll done")...) {
				logged += l["messages"].(float64)
			}
			if logged != 3*40 {
				t.Errorf("the log counts %v messages", logged)
			}
			if got, most := w.server.Sessions(), 3*(3+40/most+1); got > most {
				t.Errorf("%d sessions, want no more than %d", got, most)
			}
		})
	}
}

// TestBreaksAtOneDeletion: of many messages that one is found and blamed whose DELE breaks the
// connection, wherever it is listed. The others are deleted in the same poll.
func TestBreaksAtOneDeletion(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"uid-1", "uid-20", "uid-40"} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			w, log := newSieve(t, numbered(40)...)
			w.account.Delete = true
			w.breaksAmongDeletions(func(uidl string, _ int) bool { return uidl == bad })
			w.start(t)
			err := w.once(t)
			if got := w.uidls(); got != bad || err != nil {
				t.Errorf("%q is left: %v", got, err)
			}
			if blamed := lines(t, log, "message stays on the server for a day: the connection breaks at its DELE"); len(blamed) != 1 || blamed[0]["uidl"] != bad {
				t.Errorf("blamed are %v", blamed)
			}
			if got := w.server.Sessions(); got > 20 {
				t.Errorf("%d sessions", got)
			}
			// The next process knows it, and tries it again after a day.
			sessions, now := w.server.Sessions(), time.Now()
			w.supervisor = &Supervisor{Ledger: record{w.ledger}, MaxConcurrent: 1, MaxPerHost: 1, Log: w.supervisor.Log, now: func() time.Time { return now }}
			if due, err := w.ledger.Due(t.Context(), "lab", now, true); err != nil || due.Deleted != 0 {
				t.Errorf("due are %+v, %v", due, err)
			}
			if err := w.once(t); err != nil || w.server.Sessions() != sessions+1 {
				t.Errorf("the next process made %d sessions: %v", w.server.Sessions()-sessions, err)
			}
			now, w.server.Hook = now.Add(25*time.Hour), nil
			if err := w.once(t); err != nil || w.uidls() != "" {
				t.Errorf("a day later %q are left: %v", w.uidls(), err)
			}
		})
	}
}

// TestSlowHeaders: messages are compared by their headers before they are deleted. If that takes
// longer than a session may, each session deletes those that it has compared.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, numbered(40)...)
	w.start(t)
	w.poll(t)
	w.account.Delete, w.account.Timeouts.Session = true, 2*time.Second
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "TOP" {
			time.Sleep(100 * time.Millisecond) // the server is slow: all of them take 4 seconds
		}
		return false
	}
	for left, polls := 40, 1; left > 0; polls++ {
		err := w.once(t)
		was := left
		if left = len(w.server.Mailbox("u0")); left == was {
			t.Fatalf("poll %d deleted nothing: %v", polls, err)
		}
	}
}
