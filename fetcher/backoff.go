package fetcher

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

const (
	backoffFirst = 30 * time.Second
	backoffMax   = time.Hour
	// A maildrop that another session holds is free again soon (RFC 2449 section 8.1.1), so the
	// wait starts short and stays short.
	inUseFirst = time.Minute
	inUseMax   = 5 * time.Minute
	// diskAgain is how often a full disk, or one that is not mounted, is checked.
	diskAgain = time.Minute
	// A refused login is tried again slowly: some servers lock the account after a few refusals. It
	// is tried for ever: Exchange Online refuses good passwords for a while when it throttles.
	loginFirst = 5 * time.Minute
	loginQuick = 3 // how many refusals in a row come before backoffMax
	// throttledFirst is the first wait after a server wanted to be asked less often.
	throttledFirst = 5 * time.Minute
)

// backoff returns how long to wait after a failed poll that ended with err. failures counts the
// failed polls in a row, from 1. These rules make the wait:
//
//   - The kind of error gives a first wait and a limit. Each further failure doubles the wait up to
//     the limit.
//   - Jitter spreads the wait, so that accounts that failed together do not come back together.
//   - After a refusal, the wait is at least the account's interval: a client that comes back sooner
//     than usual is what servers throttle.
//   - It is also at least the time that the refusal's text names, up to an hour.
func backoff(err error, failures int, interval time.Duration) time.Duration {
	first, limit := backoffFirst, backoffMax
	var login *session.LoginError
	var signIn *oauth.SignInError
	var elsewhere *delivery.DestinationError
	reply, refused := mailbox.Refused(err)
	switch {
	case poll.DiskFull(err), errors.As(err, &elsewhere):
		// The server is not at fault, and checking the disk costs little.
		first, limit = diskAgain, diskAgain
	case errors.As(err, &signIn):
		// A check costs one look at a file, and the person who has just signed in is waiting.
		first, limit = inUseFirst, inUseMax
	case refused && reply.Busy(), errors.Is(err, ledger.ErrLeased):
		first, limit = inUseFirst, inUseMax
	case refused && reply.Lasting():
		first = limit
	case refused && reply.Throttled():
		first = max(throttledFirst, interval)
		limit = max(limit, first)
	case refused && reply.Passing():
	case errors.As(err, &login) && (refused || !mailbox.Broken(err)):
		// A broken connection is no refusal: a server that restarts closes it at any step.
		if first = loginFirst; failures > loginQuick {
			first = limit
		}
	}
	wait := limit
	if shift := failures - 1; shift < 16 {
		wait = min(first<<max(shift, 0), limit)
	}
	wait = jitter(wait)
	if refused {
		if wait < interval {
			wait = interval + rand.N(interval/8+1)
		}
		// Many servers block a client for longer if it comes back sooner than that.
		if stated := min(reply.Wait(), backoffMax); stated > 0 {
			wait = max(wait, stated+rand.N(stated/8+1))
		}
	}
	return wait
}

// jitter returns a random duration between 3/4 and 5/4 of d.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
