package fetcher

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

func badTimestamps(t *testing.T) {
	for greeting, sent := range map[string]bool{
		"+OK <1896.697170952@dbc.mtview.ca.us>":                        true,
		"+OK <" + strings.Repeat("a", 390) + "@b.example>":             true,
		"+OK POP3 server ready":                                        false,
		"+OK The Microsoft Exchange POP3 service is ready. [QQBNAFMA]": false,
		"+OK ready 1896.697170952@dbc.mtview.ca.us":                    false,
		"+OK <a.b.c>":              false,
		"+OK <>":                   false,
		"+OK <\xe4\xf6@b.example>": false,
		"+OK <a\x01b@c.example>":   false,
		"+OK <a b@c.example>":      false,
		"+OK <a@b@c>":              false,
		"+OK <1.2@one.example> <3.4@two.example>": false,
	} {
		p := play{server: func(s *pop3test.Server) { s.Greeting = greeting }, want: none, left: 3, account: func(a *Account) { a.Auth = session.AuthAPOP }, errs: []string{"greeting has no valid APOP timestamp"}, never: []string{"APOP", "USER", "PASS", "AUTH"}}
		if sent {
			p.errs, p.never = []string{"permission denied"}, []string{"USER", "PASS", "AUTH"}
		}
		w, _ := p.run(t)
		if got := slices.Contains(w.server.Log(), "APOP u0 ***"); got != sent {
			t.Errorf("greeting %.80q: digest sent: %t, want %t", greeting, got, sent)
		}
	}
}

func wrongPort(t *testing.T) {
	subtests(t, map[string]play{
		"in the clear": {server: func(s *pop3test.Server) { s.Plaintext = true }, want: none, left: 3, errs: []string{"a POP3 server answered without TLS: use STLS"}, never: everything},
		"TLS":          {mode: pop3.StartTLS, hasty: true, want: none, left: 3, errs: []string{"is it a TLS port"}, never: everything},
	})
}

func closesOnCapa(t *testing.T) {
	w, _ := play{hook: on("CAPA", (*pop3test.Conn).Cut)}.run(t)
	if probe, err := poll.Check(t.Context(), w.account.Account, w.supervisor.Log); err != nil || probe.Mechanism != "APOP" {
		t.Errorf("check: %+v, error %v", probe, err)
	}
	// A server that refuses the second login does not hide why there was one.
	play{
		server: func(s *pop3test.Server) {
			s.Throttle = pop3test.Throttle{Logins: 1, Window: time.Hour, Answer: "-ERR too soon"}
		},
		hook: on("RETR 2", (*pop3test.Conn).Cut), want: none, left: 3, errs: []string{"RETR 2: server closed the connection"},
	}.run(t)
}

func capaAfterLogin(t *testing.T) {
	var ahead atomic.Int32
	w, _ := play{server: func(s *pop3test.Server) { s.Pipelining = false }, hook: func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "CAPA" && c.User() == "" {
			c.Reply("+OK", "USER", ".")
			return true
		}
		if cmd == "CAPA" {
			c.Reply("+OK", "USER", "UIDL", "PIPELINING", ".")
			return true
		}
		if cmd == "RETR" && c.Ahead() > 0 {
			ahead.Add(1)
		}
		return false
	}}.run(t)
	if ahead.Load() == 0 {
		t.Errorf("nothing was pipelined: %q", w.server.Log())
	}
}

func refusedLogins(t *testing.T) {
	for line, longest := range map[string]time.Duration{
		"-ERR [AUTH] permission denied": time.Hour, "-ERR [SYS/PERM] account is off": time.Hour,
		"-ERR [SYS/TEMP] try later": time.Hour, "-ERR [LOGIN-DELAY] minimum time between mail checks violation": 2 * time.Hour,
		"-ERR [IN-USE] maildrop is locked": time.Hour, "-ERR Logon failure: unknown user name or bad password.": time.Hour + 15*time.Minute,
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			w, _ := play{hook: first(3, answers("APOP", line+"\r\n")), errs: []string{line, line, line, "", ""}}.run(t)
			if n := w.server.Sessions(); n != 5 {
				t.Errorf("%d sessions, want one for each poll", n)
			}
			reply := &pop3.Error{Cmd: "APOP", Code: strings.Trim(strings.Fields(line)[1], "[]"), Text: line}
			for failures := 1; failures < 100; failures++ {
				if wait := backoff(&session.LoginError{Err: reply}, failures, time.Hour); wait <= 0 || wait > longest*5/4 {
					t.Errorf("wait of %v behind %d refusals, want at most %v", wait, failures, longest)
				}
			}
		})
	}
	// More was sent with a login at which the line broke, so it is tried again at once, alone.
	play{hook: first(1, on("APOP", (*pop3test.Conn).Cut))}.run(t)
	play{hook: first(2, on("APOP", (*pop3test.Conn).Cut)), errs: []string{"log in to", "", ""}}.run(t)
}

func passwords(t *testing.T) {
	for _, password := range []string{"with a space", "Пароль für ß", "100%s%n", strings.Repeat("long", 50)} {
		for _, auth := range []session.Auth{session.AuthPass, session.AuthAPOP, session.AuthPlain, session.AuthLogin} {
			play{server: func(s *pop3test.Server) { s.Users["u0"] = password }, account: func(a *Account) {
				a.Auth, a.Password = auth, func(context.Context) (string, error) { return password, nil }
			}}.run(t)
		}
	}
	for _, evil := range []string{"x\r\nDELE 1", "x\nDELE 1", "x\x00"} {
		w, _ := play{account: func(a *Account) {
			a.Auth, a.Password = session.AuthPass, func(context.Context) (string, error) { return evil, nil }
		}, want: none, left: 3, errs: []string{"line break or NUL"}, never: []string{"PASS", "DELE"}}.run(t)
		if strings.Contains(strings.Join(w.server.Log(), "\n"), "DELE") {
			t.Errorf("password %q got through as a command", evil)
		}
	}
}
