package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// uidlLines answers UIDL with a line for each message that is still there, as line makes it of the
// number in this session and that in the mailbox at first; several lines may stand in one.
func uidlLines(line func(n, original int) string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		if cmd != "UIDL" || args != "" {
			return false
		}
		c.Reply("+OK")
		for n := 1; c.UIDL(fmt.Sprint(n)) != ""; n++ {
			original := 0
			fmt.Sscanf(c.UIDL(fmt.Sprint(n)), "uid-%d", &original)
			if text := line(n, original); text != "" {
				c.Reply(text)
			}
		}
		c.Reply(".")
		return true
	}
}

// second has another line for the second message, as line makes it of its number in this session.
func second(line func(n int) string) func(int, *pop3test.Conn, string, string) bool {
	return uidlLines(func(n, original int) string {
		if original == 2 {
			return line(n)
		}
		return fmt.Sprint(n, " ", plainUID(original))
	})
}

// dated is a header without a Message-ID.
func dated(n int) string {
	return strings.Replace(header(n), fmt.Sprintf("Message-ID: <%d@example.org>", n), fmt.Sprintf("Date: Mon, 1 Jan 2024 10:00:0%d +0100", n), 1)
}

// quitLost is a first session whose QUIT deletes nothing and is not answered, and answers UIDL
// otherwise than later ones: nil is that it does not.
func quitLost(uidl func(session int, c *pop3test.Conn)) func(int, *pop3test.Conn, string, string) bool {
	return func(session int, c *pop3test.Conn, cmd, args string) bool {
		switch {
		case cmd == "QUIT" && session == 1:
			c.Cut()
		case cmd == "UIDL" && args == "" && uidl != nil:
			uidl(session, c)
		default:
			return false
		}
		return true
	}
}

// oddLists are servers whose lists don't fit each other, or what they said before.
func oddLists() []oddity {
	return []oddity{
		{name: "messages are counted from 0", server: func(s *pop3test.Server) { s.List.FromZero = true }},
		{name: "UIDL lacks a message that LIST has", hook: second(func(int) string { return "" })},
		{name: "UIDL garbles a line", hook: second(func(n int) string { return fmt.Sprintf("uid-2 %d", n) })},
		{name: "UIDL with NUL", hook: second(func(n int) string { return fmt.Sprintf("%d uid\x00-2", n) })},
		{name: "UIDL of 3,000 characters", hook: second(func(n int) string { return fmt.Sprint(n, " ", strings.Repeat("u", 3000)) })},
		{name: "UIDL has a line twice", hook: second(func(n int) string { return fmt.Sprintf("%d uid-2\r\n%[1]d uid-2", n) })},
		{name: "UIDL has two UIDLs for a message", hook: second(func(n int) string { return fmt.Sprintf("%d uid-2\r\n%[1]d uid-x", n) })},
		{name: "UIDL and LIST are refused of an empty mailbox", bodies: []string{}, hook: answersTo("UIDL", "-ERR no mail\r\n", "LIST", "-ERR no mail\r\n"), judge: func(_ []string, first, output, cell string) string {
			if first != "" && strings.Contains(output, "-ERR") { // fetchmail ends with 1 wherever there is no mail
				return "taken for a fault"
			}
			return cell
		}},
		{name: "STAT counts mail as it comes", hook: liveSTAT()},
		{name: "messages are numbered anew at each DELE", server: func(s *pop3test.Server) { s.Dele.Renumbers = true }},
		{name: "QUIT is confirmed and deletes nothing", runs: 4, server: func(s *pop3test.Server) { s.Dele.Ignored = true }, want: "3/3, 3 left"},
		{name: "cut at QUIT, then other UIDLs", hook: quitLost(otherUIDLs)},
		{name: "cut at QUIT, then other UIDLs, no Message-ID", header: dated, hook: quitLost(otherUIDLs)},
		{name: "no UIDL at first, and cut at QUIT", header: dated, hook: quitLost(func(session int, c *pop3test.Conn) {
			if session == 1 {
				c.Reply("-ERR unknown command")
				return
			}
			replyUIDLs(c, "uid-%d")
		})},
		{name: "the same mail is sent again, with another Date", bodies: []string{"same\r\n"}, hook: func(session int, c *pop3test.Conn, cmd, _ string) bool {
			if session == 1 && cmd == "QUIT" { // as soon as the first is gone
				c.Commit()
				c.Server().Append("u0", pop3test.Message{UIDL: "uid-2", Raw: []byte("Date: Tue, 2 Jan 2024 10:00:00 +0100\r\n" + header(1) + "same\r\n")})
			}
			return false
		}, judge: func(_ []string, _, _, cell string) string {
			switch cell {
			case "1/1, 1 DOUBLED":
				return "ok"
			case "ok":
				return "LOST"
			}
			return cell
		}},
	}
}

// liveSTAT counts one message more at each question of a session.
func liveSTAT() func(int, *pop3test.Conn, string, string) bool {
	var mu sync.Mutex
	asked := make(map[*pop3test.Conn]int)
	return func(session int, c *pop3test.Conn, cmd, args string) bool {
		mu.Lock()
		defer mu.Unlock()
		more := asked[c]
		if cmd == "STAT" {
			asked[c]++
		}
		return listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d %d\r\n", n+more, 700+more*200) })(session, c, cmd, args)
	}
}

func otherUIDLs(session int, c *pop3test.Conn) { replyUIDLs(c, fmt.Sprintf("other-%d-%%d", session)) }

func replyUIDLs(c *pop3test.Conn, format string) {
	c.Reply("+OK")
	for n := 1; c.UIDL(fmt.Sprint(n)) != ""; n++ {
		original := 0
		fmt.Sscanf(c.UIDL(fmt.Sprint(n)), "uid-%d", &original)
		c.Reply(fmt.Sprintf("%d "+format, n, original))
	}
	c.Reply(".")
}
