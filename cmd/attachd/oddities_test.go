package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// oddity is what is odd about a server.
type oddity struct {
	name   string
	bodies []string                                                     // of the messages; nil is three ordinary ones
	header func(n int) string                                           // theirs; nil is header
	server func(s *pop3test.Server)                                     // before it starts
	hook   func(session int, c *pop3test.Conn, cmd, args string) bool   // session counts from 1
	line   func(near net.Conn) net.Conn                                 // what the client's bytes go through
	runs   int                                                          // of the agent, 2 unless set
	sasl   bool                                                         // log in with AUTH PLAIN
	before func(t *testing.T, run int, dir, stored string)              // each run
	judge  func(log []string, first, output string, cell string) string // the cell, when it is not about messages alone
	want   string                                                       // attachd's cell, "ok" unless set
}

// answersTo scripts single commands, by verb or with their argument, in every session.
func answersTo(pairs ...string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == cmd || pairs[i] == cmd+" "+args {
				c.Send([]byte(pairs[i+1]))
				return true
			}
		}
		return false
	}
}

// inFirst is a fault of the first session that meets it alone.
func inFirst(do func(c *pop3test.Conn, cmd, args string) bool) func(int, *pop3test.Conn, string, string) bool {
	return func(session int, c *pop3test.Conn, cmd, args string) bool {
		return session == 1 && do(c, cmd, args)
	}
}

// retrieves2 reports whether a command is for the second message. fetchmail uses TOP in the
// place of RETR.
func retrieves2(c *pop3test.Conn, cmd, args string) bool {
	number, _, _ := strings.Cut(args, " ")
	return (cmd == "RETR" || cmd == "TOP") && c.UIDL(number) == "uid-2"
}

// raw2 sends these very bytes for the second message, which are not what they should be.
func raw2(body, wire string) oddity {
	return oddity{bodies: []string{"one\r\n", body, "three\r\n"}, hook: func(_ int, c *pop3test.Conn, cmd, args string) bool {
		if !retrieves2(c, cmd, args) {
			return false
		}
		c.Send([]byte("+OK\r\n" + header(2) + wire))
		return true
	}}
}

// uidls answers UIDL with these, one for each message that is still there.
func uidls(format string, of func(n int) string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		if cmd != "UIDL" || args != "" {
			return false
		}
		c.Reply("+OK")
		for n := 1; c.UIDL(fmt.Sprint(n)) != ""; n++ {
			original := 0
			fmt.Sscanf(c.UIDL(fmt.Sprint(n)), "uid-%d", &original)
			c.Reply(fmt.Sprintf(format, n, of(original)))
		}
		c.Reply(".")
		return true
	}
}

func plainUID(n int) string { return fmt.Sprintf("uid-%d", n) }

// listed answers a command by what the mailbox holds in this session.
func listed(command string, answer func(n int) string) func(int, *pop3test.Conn, string, string) bool {
	return func(_ int, c *pop3test.Conn, cmd, args string) bool {
		n := 0
		for c.UIDL(fmt.Sprint(n+1)) != "" {
			n++
		}
		if cmd != command || args != "" {
			return false
		}
		c.Send([]byte(answer(n)))
		return true
	}
}

// lines makes a list of n lines.
func lines(n int, line func(i int) string) string {
	text := "+OK\r\n"
	for i := range n {
		text += line(i+1) + "\r\n"
	}
	return text + ".\r\n"
}

func named(name string, o oddity) oddity {
	o.name = name
	return o
}

