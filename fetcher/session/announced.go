package session

import (
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
)

// Expiry is what a server announces of how long it keeps messages at least
// (EXPIRE, RFC 2449 section 6.7). Set is false where it says nothing or NEVER.
type Expiry struct {
	Set   bool
	Keeps time.Duration
}

// expiry reads CAPA. For Gmail see [isGmail].
func expiry(caps pop3.Capabilities, greeting string) (e Expiry) {
	if !isGmail(greeting, caps) {
		e.Keeps, e.Set = caps.Expire()
	}
	return e
}
