package fetcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestShort: what comes much shorter than LIST says is neither taken for the message nor deleted, but
// retrieved again, and kept as it is in the end; where the server's sizes mean something.
func TestShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("text\r\n", 100)
	for _, tt := range []struct {
		name    string
		others  int    // other messages, whose sizes are right
		body    string // what comes of the message, of 600 octets
		factor  int64  // of the sizes in LIST
		times   int    // so often
		uidl    bool
		states  string
		left    int
		reports string // the reason of the quarantine
	}{
		{name: "nothing, once", body: "", times: 1, uidl: true, states: "deleted"},
		{name: "nothing, always", body: "", times: 99, uidl: true, states: "quarantined", left: 1, reports: "0 octets came of the 600 that LIST says (attempt 3)"},
		{name: "the beginning, once", others: 1, body: long[:60], times: 1, uidl: true, states: "deleted"},
		{name: "the beginning, always", others: 1, body: long[:60], times: 99, uidl: true, states: "quarantined", left: 1, reports: "60 octets came of the 600 that LIST says (attempt 3)"},
		{name: "more than half", others: 1, body: long[:360], times: 99, uidl: true, states: "deleted"},
		{name: "sizes that are always too large", body: long, factor: 10, times: 99, uidl: true, states: "deleted"},
		{name: "sizes that are always too large, an empty message too", others: 1, body: "", factor: 10, times: 99, uidl: true, states: "deleted"},
		{name: "the beginning, without UIDL", others: 1, body: long[:60], times: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.account.Delete = true
			var raws []pop3test.Message
			for i := range tt.others {
				raws = append(raws, pop3test.Message{UIDL: fmt.Sprint("other", i), Raw: []byte(strings.Repeat("other\r\n", 50))})
			}
			w.server.Mailboxes["u0"] = append(raws, pop3test.Message{UIDL: "short", Raw: []byte(long)})
			short := 0
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				mailbox := w.server.Mailbox("u0")
				switch {
				case cmd == "UIDL" && !tt.uidl:
					return noUIDL(c, cmd, args)
				case cmd == "LIST" && tt.factor > 0:
					lines := []string{"+OK"}
					for i, m := range mailbox {
						lines = append(lines, fmt.Sprint(i+1, " ", int64(len(m.Raw))*tt.factor))
					}
					c.Reply(append(lines, ".")...)
					return true
				case cmd == "RETR" && mailbox[number(args)-1].UIDL == "short" && short < tt.times:
					short++
					c.Send([]byte("+OK\r\n" + tt.body + ".\r\n"))
					return true
				}
				return false
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			for range 6 {
				if err := w.once(t); err != nil && !strings.Contains(err.Error(), "could not be kept") {
					t.Fatal(err)
				}
				now = now.Add(time.Hour)
			}
			if left := len(w.server.Mailbox("u0")); left != tt.left {
				t.Errorf("%d messages left, want %d", left, tt.left)
			}
			if tt.uidl {
				if got, _, _ := strings.Cut(w.states(t, "short"), "/"); got != tt.states {
					t.Errorf("state %q, want %q", got, tt.states)
				}
			}
			if kept, err := w.ledger.Quarantined(t.Context(), "lab"); err != nil || len(kept) > 0 != (tt.reports != "") || len(kept) > 0 && kept[0].Reason != tt.reports {
				t.Errorf("in quarantine is %+v, error %v, want %q", kept, err, tt.reports)
			}
			if tt.times < 99 && !strings.Contains(w.has(), strings.TrimSpace(long)) {
				t.Errorf("delivered %q", w.has())
			}
		})
	}
}

func number(args string) (n int) {
	fmt.Sscan(args, &n)
	return n
}
