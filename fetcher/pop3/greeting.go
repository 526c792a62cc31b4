package pop3

import (
	"bytes"
	"fmt"
)

// readGreeting reads the server's first line. It closes the connection on error.
func (c *Client) readGreeting() error {
	if err := c.greet(); err != nil {
		c.fail(err)
		return fmt.Errorf("read greeting: %w", c.err)
	}
	return nil
}

func (c *Client) greet() error {
	c.wire.conn.within(c.timeouts.Greeting, "greeting")
	line, err := c.wire.readLine(maxReply)
	if other := otherProtocol(line); other != "" {
		return &ProtocolError{Detail: other, Err: ErrNotPOP3}
	}
	if err != nil {
		if timedOut(err) {
			return c.wire.conn.overdue(fmt.Sprintf("no greeting within %v: %s", c.timeouts.Greeting, c.silence()), err)
		}
		return c.wire.lineError(err, "instead of greeting")
	}
	c.log.received(line)
	switch s, _ := parseReply(line); s {
	case statusOK:
		c.server.greeting = string(line)
		return nil
	case statusErr:
		return newError("", line)
	}
	return &ProtocolError{Detail: "it greets with " + inQuotes(line, maxErrorText), Err: ErrNotPOP3}
}

// silence guesses why a server does not greet.
func (c *Client) silence() string {
	if c.wire.tls != nil {
		return "is it a POP3 server?"
	}
	return "is it a TLS port, such as 995?"
}

// otherProtocol returns which server sends such a first line and what to do, or "".
// The line may be cut short: a TLS client sees 5 bytes of it.
func otherProtocol(line []byte) string {
	for _, p := range []struct{ prefix, advice string }{
		{"* OK", "an IMAP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"* BYE", "an IMAP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"* PREA", "an IMAP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"220 ", "an SMTP or FTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"220-", "an SMTP or FTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"554 ", "an SMTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"421 ", "an SMTP or FTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"SSH-", "an SSH server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"HTTP/", "an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"<!DOC", "an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		{"<html", "an HTTP server answered: POP3S is port 995, POP3 with STLS port 110"},
		// A TLS record: an alert or a handshake message.
		{"\x15\x03", "a TLS server answered: use implicit TLS on this port"},
		{"\x16\x03", "a TLS server answered: use implicit TLS on this port"},
	} {
		if bytes.HasPrefix(line, []byte(p.prefix)) {
			return p.advice
		}
	}
	return ""
}

// clearText returns which server answered a TLS handshake with these bytes in the
// clear, or "".
func clearText(header []byte) string {
	if other := otherProtocol(header); other != "" {
		return other
	}
	for _, prefix := range []string{"+OK", "-ERR"} {
		if bytes.HasPrefix(bytes.ToUpper(header), []byte(prefix)) {
			return "a POP3 server answered without TLS: use STLS on this port, or POP3S on port 995"
		}
	}
	return ""
}
