package fetcher

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestUIDLRefusedOfNothing: a server may refuse UIDL and LIST of an empty mailbox. There is nothing
// to fetch then, whatever the ledger knows. A refusal with the code of a fault is a fault.
func TestUIDLRefusedOfNothing(t *testing.T) {
	t.Parallel()
	for line, fails := range map[string]bool{
		"-ERR no mail": false, "-ERR no messages waiting": false, "-ERR": false, "-ERR mailbox is empty": false, "-ERR [EMPTY] nothing": false,
		"-ERR unknown command": false, "-ERR [SYS/TEMP] index is being built": true, "-ERR [IN-USE] locked": true, "-ERR [SYS/PERM] broken": true,
	} {
		t.Run(line+", to LIST", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server.Hook = answers("LIST", line+"\r\n")
			w.start(t)
			w.poll(t)
			_, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
			w.server.Wait()
			_, adoptErr := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{}, zerolog.Nop())
			if (err != nil) != fails || (adoptErr != nil) != fails {
				t.Errorf("check: %v; adopt: %v", err, adoptErr)
			}
		})
		for _, remove := range []bool{false, true} {
			for _, before := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, delete %t, known %t", line, remove, before), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					w.account.Delete = remove
					w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
						if (cmd == "UIDL" || cmd == "LIST") && c.UIDL("1") == "" {
							c.Reply(line)
							return true
						}
						return false
					}
					if before {
						w.server.Mailboxes["u0"] = letters("a", "1")
					}
					w.start(t)
					if before {
						w.poll(t)
						w.server.Replace("u0")
					}
					for range 2 {
						if err := w.once(t); (err != nil) != fails || fails && !strings.Contains(err.Error(), line) {
							t.Fatalf("error %v", err)
						}
					}
					_, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
					w.server.Wait()
					_, adoptErr := w.supervisor.Adopt(t.Context(), w.account, identity.Adoption{}, zerolog.Nop())
					w.server.Wait()
					if (err != nil) != fails || (adoptErr != nil) != fails {
						t.Errorf("check: %v; adopt: %v", err, adoptErr)
					}
					before := len(w.sink.Files())
					w.server.Replace("u0", letters("b", "2", "3")...)
					if n := w.poll(t) - before; n != 2 {
						t.Errorf("%d delivered, want what came later", n)
					}
				})
			}
		}
	}
}
