package fetcher

import (
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

func garbledLists(t *testing.T) {
	uidl := func(lines ...string) hook { return answers("UIDL", "+OK\r\n"+strings.Join(lines, "\r\n")+"\r\n.\r\n") }
	subtests(t, map[string]play{
		"no UIDL":                {hook: answers("UIDL", "-ERR unknown command\r\n")},
		"no UIDL, keep":          {hook: answers("UIDL", "-ERR unknown command\r\n"), keep: true, want: none, left: 3, errs: []string{"only after: delete"}, never: []string{"RETR", "DELE"}},
		"three spaces":           {hook: uidl("1   a", "2   b", "3   c")},
		"lines with +OK":         {hook: uidl("+OK 1 a", "+OK 2 b", "+OK 3 c")},
		"trailing space":         {hook: uidl("1 a ", "2 b  ", "3 c\t")},
		"an empty UID":           {hook: uidl("1 a", "2 ", "3 c")},
		"an empty UID, keep":     {hook: uidl("1 a", "2 ", "3 c"), keep: true, want: []string{"one\r\n", "three\r\n"}, left: 3, errs: []string{"1 of 3 messages can't be fetched: the server gives no UIDL of use for number 2,"}},
		"duplicate UIDs":         {hook: uidl("1 a", "2 a", "3 a"), errs: []string{""}},
		"long UIDs":              {hook: uidl("1 "+strings.Repeat("a", 200), "2 b and more", "3 c")},
		"8-bit UIDs":             {hook: uidl("1 \xe4", "2 \xf6", "3 \xff")},
		"STAT without octets":    {hook: answers("STAT", "+OK 3\r\n"), errs: []string{""}},
		"STAT of nothing":        {hook: answers("STAT", "+OK 0 0\r\n")},
		"STAT of many":           {hook: answers("STAT", "+OK 99 999999999999\r\n"), errs: []string{"96 of 99 messages can't be fetched: STAT counts 96 more", "99 of 99 messages can't"}},
		"STAT of less than none": {hook: answers("STAT", "+OK 3 -17\r\n"), errs: []string{""}},
		"sizes that are none":    {hook: answers("LIST", "+OK\r\n1 %!d(float64=5)\r\n2\r\n3 x\r\n.\r\n")},
		"garbage in the list":    {hook: uidl("hello", "1 a", "", "2 b", "3 c")},
		"nothing but garbage":    {hook: uidl("hello", "there"), want: none, left: 3, errs: []string{"out of step"}},
		"list longer than STAT":  {hook: answers("STAT", "+OK 1 5\r\n"), errs: []string{""}},
	})
}

func unequalLists(t *testing.T) {
	subtests(t, map[string]play{
		"UIDL longer":  {hook: first(2, answers("LIST", "+OK\r\n1 5\r\n2 5\r\n.\r\n")), keep: true, errs: []string{"", "", ""}},
		"UIDL shorter": {hook: first(1, answers("UIDL", "+OK\r\n1 uid-1\r\n2 uid-2\r\n.\r\n")), keep: true, errs: []string{"1 of 3 messages can't be fetched", "", ""}},
	})
}

func shortListOnce(t *testing.T) {
	for _, list := range []string{"+OK\r\n.\r\n", "+OK\r\n1 uid-1\r\n.\r\n"} {
		polls := 0
		w, _ := play{keep: true, errs: []string{"", "", "", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
			if cmd == "APOP" {
				polls++
			}
			return polls == 2 && answers("STAT", "+OK 0 0\r\n", "UIDL", list, "LIST", "+OK\r\n.\r\n")(c, cmd, args)
		}}.run(t)
		if n := strings.Count(strings.Join(w.server.Log(), "\n"), "RETR"); n != 3 {
			t.Errorf("%d messages fetched, want each once", n)
		}
	}
}

func allUIDLsChanged(t *testing.T) {
	polls := 0
	play{keep: true, errs: []string{"", "", ""}, account: func(a *Account) { a.SkipDuplicates = true }, hook: func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "APOP" {
			polls++
		}
		return polls > 1 && answers("UIDL", "+OK\r\n1 new-1\r\n2 new-2\r\n3 new-3\r\n.\r\n")(c, cmd, args)
	}}.run(t)
}

func reordered(t *testing.T) {
	polls := 0
	play{keep: true, errs: []string{"", "", ""}, hook: func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "APOP" {
			polls++
		}
		return polls > 1 && answers("STAT", "+OK 3 18\r\n", "UIDL", "+OK\r\n1 uid-3\r\n2 uid-1\r\n3 uid-2\r\n.\r\n", "LIST", "+OK\r\n1 7\r\n2 5\r\n3 5\r\n.\r\n")(c, cmd, args)
	}}.run(t)
}
