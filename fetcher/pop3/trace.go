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

// dialogue shows the lines of both sides to who wants to see them, without their secrets.
type dialogue struct {
	trace   func(TraceLine) // nil for nobody
	secrets secrets         // sent in this session
}

// sent notes a command.
func (d *dialogue) sent(verb string, args []string) {
	for i, arg := range args {
		if isSecret(verb, i, arg) {
			d.secrets.add(arg)
		}
	}
	if d.trace != nil {
		d.trace(TraceLine{FromClient, masked(verb, args)})
	}
}

// received notes a line of the server.
func (d *dialogue) received(line []byte) {
	if d.trace != nil {
		d.trace(TraceLine{FromServer, printable(d.mask(line), maxReply)})
	}
}

// elided notes n bytes, or what unit says, in place of so much of the server's words.
func (d *dialogue) elided(n int64, unit string) {
	if d.trace != nil {
		d.trace(TraceLine{FromServer, fmt.Sprintf("... (%d %s)", n, unit)})
	}
}

// mask replaces what was sent as a secret in a line of the server.
func (d *dialogue) mask(line []byte) []byte { return d.secrets.mask(line) }

// quote returns a line of the server between quotes, fit for an error.
func (d *dialogue) quote(line []byte, limit int) string { return inQuotes(d.mask(line), limit) }

// masked is a command as it may be shown. A line without a verb is an answer to
// a SASL challenge.
func masked(verb string, args []string) string {
	line := verb
	for i, arg := range args {
		if isSecret(verb, i, arg) {
			arg = masking
		}
		if line != "" {
			line += " "
		}
		line += printable([]byte(arg), maxReply)
	}
	return line
}

// isSecret reports whether the i-th argument of a command must not be shown.
func isSecret(verb string, i int, arg string) bool {
	return verb == "" && arg != "*" || verb == "PASS" || verb == "APOP" && i > 0
}
