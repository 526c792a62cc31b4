package fetcher

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// sendsWire is a case in which the server sends the second message in other bytes than the usual
// ones.
func sendsWire(raw, wire string) func(t *testing.T) {
	return func(t *testing.T) {
		play{raws: []string{"one\r\n", raw, "three\r\n"}, hook: answers("RETR 2", wire)}.run(t)
	}
}

func byteByByte(t *testing.T) {
	play{raws: []string{"a\r\n.\r\n\r\n..b\r\n"}, hook: func(c *pop3test.Conn, cmd, _ string) bool {
		reply := map[string]string{"RETR": "+OK\r\na\r\n..\r\n\r\n...b\r\n.\r\n", "UIDL": "+OK\r\n1 uid-1\r\n.\r\n", "LIST": "+OK\r\n1 13\r\n.\r\n"}[cmd]
		for _, b := range []byte(reply) {
			c.Send([]byte{b})
		}
		return reply != ""
	}}.run(t)
}

func noCRLF(t *testing.T) {
	raws := []string{"Subject: a\r\n\r\na sentence.", "b", "no dot before it."}
	wire := answers("RETR 1", "+OK\r\n"+raws[0]+".\r\n", "RETR 2", "+OK\r\n"+raws[1]+".\r\n", "RETR 3", "+OK\r\n"+raws[2]+".\r\n")
	var dripped atomic.Bool
	subtests(t, map[string]play{
		"one at a time": {raws: raws, hook: wire, server: func(s *pop3test.Server) { s.Pipelining = false }, account: quickIdle},
		// The first try ends in a stall.
		"pipelined": {raws: raws, hook: wire, hasty: true},
		// A pause behind a sentence looks like the end of the message and is not.
		"a pause": {raws: []string{"a sentence.\r\nand more\r\n"}, account: quickIdle, server: func(s *pop3test.Server) { s.Pipelining = false }, hook: on("RETR 1", func(c *pop3test.Conn) {
			c.Send([]byte("+OK\r\na sentence.\r\n"))
			if !dripped.Swap(true) { // behind the NOOP
				noop := make([]byte, len("NOOP\r\n"))
				io.ReadFull(c, noop)
				defer func() { c.Reply("+OK"); c.Send(nil) }()
			}
			c.Send([]byte("and more\r\n.\r\n"))
		})},
	})
}

func loneDot(t *testing.T) {
	subtests(t, map[string]play{"the rest later": restLater("the rest\r\n", "server sent nothing"), "what looks like a reply later": restLater("+OK\r\nthe rest\r\n", "out of step")})
	// The rest looks like the replies to all that is sent: NOOP, DELE and QUIT.
	play{
		raws: []string{"one\r\n.\r\n+OK\r\n+OK\r\n+OK\r\nand the file\r\n"}, errs: []string{"cut at a lone dot", "", ""},
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			if cmd != "RETR" {
				return false
			}
			c.Send([]byte("+OK\r\none\r\n.\r\n+OK\r\n+OK\r\n+OK\r\nand the file\r\n.\r\n"))
			return true
		},
	}.run(t)
	for _, rest := range []string{"the rest\r\n", "+OK\r\nthe rest\r\n", "-ERR the rest\r\n", "-ERR\r\n+OK\r\n", "+OK 1\r\n+OK 2\r\n+OK 3\r\n"} {
		for _, pipelining := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q, pipelining %t", rest, pipelining), func(t *testing.T) {
				t.Parallel()
				// The second poll reads the second message as one with unstuffed dots.
				p := play{
					raws:   []string{"one\r\n", "two\r\n.\r\n..\r\n" + rest, "twa\r\n", "four\r\n", "five\r\n"},
					server: func(s *pop3test.Server) { s.Pipelining = pipelining },
					hook: func(c *pop3test.Conn, cmd, args string) bool {
						if !isMessage(c, cmd, args, "uid-2") {
							return false
						}
						c.Send([]byte("+OK\r\ntwo\r\n.\r\n..\r\n" + rest + ".\r\n"))
						return true
					},
					errs: []string{"out of step", "", ""}, hasty: true,
				}
				p.run(t)
			})
		}
	}
}

