package fetcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// flights has a server tell which commands came together: one entry for each write of the client.
func (w *world) flights() *[]string {
	flights, next := []string{}, true
	hook := w.server.Hook
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if next || len(flights) == 0 {
			flights = append(flights, cmd)
		} else {
			flights[len(flights)-1] += " " + cmd
		}
		next = c.Ahead() == 0
		return hook != nil && hook(c, cmd, args)
	}
	return &flights
}

// takeFlights polls once and returns the writes of that poll.
func (w *world) takeFlights(t *testing.T, flights *[]string) []string {
	t.Helper()
	*flights = nil
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(*flights)
}

// TestFlights: what a poll asks before the first message goes in as few writes as the server's
// announcements allow, and a server that took it all with the login is asked less the next time.
func TestFlights(t *testing.T) {
	t.Parallel()
	gmail := func(s *pop3test.Server) {
		s.Pipelining = false
		s.Capa = func(loggedIn bool) []string {
			if !loggedIn {
				return []string{"USER", "UIDL"}
			}
			return []string{"USER", "UIDL", "PIPELINING"}
		}
	}
	courier := func(s *pop3test.Server) { s.Capabilities = []string{"IMPLEMENTATION Courier Mail Server"} }
	plain := func(s *pop3test.Server) { s.Pipelining = false }
	rest := []string{"RETR RETR STAT", "QUIT"}
	for _, test := range []struct {
		name          string
		server        func(*pop3test.Server)
		auth          session.Auth
		first, second []string // up to the first message
	}{
		{"APOP", nil, session.AuthAuto, []string{"CAPA", "APOP CAPA STAT UIDL LIST"}, []string{"APOP CAPA STAT UIDL"}},
		{"USER", nil, session.AuthPass, []string{"CAPA", "USER PASS CAPA STAT UIDL LIST"}, []string{"USER PASS CAPA STAT UIDL"}},
		{"SASL", nil, session.AuthPlain, []string{"CAPA", "AUTH", "CAPA STAT UIDL LIST"}, []string{"CAPA", "AUTH", "CAPA STAT UIDL"}},
		{"announced after the login", gmail, session.AuthPass, []string{"CAPA", "USER", "PASS", "CAPA", "STAT UIDL LIST"}, []string{"CAPA", "USER", "PASS", "CAPA", "STAT UIDL"}},
		{"Courier", courier, session.AuthPass, []string{"CAPA", "USER PASS", "CAPA STAT UIDL LIST"}, []string{"CAPA", "USER PASS", "CAPA STAT UIDL"}},
		{"never announced", plain, session.AuthPass, []string{"CAPA", "USER", "PASS", "CAPA", "STAT", "UIDL", "LIST", "RETR", "RETR", "STAT", "QUIT"}, []string{"CAPA", "USER", "PASS", "CAPA", "STAT", "UIDL", "QUIT"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "second")
			w.account.Auth = test.auth
			first, second := slices.Concat(test.first, rest), slices.Concat(test.second, rest[1:])
			if test.server != nil {
				test.server(w.server)
			}
			if !slices.ContainsFunc(test.first, func(s string) bool { return strings.Contains(s, " ") }) {
				first, second = test.first, test.second
			}
			flights := w.flights()
			w.start(t)
			if diff := cmp.Diff(first, w.takeFlights(t, flights)); diff != "" {
				t.Errorf("first poll (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(second, w.takeFlights(t, flights)); diff != "" {
				t.Errorf("second poll (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOtherGreeting: only a server that greets as before is known. Numbers and what stands in
// brackets may differ.
func TestOtherGreeting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	flights := w.flights()
	w.start(t)
	for greeting, want := range map[string]string{"+OK box3 ready [aGk=] <APOP>": "APOP CAPA STAT UIDL", "+OK other software": "CAPA"} {
		w.server.Greeting = "+OK box2 ready [aG8=] <APOP>"
		w.takeFlights(t, flights)
		w.server.Greeting = greeting
		if got := w.takeFlights(t, flights); got[0] != want {
			t.Errorf("greeted with %q, the poll began with %q, want %q", greeting, got[0], want)
		}
	}
}

// TestLostBehindLogin: a server that loses what comes behind the login is asked once more at once,
// and for a day nothing is sent along, also after a restart.
func TestLostBehindLogin(t *testing.T) {
	t.Parallel()
	for name, account := range map[string]func(*world){"APOP": nil, "PASS": func(w *world) { w.account.Auth = session.AuthPass }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "second")
			if account != nil {
				account(w)
			}
			w.account.Timeouts.Reply = 300 * time.Millisecond
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd == name {
					c.Lose()
				}
				return false
			}
			w.start(t)
			if err := w.once(t); err != nil {
				t.Fatal(err)
			}
			if got := w.has(); got != "one second" || w.server.Sessions() != 2 {
				t.Errorf("delivered %q in %d sessions, want both in 2", got, w.server.Sessions())
			}
			known, err := w.ledger.Host(t.Context(), w.account.Addr)
			if err != nil || time.Until(known.LoginAlone) < 23*time.Hour || !known.Unpipelined.IsZero() {
				t.Errorf("known is %+v, error %v", known, err)
			}
			w.supervisor = &Supervisor{Ledger: record{w.ledger}, MaxConcurrent: 1, MaxPerHost: 1, Log: w.supervisor.Log}
			w.server.Append("u0", pop3test.Message{UIDL: "uid-3", Raw: []byte("third\r\n")})
			if err := w.once(t); err != nil || w.server.Sessions() != 3 {
				t.Errorf("after the restart: error %v, %d sessions in all, want 3", err, w.server.Sessions())
			}
		})
	}
}

// TestRefusedTogether: a refused login is tried once, however much was sent with it. If the
// refusal may be that of another command, the next poll sends the login alone.
func TestRefusedTogether(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, answer string
		alone        bool // the next login
	}{
		{"with a code", "-ERR [AUTH] wrong password", false},
		{"without a code", "-ERR not logged in", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			refused := 0
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd != "APOP" || c.Ahead() == 0 && refused > 0 {
					return false
				}
				refused++
				c.Reply(test.answer)
				return true
			}
			flights := w.flights()
			w.start(t)
			if err := w.once(t); err == nil || !strings.Contains(err.Error(), "log in to") || w.server.Sessions() != 1 {
				t.Fatalf("error %v in %d sessions, want a refused login in one", err, w.server.Sessions())
			}
			*flights = nil
			err := w.once(t)
			want := "CAPA, APOP CAPA STAT UIDL LIST"
			if test.alone {
				want = "CAPA, APOP, CAPA STAT UIDL LIST"
			}
			if got := strings.Join(*flights, ", "); !strings.HasPrefix(got, want) || (err == nil) != test.alone {
				t.Errorf("error %v, the next poll sent %s, want %s", err, got, want)
			}
		})
	}
}

