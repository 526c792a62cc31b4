package fetcher

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// TestRefusedToken: when the server refuses a token, another one is asked for once, and logs in on
// the same connection.
func TestRefusedToken(t *testing.T) {
	t.Parallel()
	dead := errors.New("the token tool is broken")
	for _, test := range []struct {
		name    string
		another string // given for the refused one
		err     error  // given in its place
		cut     bool   // the server ends the session after a refusal
		logins  int    // AUTH commands the server sees
		want    string // in the error
	}{
		{"another is good", "good-token", nil, false, 2, ""},
		{"another is refused too", "worse-token", nil, false, 2, "server said: -ERR [AUTH] Authentication failed. (token refused"},
		{"there is no other", "stale-token", nil, false, 1, "server said: -ERR [AUTH] Authentication failed. (token refused"},
		{"none is to be had", "", dead, false, 1, "(token refused, status \"400\", scope wanted \"https://mail.example/\"); the token tool is broken"},
		{"the server has had enough", "good-token", nil, true, 1, "server said: -ERR [AUTH] Authentication failed. (token refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.server.Tokens = map[string]string{"u0": "good-token"}
			var logins atomic.Int32
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd != "AUTH" {
					return false
				}
				if logins.Add(1) == 2 && test.cut {
					c.Cut()
					return true
				}
				return false
			}
			w.start(t)
			w.account.Auth = session.AuthXOAuth2
			asked := 0
			w.account.Token = func(_ context.Context, refused string) (string, error) {
				if asked++; refused == "" {
					return "stale-token", nil
				}
				return test.another, test.err
			}
			_, err := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil {
				if _, ok := errors.AsType[*session.LoginError](err); !ok || strings.Contains(err.Error(), "-token") {
					t.Errorf("not the error of a login, or it shows a token: %v", err)
				}
			}
			if test.cut {
				test.logins++
			}
			if int(logins.Load()) != test.logins || asked != 2 {
				t.Errorf("%d logins and %d questions, want %d and 2", logins.Load(), asked, test.logins)
			}
		})
	}
}

// TestNoTokenNoConnection: the server is not dialed when there is no token to log in with.
func TestNoTokenNoConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t)
	w.account.Auth = session.AuthOAuthBearer
	w.account.Token = func(context.Context, string) (string, error) { return "", errors.New("no sign-in") }
	if err := w.once(t); err == nil || err.Error() != "account lab: no sign-in" || w.server.Sessions() != 0 {
		t.Errorf("got %v after %d sessions", err, w.server.Sessions())
	}
}
