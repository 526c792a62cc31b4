package fetcher

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// announces is a hook of a server that announces these capabilities beside UIDL and PIPELINING.
func announces(lines ...string) hook {
	return func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd != "CAPA" {
			return false
		}
		c.Reply(slices.Concat([]string{"+OK", "UIDL", "PIPELINING"}, lines, []string{"."})...)
		return true
	}
}

// TestLoginDelay: no login comes sooner than the server announces: not by the interval, not with
// something left to do, and not after a failure. An absurd announcement is cut to an hour, or
// ignored.
func TestLoginDelay(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name     string
		capa     string
		interval time.Duration
		greeting string
		most     int // deletions a session
		err      bool

		sessions      int
		least, latest time.Duration // until the next
	}{
		{name: "none", capa: "USER", interval: time.Minute, sessions: 1, least: time.Minute, latest: time.Minute},
		{name: "longer than the interval", capa: "LOGIN-DELAY 600", interval: time.Minute, sessions: 1, least: 10 * time.Minute, latest: 10 * time.Minute},
		{name: "of this user", capa: "LOGIN-DELAY 600 USER", interval: time.Minute, sessions: 1, least: 10 * time.Minute, latest: 10 * time.Minute},
		{name: "shorter", capa: "LOGIN-DELAY 600", interval: time.Hour, sessions: 1, least: time.Hour, latest: time.Hour},
		{name: "of a day", capa: "LOGIN-DELAY 86400", interval: time.Minute, sessions: 1, least: time.Hour, latest: time.Hour},
		{name: "no number", capa: "LOGIN-DELAY soon", interval: time.Minute, sessions: 1, least: time.Minute, latest: time.Minute},
		{name: "nothing", capa: "LOGIN-DELAY", interval: time.Minute, sessions: 1, least: time.Minute, latest: time.Minute},
		{name: "of ages", capa: "LOGIN-DELAY 99999999999", interval: time.Minute, sessions: 1, least: time.Hour, latest: time.Hour},
		{name: "something is left", capa: "USER", interval: day, most: 1, sessions: 3, least: day, latest: day},
		{name: "something is left and a delay", capa: "LOGIN-DELAY 600", interval: day, most: 1, sessions: 1, least: 10 * time.Minute, latest: 10 * time.Minute},
		{name: "after a failure", capa: "LOGIN-DELAY 600", interval: time.Minute, err: true, sessions: 2, least: 10 * time.Minute, latest: 10 * time.Minute},
		{name: "after a failure without", capa: "USER", interval: day, err: true, sessions: 2, least: time.Second, latest: time.Minute},
		{name: "Gmail", capa: "LOGIN-DELAY 300", greeting: "+OK Gpop ready for requests from 127.0.0.1 x", interval: time.Minute, most: 1, sessions: 3, least: time.Minute, latest: time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two", "three")
			w.server.Greeting = tt.greeting
			w.account.Auth = session.AuthPass
			w.account.Delete, w.account.CommitDeletions, w.account.Interval = true, tt.most, tt.interval
			capa := announces(tt.capa)
			w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
				if tt.err && cmd == "UIDL" {
					c.Cut()
					return true
				}
				return capa(c, cmd, args)
			}
			w.start(t)
			l := w.loop(w.account)
			err := l.poll(t.Context(), t.Context())
			if (err != nil) != tt.err {
				t.Error(err)
			}
			if next := l.reschedule(err); next < tt.least || next > tt.latest {
				t.Errorf("next poll in %v, want %v to %v", next, tt.least, tt.latest)
			}
			if n := w.server.Sessions(); n != tt.sessions {
				t.Errorf("%d sessions, want %d", n, tt.sessions)
			}
		})
	}
}

// TestLoginDelayOfChanged: an account with new settings keeps to the delay that its server
// announced before, unless it is another mailbox now.
func TestLoginDelayOfChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Auth = session.AuthPass
	w.server.Users["u1"] = "pw0"
	w.server.Hook = announces("LOGIN-DELAY 600")
	w.start(t)
	now := time.Now()
	w.supervisor.now = func() time.Time { return now }
	l := w.loop(w.account)
	if err := l.poll(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
	now = now.Add(4 * time.Minute)
	for user, want := range map[string]time.Duration{"u0": 6 * time.Minute, "u1": 10 * time.Minute} {
		changed := w.account
		changed.Interval, changed.Username = time.Minute, user
		next := w.loop(changed)
		next.before = l
		if delay := next.firstTurn(t.Context(), t.Context()); delay != want {
			t.Errorf("%s: waits %v, want %v", user, delay, want)
		}
	}
}

