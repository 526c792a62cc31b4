package fetcher

import (
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestPutBackIsNamed: the log names the sender and the subject when it announces the deletion of a
// message that is listed again.
func TestPutBackIsNamed(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t)
	w.sink.messageIDs = true
	w.account.Delete = true
	w.server.Mailboxes["u0"] = letters("u", "one", "two")
	w.start(t)
	for range 2 {
		log.Reset()
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		said := lines(t, log, "message deleted on the server")
		if len(said) != 2 {
			t.Fatalf("said %s", log)
		}
		for _, line := range said {
			if line["from"] == nil || line["subject"] == nil {
				t.Errorf("said %v", line)
			}
		}
		w.server.Replace("u0", letters("u", "one", "two")...)
	}
}

// TestReusedIsNamed: the log names a message by the UIDL that the server gives it, also if that
// UIDL was another message's before.
func TestReusedIsNamed(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t)
	w.sink.messageIDs = true
	w.server.Mailboxes["u0"] = letters("u", "one")
	w.start(t)
	for i, listed := range [][]pop3test.Message{letters("u", "one"), nil, letters("u", "ONE"), letters("u", "ONE")} {
		w.server.Replace("u0", listed...)
		w.account.Delete = i == 3
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.sink.Files()); n != 2 {
		t.Errorf("%d delivered, want 2", n)
	}
	said := lines(t, log, "message deleted on the server")
	if len(said) != 1 || said[0]["uidl"] != "u0" || said[0]["from"] == nil {
		t.Errorf("said %v\n%s", said, log)
	}
}

// TestLostQuitIsNamed: when the reply to QUIT was lost and the message is gone at the next poll,
// the log names it.
func TestLostQuitIsNamed(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "Subject: one")
	w.account.Delete = true
	w.server.Pipelining = false // otherwise the poll is made again at once
	w.server.Hook = first(1, on("QUIT", func(c *pop3test.Conn) {
		c.Commit()
		c.Cut()
	}))
	w.start(t)
	l := w.loop(w.account)
	for i := range 2 {
		if err := l.poll(t.Context(), t.Context()); (err != nil) != (i == 0) {
			t.Fatalf("poll %d: %v", i+1, err)
		}
		w.server.Wait()
	}
	said := lines(t, log, "message deleted on the server, as an earlier poll asked")
	if len(said) != 1 || said[0]["from"] == nil || said[0]["subject"] == nil {
		t.Errorf("said %v\n%s", said, log)
	}
}

// TestUndeletedIsNotSaidDeleted: once the log has said that a server does not delete, no deletion
// of a message that comes back is logged or counted.
func TestUndeletedIsNotSaidDeleted(t *testing.T) {
	t.Parallel()
	w, log := newSieve(t, "one", "two")
	w.account.Delete, w.server.Dele.Ignored = true, true
	w.start(t)
	for i, want := range []int{2, 2, 0, 0} {
		log.Reset()
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, line := range lines(t, log, "poll done") {
			n, _ := line["deleted"].(float64)
			counted += int(n)
		}
		if got := len(lines(t, log, "message deleted on the server")); got != want || counted != want {
			t.Errorf("poll %d: %d deletions are said, %d counted, want %d", i+1, got, counted, want)
		}
		if got := len(lines(t, log, "server does not delete")); (got > 0) != (i == 2) {
			t.Errorf("poll %d: the warning is said %d times", i+1, got)
		}
	}
}

// TestDigestsAreSettled: a message that was delivered while the server refused UIDL, and is gone,
// is not announced as about to be deleted.
func TestDigestsAreSettled(t *testing.T) {
	t.Parallel()
	for _, deletes := range []bool{false, true} { // as QUIT is lost
		w, log := newSieve(t, "one", "two", "three")
		w.account.Delete = true
		w.server.Pipelining = false
		session := 0
		w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
			switch {
			case session > 1:
				return false
			case cmd == "QUIT":
				if deletes {
					c.Commit()
				}
				c.Cut()
				return true
			}
			return noUIDL(c, cmd, args)
		}
		w.start(t)
		for i := range 3 {
			session++
			if err := w.once(t); (err != nil) != (i == 0) {
				t.Fatalf("poll %d: %v", i+1, err)
			}
		}
		pending, err := w.ledger.Pending(t.Context(), "lab")
		if err != nil || len(pending) > 0 {
			t.Errorf("deletes %t: %d are pending, %v", deletes, len(pending), err)
		}
		if n := len(w.sink.Files()); n != 3 {
			t.Errorf("deletes %t: %d delivered, want 3", deletes, n)
		}
		if got := len(lines(t, log, "message deleted on the server")); got != 3 {
			t.Errorf("deletes %t: %d deletions are said, want 3\n%s", deletes, got, log)
		}
	}
}
