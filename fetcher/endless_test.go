package fetcher

import (
	"bytes"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestEndlessLine: a line that never ends costs the message that it is about, and no other.
func TestEndlessLine(t *testing.T) {
	t.Parallel()
	endless := func(c *pop3test.Conn, lines ...string) {
		c.Reply(lines...)
		for c.Send(bytes.Repeat([]byte("u"), 64<<10)) == nil {
		}
	}
	// is reports whether a command is about the second message.
	is := func(c *pop3test.Conn, cmd, args string) bool { return cmd == "UIDL" && c.UIDL(args) == "uid-2" }
	has := func(c *pop3test.Conn) bool { return c.UIDL("2") == "uid-2" }
	list := func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "UIDL" || args != "" || !has(c) {
			return false
		}
		endless(c, "+OK", "1 uid-1")
		return true
	}
	others := []string{"one\r\n", "three\r\n"}
	const left = "1 of 3 messages can't be fetched: the server gives no UIDL of use for number 2"
	both := func(c *pop3test.Conn, cmd, args string) bool {
		if is(c, cmd, args) {
			c.Send([]byte("+OK 2 u"))
			endless(c)
			return true
		}
		return list(c, cmd, args)
	}
	inLIST := func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "LIST" || args != "" || !has(c) {
			return false
		}
		endless(c, "+OK", "1 5")
		return true
	}
	subtests(t, map[string]play{
		"in the list":                        {hook: list},
		"in the list, keep":                  {hook: list, keep: true},
		"in the list, one at a time":         {hook: list, keep: true, server: func(s *pop3test.Server) { s.Pipelining = false }},
		"wherever it is asked for":           {hook: both},
		"wherever it is asked for, keep":     {hook: both, keep: true, want: others, errs: []string{left, left}},
		"wherever it is asked for, in parts": {hook: both, account: func(a *Account) { a.CommitDeletions = 1 }},
		"in LIST":                            {hook: inLIST},
		"in LIST, keep":                      {hook: inLIST, keep: true},
	})
}

// TestEndlessSTAT: an endless reply to a command without a list is not asked for in another way.
func TestEndlessSTAT(t *testing.T) {
	t.Parallel()
	w, _ := play{hook: answers("STAT", "+OK "+strings.Repeat("x", 100_000)+"\r\n"), want: none, left: 3, errs: []string{"line too long"}}.run(t)
	if n := commands(w, "STAT"); n > 2 {
		t.Errorf("asked %d times", n)
	}
}