// TestLoginDelayOfBefore: a process keeps to the delay that an earlier process was told, counted
// from that one's last poll. A new announcement replaces it.
func TestLoginDelayOfBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Auth, w.account.Interval = session.AuthPass, time.Minute
	w.server.Hook = announces("LOGIN-DELAY 600")
	w.start(t)
	note := func(ago time.Duration) {
		lease, err := w.ledger.Lease(t.Context(), w.account.Name, time.Now().Add(ago))
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
	}
	process := func() *loop { return w.loop(w.account) }
	if delay := process().firstTurn(t.Context(), t.Context()); delay != 10*time.Minute || w.server.Sessions() != 1 {
		t.Fatalf("first of all: waits %v after %d sessions", delay, w.server.Sessions())
	}
	if delay := process().firstTurn(t.Context(), t.Context()); delay < 9*time.Minute || delay > 10*time.Minute || w.server.Sessions() != 1 {
		t.Errorf("right behind it: waits %v after %d sessions", delay, w.server.Sessions())
	}
	if err := w.once(t); err != nil || w.server.Sessions() != 2 { // who asks for a poll gets one
		t.Errorf("once: %v, %d sessions", err, w.server.Sessions())
	}
	w.server.Wait()
	note(-9 * time.Minute)
	if delay := process().firstTurn(t.Context(), t.Context()); delay > time.Minute || w.server.Sessions() != 2 {
		t.Errorf("9 minutes later: waits %v after %d sessions", delay, w.server.Sessions())
	}
	note(-11 * time.Minute)
	w.server.Hook = announces("USER")
	if delay := process().firstTurn(t.Context(), t.Context()); delay != time.Minute || w.server.Sessions() != 3 {
		t.Errorf("11 minutes later: waits %v after %d sessions", delay, w.server.Sessions())
	}
	w.server.Wait()
	if delay := process().firstTurn(t.Context(), t.Context()); delay != time.Minute || w.server.Sessions() != 4 {
		t.Errorf("when nothing is announced any more: waits %v after %d sessions", delay, w.server.Sessions())
	}
}

// TestExpire: the log warns once that a server deletes messages that the account wants to keep, and
// only then.
func TestExpire(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tt := range []struct {
		capa, greeting string
		remove         bool
		after          time.Duration
		want           string
	}{
		{capa: "EXPIRE 31 USER", want: `"days":31`},
		{capa: "EXPIRE 0", want: `"days":0`},
		{capa: "EXPIRE NEVER"},
		{capa: "EXPIRE"},
		{capa: "EXPIRE -1"},
		{capa: "EXPIRE 0", greeting: "+OK Gpop ready for requests from 127.0.0.1 x"},
		{capa: "EXPIRE 0", remove: true},
		{capa: "EXPIRE 30", remove: true, after: 30 * day},
		{capa: "EXPIRE 29", remove: true, after: 30 * day, want: `"days":29`},
	} {
		t.Run(fmt.Sprint(tt.capa, tt.greeting, tt.remove, tt.after), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			w.server.Greeting, w.server.Hook = tt.greeting, announces(tt.capa)
			w.account.Auth = session.AuthPass
			w.account.Delete, w.account.DeleteAfter = tt.remove, tt.after
			var log bytes.Buffer
			w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log))
			w.start(t)
			for range 2 {
				if err := w.once(t); err != nil {
					t.Error(err)
				}
			}
			lines := 0
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "CAPA EXPIRE") {
					lines++
					if tt.want == "" || !strings.Contains(line, tt.want) {
						t.Errorf("log says %s", line)
					}
				}
			}
			if lines != min(len(tt.want), 1) {
				t.Errorf("%d warnings", lines)
			}
		})
	}
}