// restLater is a play with a lone dot in the last message. The rest of the message comes so late
// that only the replies to further commands come behind it, so waiting for it does not help.
func restLater(rest, again string) play {
	var owed atomic.Bool
	return play{
		raws: []string{"one\r\n", "two\r\n.\r\n" + rest}, want: []string{"one\r\n"}, left: 1, errs: []string{"out of step", again, ""}, account: quickIdle,
		server: func(s *pop3test.Server) { s.Pipelining = false },
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			switch {
			case cmd == "APOP":
				owed.Store(false)
			case isMessage(c, cmd, args, "uid-2"):
				c.Send([]byte("+OK\r\ntwo\r\n.\r\n"))
				owed.Store(true)
				return true
			case cmd == "STAT" && owed.Swap(false):
				c.Send([]byte(rest + ".\r\n"))
			}
			return false
		},
	}
}

func loneDotBehind(t *testing.T) {
	subtests(t, map[string]play{
		"bare CR": {raws: []string{"a\r.\r\nb\r\n"}, hook: answers("RETR 1", "+OK\r\na\r.\r\nb\r\n.\r\n")},
		"bare LF": {raws: []string{"a\n.\r\nb\r\n", "two\r\n"}, hook: answers("RETR 1", "+OK\r\na\n.\r\nb\r\n.\r\n"), want: none, left: 2, errs: []string{"out of step"}, server: func(s *pop3test.Server) { s.Pipelining = false }},
	})
}

func longLines(t *testing.T) {
	var raws []string
	for _, n := range []int{4095, 4096, 4097, 65536, 1_000_000} {
		line := strings.Repeat("x", n)
		raws = append(raws, line+"\r\n", line[:n-2]+"\r\n.\r\n", line[:n-1]+"\r\n..\r\nend\r\n")
	}
	play{raws: raws}.run(t)
}

func oddMessages(t *testing.T) {
	play{raws: []string{"", "a: b\r\n\r\n", "\r\nbody\r\n", "\r\n"}}.run(t)
}

func cutBeforeDot(t *testing.T) {
	for _, part := range []string{"", "thr", "three", "three\r", "three\r\n", "three\r\n.", "three\r\n.\r"} {
		for how, cut := range map[string]func(c *pop3test.Conn){
			"FIN": (*pop3test.Conn).Cut, "close_notify": func(c *pop3test.Conn) { c.Conn.Close() },
			"RST": func(c *pop3test.Conn) { c.Conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0); c.Cut() },
		} {
			t.Run(fmt.Sprintf("%q %s", part, how), func(t *testing.T) {
				t.Parallel()
				// The first time pipelining may be at fault, so the poll is made again at once.
				play{errs: []string{"retrieve message", "", ""}, hook: first(2, func(c *pop3test.Conn, cmd, args string) bool {
					if !isMessage(c, cmd, args, "uid-3") {
						return false
					}
					c.Send([]byte("+OK\r\n" + part))
					cut(c)
					return true
				})}.run(t)
			})
		}
	}
}

func endlessMessage(t *testing.T) {
	// The limit also holds for a sink that stops reading early.
	play{
		want: []string{"one\r\n", "three\r\n"}, left: 1, errs: []string{"does not end within", "does not end within", ""},
		account: func(a *Account) { a.MaxMessage = 1 << 20 },
		sink:    func(s *tally) { s.most = 1000 },
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			if !isMessage(c, cmd, args, "uid-2") {
				return false
			}
			c.Reply("+OK")
			for chunk := bytes.Repeat([]byte("text"), 1000); c.Send(chunk) == nil; {
			}
			return true
		},
	}.run(t)
	play{
		want: []string{"one\r\n", "three\r\n"}, left: 1, errs: []string{"does not end within", "does not end within", ""},
		account: func(a *Account) { a.MaxMessage = 1 << 20 },
		hook: func(c *pop3test.Conn, cmd, args string) bool {
			if !isMessage(c, cmd, args, "uid-2") {
				return false
			}
			c.Reply("+OK")
			for chunk := bytes.Repeat([]byte("text\r\n"), 1000); c.Send(chunk) == nil; {
			}
			return true
		},
	}.run(t)
}

