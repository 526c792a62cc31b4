package pop3

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Capabilities maps the names that a server announces, in upper case, to their
// arguments (RFC 2449 section 6). The nil map is the empty set.
type Capabilities map[string][]string

// Has reports whether name, in upper case, is announced.
func (c Capabilities) Has(name string) bool {
	_, ok := c[name]
	return ok
}

// Args returns the arguments of name, such as the mechanisms of "SASL".
func (c Capabilities) Args(name string) []string { return c[name] }

// LoginDelay returns the least time between two logins that the server announces (RFC 2449
// section 6.5), 0 if it announces none. After the login it holds for the user who is logged in.
func (c Capabilities) LoginDelay() time.Duration {
	if seconds, ok := c.number("LOGIN-DELAY"); ok {
		return time.Duration(seconds) * time.Second
	}
	return 0
}

// Expire returns the least time, in whole days, for which the server announces to keep messages
// (RFC 2449 section 6.7). 0 means that it keeps none beyond the session. ok is false if the
// server announces nothing, or NEVER.
func (c Capabilities) Expire() (keeps time.Duration, ok bool) {
	days, ok := c.number("EXPIRE")
	return time.Duration(days) * 24 * time.Hour, ok
}

// number returns the first argument of a capability, a million at most.
func (c Capabilities) number(name string) (n int64, ok bool) {
	args := c[name]
	if len(args) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	return min(n, 1_000_000), err == nil && n >= 0
}

// maxCapabilities bounds the lines of CAPA.
const maxCapabilities = 200

// Capa sends CAPA and returns what the server announces (RFC 2449 section 5). It
// asks each time anew, as the answer changes with the login and with TLS. If the
// server refuses CAPA, Capa returns the empty set and no error.
func (c *Client) Capa() (Capabilities, error) {
	c.server.caps = nil
	_, err := c.cmd("CAPA")
	if _, refused := errors.AsType[*Error](err); refused {
		return Capabilities{}, nil
	}
	if err != nil {
		return nil, err
	}
	caps := Capabilities{}
	err = c.lines("CAPA", maxCapabilities, func(line []byte, _ bool) error {
		c.log.received(line)
		// QUIRK: Thunderbird's test server announces names in lower case.
		fields := strings.Fields(string(line))
		if len(fields) > 0 {
			name := strings.ToUpper(fields[0])
			caps[name] = slices.Concat(caps[name], fields[1:])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c.server.caps = caps
	return caps, nil
}