func oddities() []oddity {
	return []oddity{
		{name: "an ordinary server"},
		{name: "bare LF everywhere", line: withoutCR},
		named("no CRLF before the final dot", raw2("two\r\n", "two.\r\n")),
		{name: "lines with dots, stuffed", bodies: []string{"one\r\n", ".\r\n..\r\n.x\r\n...\r\n", "three\r\n"}},
		named("a line with a dot, not stuffed", raw2("a\r\n.x\r\n", "a\r\n.x\r\n.\r\n")),
		named("a lone dot, not stuffed", raw2("a\r\n.\r\nb\r\n", "a\r\n.\r\nb\r\n.\r\n")),
		{name: "a line of 1 MB", bodies: []string{"one\r\n", strings.Repeat("x", 1<<20) + "\r\n", "three\r\n"}},
		{name: "NUL bytes", bodies: []string{"one\r\n", "a\x00b\r\n", "three\r\n"}},
		{name: "bare CR", bodies: []string{"one\r\n", "a\rb\r\n", "three\r\n"}},
		{name: "a message of 0 bytes", bodies: []string{"one\r\n", "", "three\r\n"}, hook: func(_ int, c *pop3test.Conn, cmd, args string) bool {
			switch {
			case cmd == "LIST" && args == "":
				c.Send([]byte("+OK\r\n1 226\r\n2 0\r\n3 228\r\n.\r\n"))
			case cmd == "LIST" && args == "2":
				c.Send([]byte("+OK 2 0\r\n"))
			case retrieves2(c, cmd, args):
				c.Send([]byte("+OK 0 octets\r\n.\r\n"))
			default:
				return false
			}
			return true
		}},
		{name: "no CAPA", hook: answersTo("CAPA", "-ERR unknown\r\n")},
		{name: "closes on CAPA", hook: func(_ int, c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "CAPA" {
				c.Cut()
			}
			return cmd == "CAPA"
		}},
		{name: "no UIDL", hook: answersTo("UIDL", "-ERR unknown\r\n")},
		{name: "UIDL with three spaces", hook: uidls("%d   %s", plainUID)},
		{name: "UIDL lines that begin with +OK", hook: uidls("+OK %d %s", plainUID)},
		{name: "UIDL with a space behind", hook: uidls("%d %s ", plainUID)},
		{name: "an empty UIDL on one line", hook: uidls("%d %s", func(n int) string {
			if n == 2 {
				return ""
			}
			return plainUID(n)
		})},
		{name: "two messages of one UIDL", hook: uidls("%d %s", func(n int) string { return plainUID(min(n, 2)) })},
		{name: "UIDL of 200 characters", hook: uidls("%d %s", func(n int) string { return strings.Repeat("u", 200) + fmt.Sprint(n) })},
		{name: "UIDL with a space within", hook: uidls("%d %s", func(n int) string { return fmt.Sprintf("u %d", n) })},
		{name: "UIDL of 8 bits", hook: uidls("%d %s", func(n int) string { return fmt.Sprintf("\xfc\xe4-%d", n) })},
		{name: "STAT without octets", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d\r\n", n) })},
		{name: "STAT with negative octets", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d -1\r\n", n) })},
		{name: "STAT with octets beyond 2^31", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d 3000000000\r\n", n) })},
		{name: "STAT counts more than there are", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d 100\r\n", n+2) })},
		{name: "STAT counts fewer than there are", hook: listed("STAT", func(n int) string { return fmt.Sprintf("+OK %d 100\r\n", max(n-1, 0)) })},
		{name: "LIST with sizes of 0", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d 0", i) }) })},
		{name: "LIST with sizes of 10 times", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d 2000", i) }) })},
		{name: "LIST with sizes of 2^40", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d 1099511627776", i) }) })},
		{name: "LIST with sizes that are none", hook: listed("LIST", func(n int) string { return lines(n, func(i int) string { return fmt.Sprintf("%d %%!d(float64)", i) }) })},
		{name: "RETR 2 is refused, [SYS/TEMP]", hook: func(_ int, c *pop3test.Conn, cmd, args string) bool {
			if !retrieves2(c, cmd, args) {
				return false
			}
			c.Reply("-ERR [SYS/TEMP] not this one")
			return true
		}, want: "2/3, 1 left"},
		{name: "a greeting of 600 bytes", server: func(s *pop3test.Server) { s.Greeting = "+OK " + strings.Repeat("x", 596) }},
		{name: "+ERR to PASS", hook: answersTo("PASS", "+ERR no\r\n"), want: "refused", judge: func(log []string, _, _, cell string) string {
			for _, line := range log {
				if verb, _, _ := strings.Cut(line, " "); verb == "STAT" || verb == "LIST" || verb == "UIDL" || verb == "RETR" {
					return "TAKEN FOR A LOGIN"
				}
			}
			return "refused"
		}},
		{name: "AUTH continued by a bare +", sasl: true, server: func(s *pop3test.Server) { s.Auth.Continuation = "+" }},
		{name: "[IN-USE] at first", hook: inFirst(func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "PASS" {
				c.Reply("-ERR [IN-USE] maildrop is locked")
			}
			return cmd == "PASS"
		}), judge: func(_ []string, first, output, cell string) string {
			if strings.Contains(strings.ToLower(output), "auth") && !strings.Contains(output, "IN-USE") {
				return cell + ", taken for a bad password"
			}
			return cell
		}},
		{name: "cut within a message", hook: inFirst(func(c *pop3test.Conn, cmd, args string) bool {
			if !retrieves2(c, cmd, args) {
				return false
			}
			c.Reply("+OK", strings.TrimSuffix(header(2), "\r\n"), "tw")
			c.Cut()
			return true
		})},
		{name: "cut at QUIT, which deletes nothing", hook: inFirst(func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "QUIT" {
				c.Cut()
			}
			return cmd == "QUIT"
		})},
		{name: "QUIT deletes, and is not answered", hook: inFirst(func(c *pop3test.Conn, cmd, _ string) bool {
			if cmd == "QUIT" {
				c.Commit()
				c.Cut()
			}
			return cmd == "QUIT"
		})},
		{name: "nothing can be stored at first", before: func(t *testing.T, run int, dir, stored string) {
			// A file where a folder is needed keeps root out, too.
			path := filepath.Join(dir, stored)
			switch run {
			case 1:
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, path, "", 0o644)
			case 2:
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(path, 0o755); err != nil {
					t.Fatal(err)
				}
				for _, sub := range []string{"cur", "tmp"} {
					_ = os.Mkdir(filepath.Join(filepath.Dir(path), sub), 0o755)
				}
			}
		}},
	}
}

// header is that of message n, with the empty line.
func header(n int) string {
	return fmt.Sprintf("From: a@example.org\r\nMessage-ID: <%d@example.org>\r\nSubject: %[1]d\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=\"%[1]d.bin\"\r\nContent-Disposition: attachment; filename=\"%[1]d.bin\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", n)
}
