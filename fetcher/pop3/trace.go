package pop3

import "fmt"

// Side is one end of the connection.
type Side int

const (
	// FromClient marks what we send.
	FromClient Side = iota
	// FromServer marks what the server sends.
	FromServer
)

// String returns "client" or "server".
func (s Side) String() string {
	if s == FromServer {
		return "server"
	}
	return "client"
}

// TraceLine is one line of the dialogue without its line end. Secrets are
// replaced by "***"; a message or a list is one line, "... (1234 bytes)".
type TraceLine struct {
	From Side
	Text string
}

func (c *Client) traceClient(verb string, args []string) {
	if c.trace != nil {
		c.trace(TraceLine{FromClient, masked(verb, args)})
	}
}

func (c *Client) traceServer(line []byte) {
	if c.trace != nil {
		c.trace(TraceLine{FromServer, printable(c.secrets.mask(line), maxReply)})
	}
}

func (c *Client) traceElided(what string) {
	if c.trace != nil {
		c.trace(TraceLine{FromServer, fmt.Sprintf("... (%s)", what)})
	}
}

// masked is a command as it may be shown. A line without a verb is an answer to
// a SASL challenge.
func masked(verb string, args []string) string {
	line := verb
	for i, arg := range args {
		if isSecret(verb, i, arg) {
			arg = "***"
		}
		if line != "" {
			line += " "
		}
		line += printable([]byte(arg), maxReply)
	}
	return line
}

// isSecret tells whether the i-th argument of a command must not be shown.
func isSecret(verb string, i int, arg string) bool {
	return verb == "" && arg != "*" || verb == "PASS" || verb == "APOP" && i > 0
}
