package fetcher

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// poll polls once and returns how many files are in the sink.
func (w *world) poll(t *testing.T) int {
	t.Helper()
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	return len(w.sink.Files())
}

// TestUIDLReuse: a message with a known UIDL and another size is fetched. A message with a known
// UIDL and size is not fetched again.
func TestUIDLReuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.start(t)
	if n := w.poll(t); n != 2 {
		t.Fatalf("%d published, want 2", n)
	}
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		switch cmd {
		case "STAT":
			c.Reply("+OK 3 21")
		case "UIDL":
			c.Reply("+OK", "1 uid-1", "2 uid-2", "3 uid-1", ".")
		case "LIST":
			c.Reply("+OK", "1 5", "2 5", "3 11", ".")
		case "RETR":
			c.Reply("+OK", "new content", ".")
		default:
			return false
		}
		return true
	}
	// The third message shares the first one's UIDL, but it is not that message.
	if n := w.poll(t); n != 3 || w.sink.Files()["new content"] == nil {
		t.Errorf("%d published, want the new message and no other", n)
	}
	if n := w.poll(t); n != 3 {
		t.Errorf("%d published after another poll, want nothing new", n)
	}
}

// TestSameUIDLOtherSize: the octets of STAT betray that the only message is another one now.
func TestSameUIDLOtherSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	w.poll(t)
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		switch cmd {
		case "STAT":
			c.Reply("+OK 1 9")
		case "LIST":
			c.Reply("+OK", "1 9", ".")
		case "RETR":
			c.Reply("+OK", "another", ".")
		default:
			return false
		}
		return true
	}
	if n := w.poll(t); n != 2 {
		t.Errorf("%d published, want both messages of this UIDL", n)
	}
}

// TestShortListing: messages that a listing lacks once are not fetched again when they are back.
func TestShortListing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two", "three")
	w.start(t)
	w.poll(t)
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		switch cmd {
		case "STAT":
			c.Reply("+OK 0 0")
		case "UIDL", "LIST":
			c.Reply("+OK", ".")
		default:
			return false
		}
		return true
	}
	w.poll(t)
	w.server.Hook = nil
	before := len(w.server.Log())
	w.poll(t)
	for _, line := range w.server.Log()[before:] {
		if line == "RETR 1" {
			t.Errorf("fetched again after a short listing")
		}
	}
}

// TestNoListWhenNothingIsNew: a poll of a mailbox that did not change sends no LIST.
func TestNoListWhenNothingIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.start(t)
	w.poll(t)
	before := len(w.server.Log())
	w.poll(t)
	want := []string{"APOP u0 ***", "CAPA", "STAT", "UIDL", "QUIT"}
	if diff := cmp.Diff(want, w.server.Log()[before:]); diff != "" {
		t.Errorf("commands differ (-want +got):\n%s", diff)
	}
}

// TestListAhead: LIST is sent with the other questions if something is likely to be new. It does no
// harm if the server refuses it for an empty mailbox.
func TestListAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Delete = true
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd != "LIST" || len(w.server.Mailbox("u0")) > 0 {
			return false
		}
		c.Reply("-ERR no messages")
		return true
	}
	w.start(t)
	for range 3 {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	empty := []string{"APOP u0 ***", "CAPA", "STAT", "UIDL", "LIST", "QUIT"}
	want := slices.Concat([]string{"CAPA", "APOP u0 ***", "CAPA", "STAT", "UIDL", "LIST", "RETR 1", "STAT", "DELE 1", "QUIT"}, empty, empty)
	if diff := cmp.Diff(want, w.server.Log()); diff != "" {
		t.Errorf("commands differ (-want +got):\n%s", diff)
	}
}

// TestQuitWithoutAnswer: the connection is cut at QUIT, and the server may have deleted or not.
// Either way nothing is fetched again and nothing is left behind.
func TestQuitWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, committed := range map[string]bool{"deleted": true, "not deleted": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two")
			w.account.Delete = true
			w.server.Pipelining = false // otherwise the poll is made again at once
			cut := true
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd != "QUIT" || !cut {
					return false
				}
				cut = false
				if committed {
					c.Commit()
				}
				c.Cut()
				return true
			}
			w.start(t)
			if err := w.once(t); err == nil {
				t.Fatal("a QUIT without an answer confirms no deletion")
			}
			records, err := w.ledger.Lookup(t.Context(), "lab", []string{"uid-1", "uid-2"})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				if r.State != ledger.DeletePending {
					t.Errorf("UIDL %s is %s, want delete_pending", r.UIDL, r.State)
				}
			}
			before := len(w.server.Log())
			if n := w.poll(t); n != 2 {
				t.Errorf("%d published, want 2", n)
			}
			for _, line := range w.server.Log()[before:] {
				if line == "RETR 1" {
					t.Errorf("fetched again")
				}
			}
			if left := w.server.Mailbox("u0"); len(left) != 0 {
				t.Errorf("%d messages left on the server", len(left))
			}
		})
	}
}

// TestSkipDuplicates: bytes that the account received before, in the same group or earlier, are
// recorded and not written again.
func TestSkipDuplicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "same", "same", "other")
	w.account.SkipDuplicates = true
	w.start(t)
	if n := w.poll(t); n != 2 {
		t.Fatalf("%d published, want 2", n)
	}
	w.sink.Take() // a consumer took them
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log).Level(zerolog.InfoLevel)
	w.server.Append("u0", pop3test.Message{UIDL: "uid-4", Raw: []byte("same\r\n")})
	if n := w.poll(t); n != 0 || len(w.sink.Staged()) != 0 {
		t.Errorf("%d published, %d staged; want nothing of bytes received before", n, len(w.sink.Staged()))
	}
	if said, done := lines(t, &log, "attachment left out, received before"), lines(t, &log, "poll done"); values(said, "uidl") != "uid-4" || values(done, "received_before") != "1" {
		t.Errorf("log says %s", &log)
	}
	records, err := w.ledger.Lookup(t.Context(), "lab", []string{"uid-1", "uid-2", "uid-3", "uid-4"})
	if err != nil || len(records) != 4 {
		t.Errorf("%d messages recorded, error %v; want all 4", len(records), err)
	}
}
