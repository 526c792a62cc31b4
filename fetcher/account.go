package fetcher

import (
	"time"

	"github.com/attachd/attachd/fetcher/poll"
)

// Account says how to reach one mailbox, what to do with its messages, and when. It is
// not changed once it is given to a [Supervisor].
type Account struct {
	poll.Account
	// Jitter is how much sooner or later than its Interval an account may be polled.
	Jitter time.Duration
	// Version is compared with == when accounts are replaced: an account whose
	// Version is the same keeps running undisturbed. It must be comparable.
	Version any
}
