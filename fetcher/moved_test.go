package fetcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// letters are messages with a Message-ID. The memory sink makes one attachment of each.
func letters(prefix string, ids ...string) []pop3test.Message {
	var all []pop3test.Message
	for i, id := range ids {
		raw := "no Message-ID\r\n"
		if id != "" {
			raw = fmt.Sprintf("Message-ID: <%s@example.org>\r\n\r\nbody of %[1]s\r\n", id)
		}
		all = append(all, pop3test.Message{UIDL: fmt.Sprint(prefix, i), Raw: []byte(raw)})
	}
	return all
}

// TestMoved: a message that was delivered under another UIDL or size is not delivered again. One
// that only looks like it is delivered.
func TestMoved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		before, later []pop3test.Message
		empty         bool // the mailbox, in between
		grown         bool // LIST gives other sizes
		fetch         bool
		again         int // messages delivered the second time
	}{
		{name: "all, of a small mailbox", before: letters("a", "1", "2", "3"), later: letters("b", "1", "2", "3")},
		{name: "all, and the mailbox was empty meanwhile", before: letters("a", "1", "2", "3"), later: letters("b", "1", "2", "3"), empty: true},
		{name: "some", before: letters("a", "1", "2", "3", "4"), later: append(letters("a", "1", "2"), letters("b", "3", "4")...)},
		{name: "and others are new", before: letters("a", "1", "2"), later: letters("b", "1", "2", "3"), again: 1},
		{name: "wanted again", before: letters("a", "1", "2"), later: letters("b", "1", "2"), fetch: true, again: 2},
		{name: "other sizes", before: letters("a", "1", "2", "3"), later: letters("a", "1", "2", "3"), grown: true},
		{name: "other sizes, no Message-ID", before: letters("a", ""), later: letters("a", ""), grown: true},
		{name: "other UIDLs, no Message-ID", before: letters("a", ""), later: letters("b", ""), again: 1},
		{name: "a copy beside it", before: letters("a", "1"), later: append(letters("a", "1"), letters("b", "1")...), again: 1},
		{name: "twins", before: letters("a", "1", "1"), later: letters("b", "1", "1")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			delivered := 0
			w.supervisor.Observe = func(e event.Event) {
				if _, ok := e.(event.Delivered); ok {
					delivered++
				}
			}
			w.server.Mailboxes["u0"] = tt.before
			w.start(t)
			if err := w.once(t); err != nil || delivered != len(tt.before) {
				t.Fatalf("%d delivered, error %v", delivered, err)
			}
			w.account.FetchChangedUIDLs = tt.fetch
			if tt.empty {
				w.server.Replace("u0")
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
			}
			w.server.Replace("u0", tt.later...)
			if tt.grown {
				w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
					switch cmd {
					case "STAT":
						c.Reply(fmt.Sprintf("+OK %d 9999", len(tt.later)))
					case "LIST":
						lines := []string{"+OK"}
						for i, m := range w.server.Mailbox("u0") {
							lines = append(lines, fmt.Sprint(i+1, " ", len(m.Raw)+9))
						}
						c.Reply(append(lines, ".")...)
					default:
						return false
					}
					return true
				}
			}
			delivered = 0
			for range 2 {
				if err := w.once(t); err != nil {
					t.Fatal(err)
				}
			}
			if delivered != tt.again {
				t.Errorf("%d delivered again, want %d", delivered, tt.again)
			}
			if n := len(w.sink.Staged()); n > 0 {
				t.Errorf("%d staging files are left", n)
			}
			if n := len(w.server.Mailbox("u0")); n != len(tt.later) {
				t.Errorf("%d messages left on the server, want %d", n, len(tt.later))
			}
		})
	}
}

// TestPutBack: a message that was delivered, deleted and put back under another UIDL is neither
// delivered again nor deleted.
func TestPutBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		later     []pop3test.Message
		fetch     bool
		again     int
		left      int
		failsOnce bool
	}{
		"all":                     {later: letters("b", "1", "2"), left: 2},
		"beside others":           {later: letters("b", "3", "1", "4", "2"), again: 2, left: 2},
		"retrieved twice":         {later: letters("b", "1", "2"), left: 2, failsOnce: true},
		"without Message-ID":      {later: letters("b", "", "1"), again: 1, left: 1},
		"wanted again":            {later: letters("b", "1", "2"), fetch: true, again: 2},
		"as twins":                {later: letters("b", "1", "1"), left: 2},
		"under the UIDL it had":   {later: letters("a", "1", "2")},
		"under another's UIDL":    {later: letters("a", "2", "1"), left: 2},
		"some, others were there": {later: append(letters("b", "1"), letters("c", "3")...), again: 1, left: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.account.Delete, w.account.FetchChangedUIDLs = true, tt.fetch
			delivered := 0
			w.supervisor.Observe = func(e event.Event) {
				if _, ok := e.(event.Delivered); ok {
					delivered++
				}
			}
			failing := false
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd == "RETR" && failing {
					failing = false
					c.Reply("-ERR [SYS/TEMP] later")
					return true
				}
				return false
			}
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			w.server.Mailboxes["u0"] = letters("a", "1", "2")
			w.start(t)
			w.poll(t)
			w.server.Replace("u0", tt.later...)
			delivered, failing = 0, tt.failsOnce
			for range 3 {
				w.poll(t)
				now = now.Add(time.Hour)
			}
			if delivered != tt.again {
				t.Errorf("%d delivered again, want %d", delivered, tt.again)
			}
			if n := len(w.sink.Staged()); n > 0 {
				t.Errorf("%d staging files are left", n)
			}
			if n := len(w.server.Mailbox("u0")); n != tt.left {
				t.Errorf("%d messages left on the server, want %d", n, tt.left)
			}
			retr := commands(w, "RETR")
			w.poll(t)
			if n := commands(w, "RETR") - retr; n > 0 {
				t.Errorf("%d are retrieved each time", n)
			}
		})
	}
}

// TestUIDLRefusedOnce: a server that has given UIDLs and once refuses the command does not have its
// messages fetched by digest.
func TestUIDLRefusedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.start(t)
	w.poll(t)
	w.account.Delete = true
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "UIDL" {
			c.Reply("-ERR unknown command")
			return true
		}
		return false
	}
	before := commands(w, "RETR")
	if err := w.once(t); err == nil || !strings.Contains(err.Error(), "attachd state forget lab") {
		t.Errorf("error %v", err)
	}
	if n := commands(w, "RETR") - before; n > 0 || len(w.server.Mailbox("u0")) != 2 {
		t.Errorf("%d RETR, and %d messages are left", n, len(w.server.Mailbox("u0")))
	}
}
