package poll

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/session"
)

// Adopt lists the account's mailbox and records every message unknown to the ledger as
// delivered, without retrieving any. It is for a lost ledger, or for a server that changed its
// UIDLs: otherwise mail would be delivered a second time. Nobody may poll the account
// meanwhile. Its errors are those of the connection, the server and the ledger; with one,
// nothing or only a part is recorded.
func Adopt(ctx context.Context, a Account, led identity.Ledger, how identity.Adoption, log zerolog.Logger) (identity.Adopted, error) {
	s, err := a.openEither(ctx, session.Options{Log: log})
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
