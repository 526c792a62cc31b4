package fetcher

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestBadServer lets an account meet servers that are broken in every way. The error must name the
// account, the host and the step. An account beside it must get its mail. Once the server works
// again, every message must be delivered once.
func TestBadServer(t *testing.T) {
	t.Parallel()
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) { io.WriteString(c, text) }
	}
	reply := func(cmd string, answer func(c *pop3test.Conn)) func(c *pop3test.Conn, got, args string) bool {
		return func(c *pop3test.Conn, got, args string) bool {
			if got != cmd {
				return false
			}
			answer(c)
			return true
		}
	}
	endless := func(line string) func(c *pop3test.Conn) {
		return func(c *pop3test.Conn) {
			chunk := bytes.Repeat([]byte(line), 1+4096/len(line))
			for c.Send(chunk) == nil {
			}
		}
	}
	hang := func(c net.Conn) { io.Copy(io.Discard, c) }
	tests := []struct {
		name  string
		serve func(net.Conn)
		hook  func(c *pop3test.Conn, cmd, args string) bool
		want  string // in the error, behind "account bad: "
	}{
		{"garbage greeting", say("hello there\r\n"), nil, "connect to"},
		{"HTTP on the port", say("HTTP/1.1 400 Bad Request\r\n\r\n"), nil, "HTTP"},
		{"IMAP on the port", say("* OK IMAP4rev1 ready\r\n"), nil, "IMAP"},
		{"no greeting", hang, nil, "greeting"},
		{"closed at once", say(""), nil, "connect to"},
		{"an endless greeting", func(c net.Conn) {
			for {
				if _, err := c.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
					return
				}
			}
		}, nil, "connect to"},
		{"cut in the login", nil, reply("APOP", (*pop3test.Conn).Cut), "log in to"},
		{"garbage to STAT", nil, reply("STAT", func(c *pop3test.Conn) { c.Reply("what?") }), "ask the size of"},
		{"an endless list", nil, reply("UIDL", func(c *pop3test.Conn) { c.Reply("+OK"); endless("1 x\r\n")(c) }), "list the UIDLs of"},
		{"an endless line in the list", nil, reply("UIDL", func(c *pop3test.Conn) { c.Reply("+OK"); endless("x")(c) }), "list the UIDLs of"},
		{"cut in the list", nil, reply("UIDL", func(c *pop3test.Conn) { c.Reply("+OK", "1 uid-1"); c.Cut() }), "list the UIDLs of"},
		{"a message without end", nil, reply("RETR", func(c *pop3test.Conn) { c.Reply("+OK"); endless("text\r\n")(c) }), "retrieve message 1"},
		{"cut in a message", nil, reply("RETR", func(c *pop3test.Conn) { c.Reply("+OK", "Subject: x", "", "te"); c.Cut() }), "retrieve message 1"},
		{"silence in a message", nil, reply("RETR", func(c *pop3test.Conn) { c.Reply("+OK", "Subject: x"); c.Send(nil); hang(c) }), "retrieve message 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two")
			w.server.Serve, w.server.Hook = test.serve, test.hook
			w.start(t)
			good := newWorld(t, "good")
			good.start(t)
			bad, other := w.account, good.account
			other.OpenSink = func(context.Context) (delivery.Sink, error) { return newMemory(t, w.ledger), nil }
			bad.Name, other.Name = "bad", "good"
			bad.MaxMessage = 1 << 20
			bad.Timeouts = pop3.Timeouts{Greeting: 200 * time.Millisecond, Reply: time.Second, Idle: 200 * time.Millisecond}

			errs := w.supervisor.RunOnce(t.Context(), []Account{bad, other})
			if len(errs) != 1 {
				t.Fatalf("errors %v, want one", errs)
			}
			text := errs[0].Error()
			if !strings.HasPrefix(text, "account bad: ") || !strings.Contains(text, test.want) || !strings.Contains(text, w.server.Addr()) {
				t.Errorf("error %q, want one of account bad with %q and %s", text, test.want, w.server.Addr())
			}
			records, err := w.ledger.Lookup(t.Context(), "good", []string{"uid-1"})
			if err != nil || len(records) != 1 || records[0].State != ledger.Delivered {
				t.Errorf("the account beside it: %v, %v; want its message delivered", records, err)
			}

			// The same mailbox on a server that works.
			mended := newWorld(t, "one", "two")
			mended.start(t)
			bad.Addr, bad.Timeouts = mended.server.Addr(), pop3.Timeouts{}
			bad.TLS = func() (*tls.Config, error) { return &tls.Config{RootCAs: mended.server.CertPool()}, nil }
			if errs := w.supervisor.RunOnce(t.Context(), []Account{bad, other}); len(errs) > 0 {
				t.Fatalf("once the server works: %v", errs)
			}
			if len(w.sink.Files()) != 2 || len(w.sink.Staged()) != 0 {
				t.Errorf("published %d files, staged %d; want the two of the mailbox", len(w.sink.Files()), len(w.sink.Staged()))
			}
		})
	}
}

