package fetcher

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	refused := &session.LoginError{Addr: "mx:995", Mechanism: "APOP", Err: &pop3.Error{Cmd: "APOP", Text: "-ERR permission denied"}}
	inUse := &session.LoginError{Addr: "mx:995", Mechanism: "APOP", Err: &pop3.Error{Cmd: "APOP", Code: "IN-USE", Text: "-ERR [IN-USE] busy"}}
	login := func(code, text string) error {
		return &session.LoginError{Addr: "mx:995", Mechanism: "USER/PASS", Err: &pop3.Error{Cmd: "PASS", Code: code, Text: text}}
	}
	delay := login("LOGIN-DELAY", "-ERR [LOGIN-DELAY] wait")
	exceeded := fmt.Errorf("list the UIDLs: %w", &pop3.Error{Cmd: "UIDL", Text: "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server."})
	broken := login("SYS/TEMP", "-ERR [SYS/TEMP] password server down")
	off := login("SYS/PERM", "-ERR [SYS/PERM] account is off")
	tests := []struct {
		name     string
		err      error
		failures int
		interval time.Duration
		want     time.Duration // before jitter
	}{
		{"the first failure is asked again soon", errors.New("reset"), 1, 5 * time.Minute, 30 * time.Second},
		{"waits double", errors.New("reset"), 3, 5 * time.Minute, 2 * time.Minute},
		{"but not beyond an hour", errors.New("reset"), 12, 5 * time.Minute, time.Hour},
		{"nor for ever", errors.New("reset"), 1_000_000, 5 * time.Minute, time.Hour},
		{"a refused login is slow from the start", refused, 1, 5 * time.Minute, 5 * time.Minute},
		{"and slower", refused, 3, 5 * time.Minute, 20 * time.Minute},
		{"and slow from the fourth on", login("AUTH", "-ERR [AUTH] no"), 4, 5 * time.Minute, time.Hour},
		{"and never stops", refused, 1000, 5 * time.Minute, time.Hour},
		{"a busy maildrop is no refused login", inUse, 1, time.Second, time.Minute},
		{"and is free again soon", inUse, 50, time.Second, 5 * time.Minute},
		{"another process is the same", fmt.Errorf("lock account: %w", ledger.ErrLeased), 1, time.Hour, time.Minute},
		{"after a sign-in it goes on soon", fmt.Errorf("get a token: %w", &oauth.SignInError{Account: "lab", Err: oauth.ErrNoSignIn}), 50, time.Hour, 5 * time.Minute},
		{"a mailbox in use by the words", login("", "-ERR Unable to lock maildrop: Mailbox is locked by another POP3 session"), 1, time.Second, time.Minute},
		{"a locked account is not a mailbox in use", login("", "-ERR account locked out"), 1, time.Second, 5 * time.Minute},
		{"a login delay is at least the interval", delay, 1, 10 * time.Minute, 10 * time.Minute},
		{"however long that is", delay, 3, 6 * time.Hour, 6 * time.Hour},
		{"and not short", delay, 1, time.Second, 5 * time.Minute},
		{"throttling by the words, wherever it is said, for as long as they say", exceeded, 1, time.Minute, 16 * time.Minute},
		{"that go on", exceeded, 3, time.Minute, 20 * time.Minute},
		{"a time that is named", login("", "-ERR Connect interval too short. Please wait 900 seconds"), 1, time.Minute, 16 * time.Minute},
		{"however long that is, within reason", login("AUTH", "-ERR [AUTH] blocked for 10 hours"), 1, time.Minute, 65 * time.Minute},
		{"a login system that is down is up again soon", broken, 1, time.Second, 30 * time.Second},
		{"a line that is closed at login is a broken line", &session.LoginError{Err: fmt.Errorf("server closed the connection instead of answering PASS: %w", io.ErrUnexpectedEOF)}, 1, 2 * time.Second, 30 * time.Second},
		{"however often", &session.LoginError{Err: io.ErrUnexpectedEOF}, 4, 10 * time.Minute, 4 * time.Minute},
		{"what the server does not offer is no broken line", &session.LoginError{Err: errors.New("server offers only PLAIN")}, 1, time.Second, 5 * time.Minute},
		{"a line that is closed once more behind a refusal", fmt.Errorf("%w; tried again at once: %w", io.ErrUnexpectedEOF, exceeded), 1, time.Hour, 66 * time.Minute},
		{"what needs a person takes long", off, 1, time.Minute, time.Hour},
		{"throttling that looks like a wrong password slows", login("", "-ERR Logon failure: unknown user name or bad password."), 2, time.Minute, 10 * time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			low, high := test.want*3/4, test.want*5/4
			seen := map[time.Duration]bool{}
			for range 100 {
				got := backoff(test.err, test.failures, test.interval)
				if got < low || got > high {
					t.Fatalf("wait %v, want within a quarter of %v", got, test.want)
				}
				seen[got] = true
			}
			if len(seen) < 50 {
				t.Errorf("%d different waits of 100: accounts that failed together would come back together", len(seen))
			}
		})
	}
}

