package poll

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/session"
)

// Adopt asks the account's server what it holds and records every message of which the
// ledger knows nothing as delivered, without retrieving any: after a ledger was lost,
// so that its mail is not delivered a second time, or the server gave it other UIDLs.
// Nobody may poll the account meanwhile.
func Adopt(ctx context.Context, a Account, led identity.Ledger, how identity.Adoption, log zerolog.Logger) (identity.Adopted, error) {
	s, err := a.OpenEither(ctx, session.Options{Log: log})
	if err != nil {
		return identity.Adopted{}, err
	}
	defer s.Close()
	m := &identity.Matcher{Account: a.Identity(), Ledger: led, Mailbox: s, Log: log, Now: time.Now}
	adopt, done, whole, err := m.Adopt(ctx, how)
	if err != nil {
		return done, err
	}
	if whole {
		if err := s.Quit(); err != nil {
			return done, fmt.Errorf("end the session with %s: %w", a.Addr, err)
		}
	}
	done.Recorded, err = led.Adopt(ctx, a.Name, adopt, how.Delivered)
	return done, err
}
