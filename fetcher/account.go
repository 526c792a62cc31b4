package fetcher

import (
	"time"

	"github.com/attachd/attachd/fetcher/poll"
)

// Account says how to reach one mailbox, what to do with its messages, and when. It must not change
// after it was given to a [Supervisor].
type Account struct {
	poll.Account
	// Jitter is how much earlier or later than its Interval an account may be polled.
	Jitter time.Duration
	// Version tells whether an account of a new set is the same as before. It is compared with ==,
	// so it must be comparable. An account with the same Version keeps running undisturbed.
	Version any
}