// TestBackoffAfterRefusal: after any refusal, in whatever words, the server is not asked again
// before the interval has passed.
func TestBackoffAfterRefusal(t *testing.T) {
	t.Parallel()
	throttling := []string{
		"Account exceeded command or bandwidth limits", "Too many connections", "Exceeded the login limit for a 15 minute period", "login too frequent",
		"Too many simultaneous connections", "maximum number of connections reached", "bandwidth used up", "Server overloaded", "please slow down", "Throttled", "try again too soon",
	}
	others := []string{"Server Unavailable. 21", "Temporary system problem", "Connection is closed. 14", "no", "", "maildrop locked", "password wrong"}
	for _, code := range []string{"", "SYS/TEMP", "SYS/PERM", "AUTH", "IN-USE", "LOGIN-DELAY", "X-OTHER"} {
		for i, text := range append(throttling, others...) {
			line := "-ERR " + text
			if code != "" {
				line = "-ERR [" + code + "] " + text
			}
			for cmd, wrap := range map[string]func(error) error{
				"PASS": func(err error) error { return &session.LoginError{Err: err} },
				"":     func(err error) error { return fmt.Errorf("connect: read greeting: %w", err) },
				"UIDL": func(err error) error { return fmt.Errorf("list the UIDLs: %w", err) },
			} {
				reply := &pop3.Error{Cmd: cmd, Code: code, Text: line}
				if i < len(throttling) && code != "IN-USE" && !reply.Throttled() {
					t.Errorf("%q is not taken for throttling", line)
				}
				for _, interval := range []time.Duration{time.Minute, 10 * time.Minute, 3 * time.Hour} {
					for failures := 1; failures < 8; failures++ {
						if wait := backoff(wrap(reply), failures, interval); wait < interval || wait > 5*max(interval, backoffMax)/4 {
							t.Errorf("%q to %q, %d times: asked again after %v, at an interval of %v", line, cmd, failures, wait, interval)
						}
					}
				}
			}
		}
	}
}

// TestNextPoll: a server that closes the connection at any step is asked again soon. One that
// refuses is not asked again before the interval has passed, nor in another session of the same
// poll.
func TestNextPoll(t *testing.T) {
	t.Parallel()
	cut := func(c *pop3test.Conn) { c.Cut() }
	refuse := func(line string) func(c *pop3test.Conn) { return func(c *pop3test.Conn) { c.Reply(line) } }
	for name, tt := range map[string]struct {
		auth     session.Auth
		command  string
		does     func(c *pop3test.Conn)
		interval time.Duration
		longest  time.Duration
	}{
		"closes at USER":            {session.AuthPass, "USER", cut, 2 * time.Second, 40 * time.Second},
		"closes at PASS":            {session.AuthPass, "PASS", cut, 2 * time.Second, 40 * time.Second},
		"closes at APOP":            {session.AuthAPOP, "APOP", cut, 10 * time.Minute, 40 * time.Second},
		"closes at AUTH":            {session.AuthPlain, "AUTH", cut, time.Hour, 40 * time.Second},
		"closes at STAT":            {session.AuthPass, "STAT", cut, 2 * time.Second, 40 * time.Second},
		"throttles at PASS":         {session.AuthPass, "PASS", refuse("-ERR [SYS/TEMP] Account exceeded command or bandwidth limits"), 10 * time.Minute, 13 * time.Minute},
		"is unavailable at PASS":    {session.AuthPass, "PASS", refuse("-ERR Server Unavailable. 21"), 10 * time.Minute, 13 * time.Minute},
		"has a problem at APOP":     {session.AuthAPOP, "APOP", refuse("-ERR [SYS/TEMP] Temporary system problem"), 10 * time.Minute, 13 * time.Minute},
		"throttles at UIDL":         {session.AuthPass, "UIDL", refuse("-ERR [SYS/TEMP] Too many commands"), 10 * time.Minute, 13 * time.Minute},
		"refuses LIST":              {session.AuthPass, "LIST", refuse("-ERR not now"), 10 * time.Minute, 13 * time.Minute},
		"throttles at RETR, drains": {session.AuthPass, "RETR 3", refuse("-ERR [SYS/TEMP] bandwidth limit"), 10 * time.Minute, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", "two", "three")
			w.account.Auth, w.account.Interval, w.account.Delete, w.account.CommitDeletions = tt.auth, tt.interval, true, 1
			w.server.Pipelining = false
			w.server.Hook = on(tt.command, tt.does)
			w.start(t)
			l := w.loop(w.account)
			next := l.turn(t.Context(), t.Context())
			if next > tt.longest || !strings.HasPrefix(name, "closes") && next < tt.interval {
				t.Errorf("next poll in %v", next)
			}
			w.server.Wait()
			if n := w.server.Sessions(); n != 1 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}
