package fetcher

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// TestAPOPRefused: under auto, the error of a refused APOP advises another mechanism, and attachd
// does not try one. The advice is missing if the server says what is wrong, or if the account asks
// for APOP.
func TestAPOPRefused(t *testing.T) {
	t.Parallel()
	cut := "" // in the place of a reply
	for _, tt := range []struct {
		auth  session.Auth
		reply string
		hint  bool
	}{
		{session.AuthAuto, "-ERR Invalid login", true},
		{session.AuthAuto, "-ERR [AUTH] Authentication failed", true},
		{session.AuthAuto, "-ERR", true},
		{session.AuthAuto, "-ERR permission denied", true},
		{session.AuthAuto, "-ERR APOP not supported for this user", true},
		{session.AuthAuto, "-ERR [X-CODE] no", true},
		{session.AuthAuto, "-ERR [SYS/PERM] APOP is not supported", true},
		{session.AuthAuto, "-ERR unknown command", true},
		{session.AuthAuto, cut, true},
		{session.AuthAuto, "-ERR [IN-USE] locked", false},
		{session.AuthAuto, "-ERR mailbox is locked by another session", false},
		{session.AuthAuto, "-ERR [SYS/TEMP] try later", false},
		{session.AuthAuto, "-ERR [SYS/PERM] account is closed", false},
		{session.AuthAuto, "-ERR [LOGIN-DELAY] too soon", false},
		{session.AuthAuto, "-ERR [AUTH] too many logins", false},
		{session.AuthAPOP, "-ERR Invalid login", false},
		{session.AuthAPOP, "-ERR [AUTH] Authentication failed", false},
		{session.AuthAPOP, "-ERR APOP not supported for this user", true},
		{session.AuthPass, "-ERR Invalid login", false},
	} {
		t.Run(string(tt.auth)+" "+tt.reply, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			w.account.Auth = tt.auth
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				switch {
				case cmd != "APOP" && cmd != "PASS":
					return false
				case tt.reply == cut:
					c.Cut()
				default:
					c.Reply(tt.reply)
				}
				return true
			}
			w.start(t)
			err := w.once(t)
			_, check := poll.Check(t.Context(), w.account.Account, zerolog.Nop())
			w.server.Wait()
			for _, err := range []error{err, check} {
				if err == nil || !strings.Contains(err.Error(), tt.reply) || strings.Contains(err.Error(), "auth: pass") != tt.hint {
					t.Errorf("error %v", err)
				}
			}
			logins := commands(w, "APOP") + commands(w, "PASS")
			want := 2 // of the poll and of the check
			if tt.reply == cut {
				want++ // more was sent with the login, so the poll tries it alone
			}
			if logins != want {
				t.Errorf("%d logins, want %d: %q", logins, want, w.server.Log())
			}
		})
	}
}
