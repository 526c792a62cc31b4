package check

import (
	"context"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/poll"
)

// loginTimeout bounds the check of one account, whatever its server does.
const loginTimeout = 2 * time.Minute

// Login is what came of trying an account.
type Login struct {
	Account string
	Probe   poll.Probe
	Err     error // nil: the account has logged in
}

// Online connects to the server of every enabled account, verifies it, logs in and leaves, for as
// many accounts at once as the daemon would poll. Nothing is retrieved and nothing is changed. The
// logins are in the order of the configuration.
//
// If the state can't be read, as by somebody who is not the daemon's user, unknown says why, and
// the probes have all messages as new. A state that was not made yet is no such case.
func Online(ctx context.Context, c *config.Config) (logins []Login, unknown error) {
	led, unknown := wiring.InspectState(ctx, c)
	if led != nil {
		defer led.Close()
	}
	accounts := wiring.Accounts(c, nil)
	logins = make([]Login, len(accounts))
	slots := make(chan struct{}, c.MaxConcurrent)
	var all sync.WaitGroup
	for i, a := range accounts {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, loginTimeout)
			defer cancel()
			l := &logins[i]
			l.Account = a.Name
			if unknown == nil && led != nil {
				l.Probe, l.Err = poll.CheckNew(ctx, a.Account, led, zerolog.Nop())
			} else {
				l.Probe, l.Err = poll.Check(ctx, a.Account, zerolog.Nop())
			}
		})
	}
	all.Wait()
	return logins, unknown
}
