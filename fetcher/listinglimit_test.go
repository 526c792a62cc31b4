package fetcher

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestListingLimit: a server that lists without end costs its own account the poll, once, and other
// accounts nothing.
func TestListingLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.server.Users["u1"] = "pw0"
	w.server.Mailboxes["u1"] = letters("v", "two")
	uidl := bytes.Repeat([]byte("x"), 1900)
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd != "UIDL" || c.User() != "u1" {
			return false
		}
		c.Reply("+OK")
		var lines []byte
		for n := 1; ; n++ {
			if lines = fmt.Appendf(lines, "%d %s%d\r\n", n, uidl, n); len(lines) < 256<<10 {
				continue
			}
			if c.Send(lines) != nil {
				return true
			}
			lines = lines[:0]
		}
	}
	w.start(t)
	other := w.account
	other.Name, other.Username = "other", "u1"
	errs := w.supervisor.RunOnce(t.Context(), []Account{w.account, other})
	if len(errs) != 1 || !errors.Is(errs[0], pop3.ErrListTooLong) {
		t.Errorf("errors %v, want one", errs)
	}
	if w.has() != "one" {
		t.Errorf("delivered %q", w.has())
	}
	if n := w.server.Sessions(); n != 2 {
		t.Errorf("%d sessions, want one for each account", n)
	}
}
