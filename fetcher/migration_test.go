package fetcher

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestUIDLsChanged: a mailbox with all UIDLs changed is not delivered a second time. One with other
// mail in it is delivered.
func TestUIDLsChanged(t *testing.T) {
	t.Parallel()
	mailbox := func(prefix, ids string, n int) []pop3test.Message {
		var all []pop3test.Message
		for i := range n {
			raw := fmt.Sprintf("Subject: %d\r\nMessage-ID:\r\n <%s-%d@example.org>\r\n\r\nbody\r\n", i, ids, i)
			all = append(all, pop3test.Message{UIDL: fmt.Sprintf("%s-%d", prefix, i), Raw: []byte(raw)})
		}
		return all
	}
	for name, test := range map[string]struct {
		later   []pop3test.Message
		noTop   bool
		fetch   bool
		stopped bool
	}{
		"the same mail":               {later: mailbox("b", "x", 30), stopped: true},
		"the same mail and some more": {later: append(mailbox("b", "x", 30), mailbox("c", "z", 5)...), stopped: true},
		"the same mail, wanted again": {later: mailbox("b", "x", 30), fetch: true},
		"other mail":                  {later: mailbox("b", "y", 30)},
		"little mail":                 {later: mailbox("b", "x", changedLeast-1)},
		"most of it as before":        {later: append(mailbox("a", "x", 30), mailbox("b", "x", 30)...)},
		"a server without TOP":        {later: mailbox("b", "x", 30), noTop: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.sink.messageIDs = true
			w.server.Mailboxes = map[string][]pop3test.Message{"u0": mailbox("a", "x", 30)}
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd == "TOP" && test.noTop {
					c.Reply("-ERR unknown command")
					return true
				}
				return false
			}
			w.start(t)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			before := len(w.sink.Files())
			w.server.Replace("u0", test.later...)
			w.account.FetchChangedUIDLs = test.fetch
			err := w.once(t)
			changed, stopped := errors.AsType[*identity.UIDLsChangedError](err)
			if stopped != test.stopped || err != nil && !stopped {
				t.Fatalf("error %v", err)
			}
			if stopped {
				if len(w.sink.Files()) != before || !strings.Contains(changed.Error(), "attachd state rebuild lab") {
					t.Errorf("%d delivered, %v", len(w.sink.Files())-before, err)
				}
				if n := commands(w, "RETR"); n != 30 {
					t.Errorf("%d RETR", n)
				}
			}
		})
	}
}
