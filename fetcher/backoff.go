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
	// A maildrop that another session holds is free again soon (RFC 2449
	// section 8.1.1), so the wait neither starts high nor grows far.
	inUseFirst = time.Minute
	inUseMax   = 5 * time.Minute
	// How often a full disk is looked at again.
	roomAgain = time.Minute
	// A refused login is asked again slowly, since some servers lock the account
	// after a few, but for ever: Exchange Online refuses good passwords for a
	// while when it is throttling.
	loginFirst = 5 * time.Minute
	loginQuick = 3 // refusals, after which it takes backoffMax
	// A server that wants to be asked less often is not asked sooner than usual, nor soon.
	throttledFirst = 5 * time.Minute
)

// backoff returns how long to wait after the failures-th failed poll in a row
// (from 1) that ended with err: doubling from a first wait that the kind of
// error gives, up to a limit, but after a refusal no less than the interval nor than the server says in its text, and spread by
// jitter so that accounts which failed together do not come back together. Whoever comes back sooner than usual to a server
// that has just refused him is what throttling is made for, whatever its words were.
func backoff(err error, failures int, interval time.Duration) time.Duration {
	first, limit := backoffFirst, backoffMax
	var login *session.LoginError
	var signIn *oauth.SignInError
	var elsewhere *delivery.DestinationError
	reply, refused := mailbox.Refused(err)
	switch {
	case poll.DiskFull(err), errors.As(err, &elsewhere):
		// Not the server's fault, and looking again costs little.
		first, limit = roomAgain, roomAgain
	case errors.As(err, &signIn):
		// To find out costs one look at a file, and who has just signed in is waiting.
		first, limit = inUseFirst, inUseMax
	case refused && reply.Busy(), errors.Is(err, ledger.ErrLeased):
		first, limit = inUseFirst, inUseMax
	case refused && reply.Lasting():
		first = limit
	case refused && reply.Throttled():
		first = max(throttledFirst, interval)
		limit = max(limit, first)
	case refused && reply.Passing():
	case errors.As(err, &login) && (refused || !mailbox.Broken(err)): // a server that restarts closes the line at any step
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
		// Who comes back sooner than that is often blocked for longer.
		if stated := min(reply.Wait(), backoffMax); stated > 0 {
			wait = max(wait, stated+rand.N(stated/8+1))
		}
	}
	return wait
}

// jitter spreads d by a quarter in either direction.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2+1)
}
