package pop3

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// UserPass logs in with USER and PASS (RFC 1939 section 7). Both are sent at
// once where the server announced PIPELINING, but only over TLS: in the clear
// the password would be sent before the server has said that it wants it.
func (c *Client) UserPass(user, password string) error {
	if _, tls := c.TLSState(); !tls || !c.pipeline {
		if _, err := c.cmd("USER", user, ""); err != nil {
			return err
		}
		_, err := c.cmd("PASS", password, "***")
		return err
	}
	if err := c.ready(); err != nil {
		return err
	}
	first, err := commandLine("USER", user)
	if err != nil {
		return err
	}
	second, err := commandLine("PASS", password)
	if err != nil {
		return err
	}
	if err := c.send([]byte(first+second), "USER "+user+"\nPASS ***"); err != nil {
		return err
	}
	_, userErr := c.reply("USER")
	if c.err != nil {
		return userErr
	}
	_, passErr := c.reply("PASS")
	if userErr != nil {
		return userErr
	}
	return passErr
}

// SASLClient is one side of a SASL exchange (RFC 4422), of the shape that
// github.com/emersion/go-sasl gives its clients.
type SASLClient interface {
	// Start returns the mechanism's name and its initial response, nil for none.
	Start() (mechanism string, initial []byte, err error)
	// Next answers a challenge.
	Next(challenge []byte) (response []byte, err error)
}

// maxChallenges bounds a SASL exchange that the server does not end.
const maxChallenges = 20

// Auth logs in with AUTH (RFC 5034). The initial response is always sent as a
// line of its own: Exchange Online accepts nothing else, and a token may be
// longer than the 255 octets that RFC 2449 section 4 allows a command.
func (c *Client) Auth(s SASLClient) error {
	mechanism, response, err := s.Start()
	if err != nil {
		return fmt.Errorf("start AUTH: %w", err)
	}
	if err := c.ready(); err != nil {
		return err
	}
	line, err := commandLine("AUTH", mechanism)
	if err != nil {
		return err
	}
	if err := c.send([]byte(line), "AUTH "+mechanism); err != nil {
		return err
	}
	for range maxChallenges {
		challenge, more, err := c.challenge()
		if err != nil || !more {
			return err
		}
		if response == nil {
			if response, err = s.Next(challenge); err != nil {
				return c.cancelAuth(err)
			}
		}
		encoded := base64.StdEncoding.EncodeToString(response)
		response = nil
		if err := c.send([]byte(encoded+"\r\n"), "***"); err != nil {
			return err
		}
	}
	return c.fail(&ProtocolError{Step: "AUTH " + mechanism, Line: "+", Hint: "the server asks without end"})
}

// challenge reads what the server says within AUTH: a challenge, success or
// -ERR.
func (c *Client) challenge() (challenge []byte, more bool, err error) {
	c.conn.SetReadDeadline(time.Now().Add(c.timeouts.Reply))
	line, err := c.readLine(maxReply)
	if err != nil {
		return nil, false, c.fail(fmt.Errorf("read reply to AUTH: %w", err))
	}
	if _, ok := okText(line); ok {
		return nil, false, nil
	}
	if reply := parseErr("AUTH", line); reply != nil {
		return nil, false, reply
	}
	// QUIRK: Exchange sends "+" without the blank, others text that is no base64.
	if text, ok := strings.CutPrefix(line, "+"); ok && !strings.HasPrefix(strings.ToUpper(line), "+ERR") {
		decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			decoded = nil
		}
		return decoded, true, nil
	}
	return nil, false, c.fail(&ProtocolError{Step: "read reply to AUTH", Line: printable(line), Hint: "expected +, +OK or -ERR"})
}

// cancelAuth ends an exchange that this side can't go on with (RFC 5034 section 4).
func (c *Client) cancelAuth(cause error) error {
	if err := c.send([]byte("*\r\n"), "*"); err != nil {
		return err
	}
	if _, err := c.reply("AUTH"); err != nil {
		if reply := (*Error)(nil); !errors.As(err, &reply) {
			return err
		}
	}
	return fmt.Errorf("AUTH: %w", cause)
}
