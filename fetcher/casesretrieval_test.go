package fetcher

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

func refusedRetr(t *testing.T) {
	refuse := func(line string) hook {
		return func(c *pop3test.Conn, cmd, args string) bool {
			if isMessage(c, cmd, args, "uid-2") {
				c.Reply(line)
				return true
			}
			return false
		}
	}
	others := []string{"one\r\n", "three\r\n"}
	subtests(t, map[string]play{
		"once":            {hook: first(1, refuse("-ERR [SYS/TEMP] not now")), pause: time.Hour, errs: []string{"", "", ""}},
		"always":          {hook: refuse("-ERR [SYS/PERM] unreadable"), want: others, left: 1, pause: time.Hour, errs: []string{"", "", "", ""}},
		"Download exceed": {hook: refuse("-ERR Download exceed. msg=10"), want: others, left: 1},
	})
}

func wrongSizes(t *testing.T) {
	for _, sizes := range []string{"+OK\r\n1 0\r\n2 0\r\n3 0\r\n.\r\n", "+OK\r\n1 3\r\n2 999\r\n3 6\r\n.\r\n", "+OK\r\n1 50\r\n2 50\r\n3 70\r\n.\r\n", "+OK\r\n1 1099511627776\r\n2 1099511627776\r\n3 99999999999999999999999\r\n.\r\n"} {
		play{hook: answers("LIST", sizes)}.run(t)
	}
}

func brokenPipelining(t *testing.T) {
	// All have the same length, so that one can stand in the place of another.
	raws := []string{"aaa\r\n", "bbb\r\n", "ccc\r\n", "ddd\r\n", "eee\r\n"}
	// pipelined limits a hook to the time when commands come ahead.
	pipelined := func(h hook) hook {
		return func(c *pop3test.Conn, cmd, args string) bool { return c.Ahead() > 0 && h(c, cmd, args) }
	}
	subtests(t, map[string]play{
		"a reply is dropped":         {raws: raws, hasty: true, hook: pipelined(answers("RETR 2", ""))},
		"a reply too many":           {raws: raws, hook: pipelined(answers("RETR 2", "+OK\r\nbbb\r\n.\r\n+OK\r\nxxx\r\n.\r\n"))},
		"replies are mixed":          {raws: raws, hook: pipelined(answers("RETR 2", "+OK\r\nbb+OK\r\nccc\r\n.\r\nb\r\n.\r\n", "RETR 3", ""))},
		"disconnect":                 {raws: raws, hook: pipelined(on("RETR 3", (*pop3test.Conn).Cut))},
		"disconnect at DELE":         {raws: raws, hook: pipelined(on("DELE 2", (*pop3test.Conn).Cut))},
		"a reply to DELE is dropped": {raws: raws, hasty: true, hook: pipelined(answers("DELE 2", ""))},
		"disconnect, whatever we try": {raws: raws, want: []string{"aaa\r\n", "ccc\r\n", "ddd\r\n", "eee\r\n"}, left: 1, errs: []string{"RETR 2", "RETR", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
			if isMessage(c, cmd, args, "uid-2") {
				c.Cut()
				return true
			}
			return false
		}},
	})
}

func idleDrop(t *testing.T) {
	dropped := make(chan struct{})
	var once sync.Once
	play{
		errs: []string{"", ""},
		hook: first(1, on("RETR 2", func(c *pop3test.Conn) {
			c.Reply("+OK", "two", ".")
			c.Cut()
			close(dropped)
		})),
		sink: func(s *tally) {
			s.fail = func(step string) error {
				if strings.HasPrefix(step, "stage") {
					once.Do(func() { <-dropped })
				}
				return nil
			}
		},
	}.run(t)
}

func absoluteLimit(t *testing.T) {
	var raws []string
	for n := range 9 {
		raws = append(raws, fmt.Sprintf("message %d\r\n", n))
	}
	within := func(c *pop3test.Conn) { c.Reply("+OK", "mess"); c.Cut() }
	for where, cut := range map[string]func(c *pop3test.Conn){
		"between messages": (*pop3test.Conn).Cut, "in a message": within,
		"between messages, wrong sizes": (*pop3test.Conn).Cut, "in a message, wrong sizes": within,
	} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			counts := make(map[*pop3test.Conn]int)
			var mu sync.Mutex
			w, sink := play{raws: raws, hook: func(c *pop3test.Conn, cmd, args string) bool {
				if cmd == "LIST" && strings.Contains(where, "wrong") {
					c.Reply("+OK", ".")
					return true
				}
				mu.Lock()
				defer mu.Unlock()
				if cmd != "RETR" {
					return false
				}
				if counts[c]++; counts[c] < 4 {
					return false
				}
				cut(c)
				return true
			}}.begin(t)
			for polls := 0; len(w.server.Mailbox("u0")) > 0; polls++ {
				if polls > 12 {
					t.Fatalf("%d messages are left after %d polls", len(w.server.Mailbox("u0")), polls)
				}
				w.supervisor.RunOnce(t.Context(), []Account{w.account})
			}
			play{want: raws}.check(t, w, sink)
		})
	}
}
