package fetcher

import (
	"fmt"
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
