package pop3

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// SASLClient is the client's side of one authentication (RFC 4422 section 3), as
// github.com/emersion/go-sasl has them.
type SASLClient interface {
	// Start returns the mechanism's name and its first response, nil when the
	// server must speak first.
	Start() (mechanism string, response []byte, err error)
	// Next answers a challenge. An error cancels the authentication.
	Next(challenge []byte) (response []byte, err error)
}

// UserPass logs in with USER and PASS (RFC 1939 section 7), which carry the
// password as it is. Under TLS both are sent in one write if the last CAPA named
// PIPELINING, or [Client.Behind] has more sent with them, unless [Client.OneByOne] says not to.
func (c *Client) UserPass(user, password string) error {
	together := c.server.caps.Has("PIPELINING") || len(c.commands.behind) > 0
	if c.wire.tls == nil || !together || c.commands.oneByOne {
		c.commands.behind = nil
		if _, err := c.cmd("USER", user); err != nil {
			return err
		}
		_, err := c.cmd("PASS", password)
		return err
	}
	if err := c.queue("USER", user); err != nil {
		return err
	}
	if err := c.queue("PASS", password); err != nil {
		return err
	}
	if err := c.sendLogin(); err != nil {
		return err
	}
	_, userErr := c.reply("USER")
	if userErr != nil && c.err != nil {
		return userErr
	}
	_, err := c.reply("PASS")
	if userErr != nil {
		err = userErr // the refusal that PASS met is a consequence
	}
	return c.answered(err)
}

// maxChallenges bounds the rounds of an authentication.
const maxChallenges = 32

// Auth logs in with AUTH (RFC 5034 section 4). The first response goes on a line
// of its own: Exchange Online demands it, and its tokens would not fit the command
// line. The error of a refused login is an [*Error], also if the mechanism
// gave up before.
func (c *Client) Auth(s SASLClient) error {
	mechanism, response, err := s.Start()
	if err != nil {
		return fmt.Errorf("start authentication: %w", err)
	}
	if mechanism == "" || strings.ContainsAny(mechanism, " \t") {
		return fmt.Errorf("start authentication: %q is no mechanism", mechanism)
	}
	if err := c.queue("AUTH", mechanism); err != nil {
		return err
	}
	for round := 0; ; round++ {
		if err := c.flush(); err != nil {
			return err
		}
		challenge, done, err := c.challenge(round == 0)
		if done || err != nil {
			return err
		}
		if round > 0 || response == nil {
			raw, err := base64.StdEncoding.DecodeString(challenge)
			if err == nil && round < maxChallenges {
				response, err = s.Next(raw)
			} else if err == nil {
				err = errors.New("authentication does not end")
			}
			if err != nil {
				return c.cancelAuth(err)
			}
		}
		if err := c.queue("", base64.StdEncoding.EncodeToString(response)); err != nil {
			return err
		}
	}
}

// challenge reads the server's next move. QUIRK: where "+ " and a challenge
// should stand, servers send "+", "+OK" or, before the first response, any text.
func (c *Client) challenge(first bool) (challenge string, done bool, err error) {
	line, err := c.replyLine("")
	if err != nil {
		return "", false, err
	}
	s, _ := parseReply(line)
	switch {
	case s == statusErr:
		c.message.ended = 0
		return "", true, newError("AUTH", c.log.mask(line))
	case s == statusOK && !first:
		c.message.ended = 0
		return "", true, nil
	case s == statusOK:
		return "", false, nil
	case len(line) == 1 && line[0] == '+', len(line) > 1 && line[0] == '+' && line[1] == ' ':
		return strings.Trim(string(line[1:]), " \t"), false, nil
	}
	return "", false, c.outOfStep("", line)
}

// cancelAuth ends an authentication that the mechanism gave up because of err.
func (c *Client) cancelAuth(err error) error {
	if _, refused := c.cmd("", "*"); refused != nil {
		// The server's own words may hold the reason.
		return fmt.Errorf("%w (%w)", refused, err)
	}
	return c.fail(fmt.Errorf("server takes a cancelled authentication for a login: %w", err))
}
