package fetcher

import (
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestAPOPRefused: under auto, a refused APOP comes with what else may do, and nothing else is tried. Where the server says what is
// wrong, or APOP was asked for, it does not.
func TestAPOPRefused(t *testing.T) {
	t.Parallel()
	cut := "" // in the place of a reply
	for _, tt := range []struct {
		auth  Auth
		reply string
		hint  bool
	}{
		{AuthAuto, "-ERR Invalid login", true},
		{AuthAuto, "-ERR [AUTH] Authentication failed", true},
		{AuthAuto, "-ERR", true},
		{AuthAuto, "-ERR permission denied", true},
		{AuthAuto, "-ERR APOP not supported for this user", true},
		{AuthAuto, "-ERR [X-CODE] no", true},
		{AuthAuto, "-ERR [SYS/PERM] APOP is not supported", true},
		{AuthAuto, "-ERR unknown command", true},
		{AuthAuto, cut, true},
		{AuthAuto, "-ERR [IN-USE] locked", false},
		{AuthAuto, "-ERR mailbox is locked by another session", false},
		{AuthAuto, "-ERR [SYS/TEMP] try later", false},
		{AuthAuto, "-ERR [SYS/PERM] account is closed", false},
		{AuthAuto, "-ERR [LOGIN-DELAY] too soon", false},
		{AuthAuto, "-ERR [AUTH] too many logins", false},
		{AuthAPOP, "-ERR Invalid login", false},
		{AuthAPOP, "-ERR [AUTH] Authentication failed", false},
		{AuthAPOP, "-ERR APOP not supported for this user", true},
		{AuthPass, "-ERR Invalid login", false},
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
			_, check := Check(t.Context(), w.account, zerolog.Nop())
			w.server.Wait()
			for _, err := range []error{err, check} {
				if err == nil || !strings.Contains(err.Error(), tt.reply) || strings.Contains(err.Error(), "auth: pass") != tt.hint {
					t.Errorf("error %v", err)
				}
			}
			logins := commands(w, "APOP") + commands(w, "PASS")
			if logins != 2 {
				t.Errorf("%d logins in two sessions: %q", logins, w.server.Log())
			}
		})
	}
}