// TestWrongCounts: the list counts, whatever STAT and LIST say.
func TestWrongCounts(t *testing.T) {
	t.Parallel()
	for _, answers := range []map[string][]string{
		{"STAT": {"+OK 0 0"}},
		{"STAT": {"+OK 99 1"}},
		{"STAT": {"+OK 2"}},
		{"STAT": {"+OK 2 -17"}},
		{"LIST": {"+OK", "1 999999999999999999999", "2 0", "3 5", "."}},
		{"LIST": {"+OK", "."}},
		{"LIST": {"-ERR not today"}},
	} {
		t.Run(fmt.Sprint(answers), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two")
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if lines, ok := answers[cmd]; ok {
					c.Reply(lines...)
					return true
				}
				return false
			}
			w.start(t)
			err := w.once(t)
			if _, refused := answers["LIST"]; refused && answers["LIST"][0] != "+OK" {
				if err == nil || !strings.Contains(err.Error(), "list the sizes") {
					t.Errorf("error %v, want that LIST failed", err)
				}
				return
			}
			if unfetchable, ok := errors.AsType[*poll.IncompleteError](err); ok && strings.HasPrefix(unfetchable.Unfetchable, "97 of 99") {
				err = nil
			}
			if err != nil || len(w.sink.Files()) != 2 {
				t.Errorf("%d files, error %v; want both", len(w.sink.Files()), err)
			}
		})
	}
}

// TestRefusedMessage: an -ERR to one RETR stops neither the messages behind it nor the deletion of
// those that were delivered. The message is asked for again later.
func TestRefusedMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two", "three")
	w.account.Delete = true
	refuse := true
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "RETR" && args == "2" && refuse {
			c.Reply("-ERR [SYS/TEMP] not now")
			return true
		}
		return false
	}
	w.start(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if said, want := lines(t, &log, "message not retrieved"), now.Add(w.account.Interval).Format(time.RFC3339); values(said, "next") != want { // not before the next poll
		t.Errorf("it is said to come %q, want %s", values(said, "next"), want)
	}
	if len(w.sink.Files()) != 2 || len(w.server.Mailbox("u0")) != 1 {
		t.Errorf("%d published, %d left on the server; want 2 and 1", len(w.sink.Files()), len(w.server.Mailbox("u0")))
	}
	refuse = false
	if err := w.once(t); err != nil || len(w.sink.Files()) != 2 {
		t.Errorf("before its time: %d published, error %v", len(w.sink.Files()), err)
	}
	now = now.Add(2 * retryFirst)
	// It is the first message now, as the others are deleted.
	if err := w.once(t); err != nil || len(w.sink.Files()) != 3 || len(w.server.Mailbox("u0")) != 0 {
		t.Errorf("after its time: %d published, %d left, error %v", len(w.sink.Files()), len(w.server.Mailbox("u0")), err)
	}
}

// TestBreakingMessage: a server that breaks at the same message every time keeps the others neither
// from being delivered nor from being deleted.
func TestBreakingMessage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		command string
		lines   []string // of the answer; then the line is cut, unless it stays
		stays   bool
		whole   bool // it is delivered, too
		every   bool // message
		left    int
	}{
		"RETR: cut within":          {command: "RETR", lines: []string{"+OK", "tw"}, left: 1},
		"RETR: cut":                 {command: "RETR", left: 1},
		"RETR: cut behind +OK":      {command: "RETR", lines: []string{"+OK"}, left: 1},
		"RETR: -ERR, cut":           {command: "RETR", lines: []string{"-ERR internal error"}, left: 1},
		"RETR: -ERR for good, cut":  {command: "RETR", lines: []string{"-ERR [SYS/PERM] corrupt"}, left: 1},
		"RETR: no reply":            {command: "RETR", lines: []string{"garbage"}, stays: true, left: 1},
		"RETR: whole, cut":          {command: "RETR", lines: []string{"+OK", "two", "."}, whole: true},
		"DELE: cut":                 {command: "DELE", whole: true, left: 1},
		"DELE: -ERR, cut":           {command: "DELE", lines: []string{"-ERR internal error"}, whole: true, left: 1},
		"DELE: no reply":            {command: "DELE", lines: []string{"garbage"}, stays: true, whole: true, left: 1},
		"DELE: -ERR":                {command: "DELE", lines: []string{"-ERR internal error"}, stays: true, whole: true, left: 1},
		"DELE: cut at each message": {command: "DELE", every: true, whole: true, left: 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two", "three", "four")
			w.account.Delete = true
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if cmd != tt.command || c.UIDL(args) != "uid-2" && !tt.every {
					return false
				}
				c.Reply(tt.lines...)
				if !tt.stays {
					c.Cut()
				}
				return true
			}
			w.start(t)
			now := time.Now()
			w.supervisor.now = func() time.Time { return now }
			sessions := 0
			for range 4 {
				before := w.server.Sessions()
				_ = w.once(t) // it may well fail
				sessions = w.server.Sessions() - before
				now = now.Add(time.Minute)
			}
			want := 3
			if tt.whole {
				want++
			}
			if len(w.sink.Files()) != want || len(w.sink.Staged()) > 0 {
				t.Errorf("%d published, want %d; %d staged", len(w.sink.Files()), want, len(w.sink.Staged()))
			}
			if left := w.server.Mailbox("u0"); len(left) != tt.left {
				t.Errorf("%d left, want %d", len(left), tt.left)
			}
			if sessions > 3+mostSpared { // with pipelining, all at once, one by one, and without those that break it
				t.Errorf("%d sessions in a poll", sessions)
			}
		})
	}
}
