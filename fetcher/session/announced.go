package session

import (
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
)

// Expiry is the least time for which a server promises to keep messages (EXPIRE, RFC 2449 section
// 6.7).
type Expiry struct {
	// Set is false if the server announces nothing or NEVER.
	Set bool
	// Keeps is that time; 0 means that the server may delete messages at the session's end.
	Keeps time.Duration
}

// expiry returns the EXPIRE of the server's capabilities. Gmail's is ignored, see isGmail.
func expiry(caps pop3.Capabilities, greeting string) (e Expiry) {
	if !isGmail(greeting, caps) {
		e.Keeps, e.Set = caps.Expire()
	}
	return e
}
