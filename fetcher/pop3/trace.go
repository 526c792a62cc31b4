package pop3

import (
	"bytes"
	"fmt"
)

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
		c.trace(TraceLine{FromServer, printable(line, maxReply)})
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

// minSecret is the least length, in bytes, of a secret that is looked for in what the server says. To mask a shorter
// one, which may be part of any word, would tell what it is.
const minSecret = 6

func (c *Client) keepSecrets(verb string, args []string) {
	for i, arg := range args {
		if isSecret(verb, i, arg) && len(arg) >= minSecret {
			c.secrets = append(c.secrets, arg)
		}
	}
}

// Conceal has a secret masked in whatever the server says, from now on: where it is sent in base64, as AUTH
// does, a server may repeat what it stands for.
func (c *Client) Conceal(secret string) {
	if len(secret) >= minSecret {
		c.secrets = append(c.secrets, secret)
	}
}

// withoutSecrets masks what a server repeats of our own secrets. QUIRK: some answer an unknown command, or one that
// they do not expect, with the whole of it.
func (c *Client) withoutSecrets(line []byte) []byte {
	for _, s := range c.secrets {
		if bytes.Contains(line, []byte(s)) {
			line = bytes.ReplaceAll(line, []byte(s), []byte("***"))
		}
	}
	return line
}
