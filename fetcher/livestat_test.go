package fetcher

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestLiveSTAT: a server may answer STAT differently within a session, because mail has come or for
// any other reason. It is not out of step then, whatever its sizes are. A message that was cut at a
// lone dot is still told from that.
func TestLiveSTAT(t *testing.T) {
	t.Parallel()
	raws := []string{"one\r\n", "message two\r\n", "the third\r\n"}
	replies := map[string]func(n int) string{
		"one more each time":   func(n int) string { return fmt.Sprintf("+OK %d %d", 3+n, 29+10*n) },
		"many more":            func(n int) string { return fmt.Sprintf("+OK %d %d", 3+n*100, 29+1000*n) },
		"more, without octets": func(n int) string { return fmt.Sprintf("+OK %d", 3+n) },
		"other octets":         func(n int) string { return fmt.Sprintf("+OK 3 %d", 29+n) },
		"fewer":                func(n int) string { return fmt.Sprintf("+OK %d 29", max(3-n, 0)) },
		"more, and words":      func(n int) string { return fmt.Sprintf("+OK %d messages (%d octets)", 3+n, 29+n) },
	}
	sizes := map[string]func(octets int) string{
		"exact":     func(n int) string { return fmt.Sprint(n) },
		"too small": func(n int) string { return fmt.Sprint(n - 2) },
		"too large": func(n int) string { return fmt.Sprint(n*11/10 + 512) },
		"none":      func(int) string { return "" },
	}
	for reply, stat := range replies {
		for size, of := range sizes {
			for _, pipelining := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, sizes %s, pipelining %t", reply, size, pipelining), func(t *testing.T) {
					t.Parallel()
					var mu sync.Mutex
					asked := make(map[*pop3test.Conn]int)
					play{raws: raws, keep: true, errs: []string{"", ""}, server: func(s *pop3test.Server) { s.Pipelining = pipelining }, hook: func(c *pop3test.Conn, cmd, args string) bool {
						mu.Lock()
						defer mu.Unlock()
						switch {
						case cmd == "STAT":
							c.Reply(stat(asked[c]))
							asked[c]++
						case cmd == "LIST":
							lines := []string{"+OK"}
							for i, raw := range raws {
								lines = append(lines, fmt.Sprint(i+1, " ", of(len(raw))))
							}
							c.Reply(append(lines, ".")...)
						default:
							return false
						}
						return true
					}}.run(t)
				})
			}
		}
	}
	// A sender may put a guess of the reply to STAT behind the dot.
	for _, rest := range []string{"+OK 9 999\r\n", "+OK 9 999\r\n+OK 10 9999\r\n+OK 3 uid-3\r\n", "+OK 4 999\r\n+OK 3 uid-1\r\n"} {
		for _, pipelining := range []bool{false, true} {
			t.Run(fmt.Sprintf("cut, %q, pipelining %t", rest, pipelining), func(t *testing.T) {
				t.Parallel()
				cut := "two\r\n.\r\n" + rest
				play{raws: []string{"one\r\n", cut}, hasty: true, server: func(s *pop3test.Server) { s.Pipelining = pipelining }, errs: []string{"cut at a lone dot", "", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
					if !isMessage(c, cmd, args, "uid-2") {
						return false
					}
					c.Send([]byte("+OK\r\n" + cut + ".\r\n"))
					return true
				}}.run(t)
			})
		}
	}
}

// TestLiveSTATWords: the error quotes what the server said.
func TestLiveSTATWords(t *testing.T) {
	t.Parallel()
	w, _ := play{raws: []string{"one\r\n"}, keep: true, server: func(s *pop3test.Server) { s.Pipelining = false }}.begin(t)
	stats := 0
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		switch {
		case cmd == "PASS", cmd == "APOP":
			stats = 0
			return false
		case cmd == "STAT":
			c.Reply([]string{"+OK 5 100", "+OK 71 68730"}[min(stats, 1)])
			stats++
		case cmd == "LIST":
			c.Reply("+OK", "1 100", ".")
		case cmd == "UIDL" && args != "":
			c.Reply("+OK no such thing")
		default:
			return false
		}
		return true
	}
	if err := w.once(t); err == nil || !strings.Contains(err.Error(), "71 messages now, 5 before") {
		t.Errorf("error %v", err)
	}
}