func slowDrip(t *testing.T) {
	drip := func(c *pop3test.Conn, cmd, args string) bool {
		if !isMessage(c, cmd, args, "uid-2") {
			return false
		}
		c.Reply("+OK")
		for tick := time.NewTicker(10 * time.Millisecond); c.Send([]byte("x")) == nil; <-tick.C {
		}
		return true
	}
	p := play{want: []string{"one\r\n", "three\r\n"}, left: 1, hook: drip}
	slow, long := p, p
	slow.account, slow.errs = func(a *Account) { a.Timeouts.Idle = 200 * time.Millisecond }, []string{"less than 4096 octets in", "less than 4096 octets in", ""}
	long.account, long.errs = func(a *Account) { a.Timeouts.Session = time.Second }, []string{"all the time that a session may take after", "(timeouts.session)", "(timeouts.session)", "(timeouts.session)", ""}
	subtests(t, map[string]play{"a message": slow, "a session": long})
}

func onlyOK(t *testing.T) {
	for _, line := range []string{"+ERR bad password", "+OKAY", "", "* OK logged in", "HTTP/1.1 200 OK", "OK", "+"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			play{hook: answers("APOP", line+"\r\n"), want: none, left: 3, errs: []string{"log in to"}, never: []string{"RETR", "DELE"}}.run(t)
			play{raws: []string{"one\r\n", "two\r\n", "three\r\n", "four\r\n"}, hook: answers("DELE", line+"\r\n"), left: 4, errs: []string{"delete messages", ""}}.run(t)
		})
	}
	play{errs: []string{""}, hook: answers("STAT", "+ok 3 17\r\n", "RETR 1", "+Ok\r\none\r\n.\r\n", "NOOP", "+ok\r\n")}.run(t)
}

func longStatus(t *testing.T) {
	long := "+OK " + strings.Repeat("x", 8000)
	play{server: func(s *pop3test.Server) { s.Greeting = long }, account: byPassword, hook: answers("RETR 1", long+"\r\none\r\n.\r\n")}.run(t)
	play{hook: answers("STAT", "+OK "+strings.Repeat("x", 100_000)+"\r\n"), want: none, left: 3, errs: []string{"line too long"}}.run(t)
}

func doubleOK(t *testing.T) {
	// The second +OK can't be told from the text of the first message. The message is then one
	// line longer than listed, and is delivered as it came.
	play{hook: answers("RETR 1", "+OK\r\n+OK\r\none\r\n.\r\n"), want: []string{"+OK\r\none\r\n", "two\r\n", "three\r\n"}}.run(t)
	// Behind the reply to STAT it puts the session out of step.
	play{hook: answers("STAT", "+OK 3 15\r\n+OK\r\n"), server: func(s *pop3test.Server) { s.Pipelining = false }, want: none, left: 3, errs: []string{"out of step"}}.run(t)
	// With pipelining a list is on its way already. The +OK is then a line of it, and names no
	// message.
	play{hook: first(1, answers("STAT", "+OK 3 15\r\n+OK\r\n"))}.run(t)
}

func bareErr(t *testing.T) {
	for _, line := range []string{"-ERR", "-ERR [X-UNHEARD-OF] no", "-ERR [sys/temp] not now", "-err no"} {
		play{
			hook: first(1, answers("RETR 2", line+"\r\n")), pause: time.Hour, errs: []string{"", ""},
		}.run(t)
	}
	if err := (&pop3.Error{Cmd: "PASS", Code: "SYS/TEMP"}); !err.Temporary() {
		t.Error("SYS/TEMP is not temporary")
	}
}
