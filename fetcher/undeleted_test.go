package fetcher

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestRenumberOnDele: a server that numbers messages anew at each DELE deletes none that was not
// delivered.
func TestRenumberOnDele(t *testing.T) {
	t.Parallel()
	renumbers := func(s *pop3test.Server) { s.Dele.Renumbers = true }
	refused := func(c *pop3test.Conn, cmd, args string) bool {
		if !isMessage(c, cmd, args, "uid-2") && !isMessage(c, cmd, args, "uid-4") {
			return false
		}
		c.Reply("-ERR [SYS/TEMP] not now")
		return true
	}
	raws := []string{"one\r\n", "two\r\n", "three\r\n", "four\r\n", "five\r\n"}
	subtests(t, map[string]play{
		"all":      {raws: raws, server: renumbers},
		"some":     {raws: raws, server: renumbers, hook: refused, want: []string{"one\r\n", "three\r\n", "five\r\n"}, left: 2},
		"in parts": {raws: raws, server: renumbers, hook: refused, account: func(a *Account) { a.CommitDeletions = 2 }, want: []string{"one\r\n", "three\r\n", "five\r\n"}, left: 2},
		"listed from the highest down": {raws: raws, server: renumbers, hook: func(c *pop3test.Conn, cmd, args string) bool {
			if cmd != "UIDL" {
				return refused(c, cmd, args)
			}
			c.Reply("+OK")
			for n := len(raws); n > 0; n-- {
				if uidl := c.UIDL(fmt.Sprint(n)); uidl != "" {
					c.Reply(fmt.Sprint(n, " ", uidl))
				}
			}
			c.Reply(".")
			return true
		}, want: []string{"one\r\n", "three\r\n", "five\r\n"}, left: 2},
		"without UIDL": {raws: raws, server: renumbers, hook: noUIDL},
	})
}

// TestNeverDeletes: the log says once, after three polls, that a server confirms deletions and does
// not delete. It does so whatever identifies the messages, and also if each poll is a process of
// its own.
func TestNeverDeletes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hook  func(c *pop3test.Conn, cmd, args string) bool
		after time.Duration
	}{
		"by UIDL":      {},
		"without TOP":  {hook: badTOP("refuses")},
		"without UIDL": {hook: noUIDL},
		"later":        {after: time.Minute},
	} {
		for _, once := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, process for each poll: %t", name, once), func(t *testing.T) {
				t.Parallel()
				w, delivered := counting(t)
				now := time.Now()
				w.account.Delete, w.account.DeleteAfter = true, tt.after
				w.server.Dele.Ignored, w.server.Hook = true, tt.hook
				w.server.Mailboxes["u0"] = []pop3test.Message{mail("a", "one", "Message-ID: <1@x>"), mail("b", "two", "Message-ID: <2@x>")}
				w.start(t)
				said := func() int {
					var log bytes.Buffer
					if w.supervisor.Log = zerolog.New(&log); once {
						w.supervisor = &Supervisor{Ledger: record{w.ledger}, MaxConcurrent: 1, MaxPerHost: 1, Log: w.supervisor.Log, Observe: w.supervisor.Observe}
					}
					w.supervisor.now = func() time.Time { return now }
					w.poll(t)
					now = now.Add(time.Hour)
					return strings.Count(log.String(), "server does not delete")
				}
				if tt.after > 0 {
					said()
				}
				for n, want := range []int{0, 0, 1, 0} {
					if once && n == 3 {
						want = 1
					}
					if got := said(); got != want {
						t.Errorf("poll %d says it %d times, want %d", n+1, got, want)
					}
				}
				if n := delivered(); n != 2 {
					t.Errorf("%d delivered, want 2", n)
				}
			})
		}
	}
	// A message that is put back once does not count.
	w, _ := counting(t)
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log)
	w.account.Delete = true
	w.start(t)
	for range 2 {
		w.server.Replace("u0", mail("a", "one", "Message-ID: <1@x>"))
		w.poll(t)
		w.poll(t)
	}
	if n := len(w.server.Mailbox("u0")); n > 0 || strings.Contains(log.String(), "server does not delete") {
		t.Errorf("%d left\n%s", n, &log)
	}
}