// lockStep has a server break at a command that others came along with.
func (w *world) lockStep(breaks func(c *pop3test.Conn)) {
	w.server.Hook = func(c *pop3test.Conn, _, _ string) bool {
		if c.Ahead() == 0 {
			return false
		}
		breaks(c)
		return true
	}
}

// TestLockStep: a server that breaks at a login that came with more is asked once more at once, one
// command at a time. One that breaks at all that is sent ahead, although it announces PIPELINING,
// breaks in two visits at most, also where each is of a process of its own.
func TestLockStep(t *testing.T) {
	t.Parallel()
	silent := func(c *pop3test.Conn) {
		c.Lose()
		c.Hang()
	}
	for name, breaks := range map[string]func(*pop3test.Conn){"closes": (*pop3test.Conn).Cut, "drops it": silent} {
		for _, auth := range []session.Auth{session.AuthAPOP, session.AuthPass} {
			for _, announces := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, announces %t", name, auth, announces), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, "one")
					w.account.Auth, w.account.Timeouts.Reply = auth, 300*time.Millisecond
					w.start(t)
					polls := []int{2, 2, 1, 1} // sessions of each
					if !announces {
						w.poll(t) // while it takes what is sent ahead
						w.server.Pipelining = false
						polls = []int{2, 1}
					}
					w.lockStep(breaks)
					for i, want := range polls {
						w.supervisor = &Supervisor{Ledger: record{w.ledger}, MaxConcurrent: 1, MaxPerHost: 1, Log: w.supervisor.Log}
						w.server.Append("u0", pop3test.Message{UIDL: fmt.Sprint("more-", i), Raw: []byte("more\r\n")})
						before := w.server.Sessions()
						if err := w.once(t); err != nil || w.server.Sessions()-before != want {
							t.Errorf("poll %d: error %v, %d sessions, want %d", i+1, err, w.server.Sessions()-before, want)
						}
					}
					if got := len(strings.Fields(w.has())); got != len(polls)+1 {
						t.Errorf("delivered %q", w.has())
					}
				})
			}
		}
	}
}

// TestLoginTakesAllTime: a login that took all the time of a session is not made again.
func TestLoginTakesAllTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.account.Timeouts.Session = 300 * time.Millisecond
	w.lockStep((*pop3test.Conn).Hang)
	w.start(t)
	if err := w.once(t); err == nil || !strings.Contains(err.Error(), "(timeouts.session)") || w.server.Sessions() != 1 {
		t.Errorf("error %v in %d sessions, want one that names timeouts.session", err, w.server.Sessions())
	}
}

// TestKnownServerRefuses: a wrong password at a server that takes commands with the login says
// nothing about the server.
func TestKnownServerRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	w.poll(t)
	w.server.Auth.Refusal = "-ERR go away"
	if err := w.once(t); err == nil {
		t.Fatal("login was refused, and the poll went well")
	}
	known, err := w.ledger.Host(t.Context(), w.account.Addr)
	if err != nil || !known.LoginAlone.IsZero() {
		t.Errorf("known is %+v, error %v", known, err)
	}
	w.server.Auth.Refusal = ""
	flights := w.flights()
	if got := w.takeFlights(t, flights); got[0] != "APOP CAPA STAT UIDL" {
		t.Errorf("then the poll sent %s", fmt.Sprint(got))
	}
}

// TestKnownAfterRestart: the next process asks a server for its capabilities with the login alone.
// If that is refused, and it may be for what came with it, the process after it asks first.
func TestKnownAfterRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	flights := w.flights()
	w.start(t)
	w.takeFlights(t, flights)
	restart := func() {
		w.supervisor = &Supervisor{Ledger: record{w.ledger}, MaxConcurrent: 1, MaxPerHost: 1, Log: w.supervisor.Log}
	}
	for _, test := range []struct {
		refusal, want string
	}{
		{"", "APOP CAPA STAT UIDL"},
		{"-ERR [AUTH] wrong password", "APOP CAPA STAT UIDL"},
		{"", "APOP CAPA STAT UIDL"},
		{"-ERR go away", "APOP CAPA STAT UIDL"},
		{"", "CAPA"},
		{"", "APOP CAPA STAT UIDL"},
	} {
		restart()
		w.server.Auth.Refusal = test.refusal
		*flights = nil
		if err := w.once(t); (err == nil) != (test.refusal == "") {
			t.Errorf("refusal %q, error %v", test.refusal, err)
		}
		if got := (*flights)[0]; got != test.want {
			t.Errorf("with the refusal %q, the poll began with %q, want %q", test.refusal, got, test.want)
		}
	}
}
