package pop3

import (
	"errors"
	"slices"
	"strings"
)

// Capabilities maps the names that a server announces, in upper case, to their
// arguments (RFC 2449). The nil map is the empty set.
type Capabilities map[string][]string

// Has reports whether name, in upper case, is announced.
func (c Capabilities) Has(name string) bool {
	_, ok := c[name]
	return ok
}

// Args returns the arguments of name, such as the mechanisms of "SASL".
func (c Capabilities) Args(name string) []string { return c[name] }

// maxCapabilities bounds the lines of CAPA.
const maxCapabilities = 200

// Capa asks what the server is capable of, each time anew: the answer changes
// with the login and with TLS. A server that does not know CAPA has the empty
// set, which is no error.
func (c *Client) Capa() (Capabilities, error) {
	c.caps = nil
	_, err := c.cmd("CAPA")
	if _, refused := errors.AsType[*Error](err); refused {
		return Capabilities{}, nil
	}
	if err != nil {
		return nil, err
	}
	caps := Capabilities{}
	err = c.lines("CAPA", maxCapabilities, func(line []byte) error {
		c.traceServer(line)
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
	c.caps = caps
	return caps, nil
}
