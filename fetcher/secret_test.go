package fetcher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// leaky is the failure of a command that wrote the secret.
type leaky struct{ error }

func (leaky) Detail() string { return "bad: swordfish" }

// TestCommandOutput: what a command for a secret wrote is in the log at debug level, and nowhere
// else.
func TestCommandOutput(t *testing.T) {
	t.Parallel()
	for _, level := range []zerolog.Level{zerolog.InfoLevel, zerolog.DebugLevel} {
		w := newWorld(t, "one")
		w.account.Password = func(context.Context) (string, error) {
			return "", fmt.Errorf("read password_command: %w", leaky{errors.New("exit status 3")})
		}
		var log bytes.Buffer
		w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log)).Level(level)
		w.start(t)
		err := w.once(t)
		if err == nil || strings.Contains(err.Error(), "swordfish") {
			t.Errorf("error %v", err)
		}
		if shown := strings.Contains(log.String(), "swordfish"); shown != (level == zerolog.DebugLevel) {
			t.Errorf("%s: the log says %s", level, &log)
		}
	}
}

// TestPasswordSaidBack: a server that answers with the password, in any form, does not get it into
// the log.
func TestPasswordSaidBack(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"Swordfish", "SWORDFISH", "hsifdrowS", "U3dvcmRmaXNo"} {
		for _, auth := range []session.Auth{session.AuthPass, session.AuthAPOP, session.AuthPlain} {
			w := newWorld(t, "one")
			w.account.Auth = auth
			w.account.Password = func(context.Context) (string, error) { return "Swordfish", nil }
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
				if cmd == "APOP" || cmd == "PASS" || cmd == "AUTH" {
					c.Reply("-ERR you said " + form)
					return true
				}
				return false
			}
			var log bytes.Buffer
			w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log)).Level(zerolog.TraceLevel)
			w.start(t)
			if err := w.once(t); err == nil || !strings.Contains(err.Error(), "you said ***") {
				t.Errorf("%s %s: error %v", auth, form, err)
			}
			if strings.Contains(log.String(), form) {
				t.Errorf("%s: %s is in the log: %s", auth, form, &log)
			}
		}
	}
}
