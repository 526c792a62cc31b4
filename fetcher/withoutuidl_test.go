package fetcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// noUIDL is a hook of a server that does not know UIDL.
func noUIDL(c *pop3test.Conn, cmd, _ string) bool {
	if cmd != "UIDL" {
		return false
	}
	c.Reply("-ERR unknown command")
	return true
}

// TestNamelessQuitLost: a message without a UIDL was delivered, and QUIT was lost. It is known by
// its bytes: it is not delivered again, and is deleted.
func TestNamelessQuitLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two", "three")
	w.account.Delete = true
	w.server.Pipelining = false // otherwise the poll is made again at once
	lost := false
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "QUIT" && !lost {
			lost = true
			c.Cut()
			return true
		}
		return noUIDL(c, cmd, args)
	}
	w.start(t)
	if err := w.once(t); err == nil {
		t.Error("QUIT was lost without an error")
	}
	w.server.Append("u0", pop3test.Message{UIDL: "unused", Raw: []byte("four\r\n")})
	if err := w.once(t); err != nil {
		t.Error(err)
	}
	if got := w.has(); got != "four one three two" {
		t.Errorf("delivered %q", got)
	}
	if n := len(w.sink.Staged()); n != 0 {
		t.Errorf("%d staging files are left of the messages that came again", n)
	}
	if left := len(w.server.Mailbox("u0")); left != 0 {
		t.Errorf("%d messages left", left)
	}
}

// TestNamelessTwins: two identical messages without a UIDL are two messages.
func TestNamelessTwins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "same", "same", "other")
	w.account.Delete = true
	w.server.Hook = noUIDL
	delivered := 0
	w.supervisor.Observe = func(e event.Event) {
		if _, ok := e.(event.Delivered); ok {
			delivered++
		}
	}
	w.start(t)
	if err := w.once(t); err != nil {
		t.Error(err)
	}
	if left := len(w.server.Mailbox("u0")); delivered != 3 || left != 0 {
		t.Errorf("%d delivered, %d left", delivered, left)
	}
}

// TestNamelessQuarantine: a message without a UIDL that can't be taken apart is kept once, however
// often it comes.
func TestNamelessQuarantine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "poison")
	w.account.Delete = true
	w.server.Hook = noUIDL
	w.sink.fail = func(s string) error {
		if s == "stage poison" {
			return &delivery.UnprocessableError{Err: errors.New("too deep")}
		}
		return nil
	}
	w.start(t)
	for range 3 {
		if err := w.once(t); err != nil {
			t.Error(err)
		}
	}
	kept, err := w.ledger.Quarantined(t.Context(), "lab")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d in quarantine, %v", len(kept), err)
	}
	if left := len(w.server.Mailbox("u0")); left != 1 {
		t.Errorf("%d messages left, want the one in quarantine", left)
	}
}

// TestNamelessBreaks: a message without a UIDL that breaks the connection at every poll lets the
// others through.
func TestNamelessBreaks(t *testing.T) {
	t.Parallel()
	var bodies []string
	for i := range 5 {
		bodies = append(bodies, fmt.Sprint("body", i))
	}
	w := newWorld(t, bodies...)
	w.account.Delete = true
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "RETR" && c.UIDL(args) == "uid-1" {
			c.Cut()
			return true
		}
		return noUIDL(c, cmd, args)
	}
	w.start(t)
	for range 200 { // each has a good chance
		_ = w.once(t)
		if len(strings.Fields(w.has())) == len(bodies)-1 {
			break
		}
	}
	if got, want := w.has(), strings.Join(slices.Sorted(slices.Values(bodies[1:])), " "); got != want {
		t.Errorf("delivered %q, want %q", got, want)
	}
}
