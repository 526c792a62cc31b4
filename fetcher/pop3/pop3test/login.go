package pop3test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
)

// authorization is the state before the login (RFC 1939 section 4).
func (c *Conn) authorization(cmd, args string) error {
	s := c.server
	switch cmd {
	case "STLS":
		if !s.STLS || c.Conn != c.raw {
			c.Reply("-ERR no STLS here")
			return nil
		}
		c.Reply("+OK begin")
		if err := c.writer.Flush(); err != nil {
			return err
		}
		if err := c.startTLS(); err != nil {
			return err
		}
		c.buffer()
	case "USER":
		if s.NoUserPass {
			c.Reply("-ERR [SYS/PERM] plain logins are off")
			return nil
		}
		c.name = args
		c.Reply("+OK user ok")
	case "PASS":
		if c.name == "" {
			c.Reply("-ERR USER first")
			return nil
		}
		c.login(c.name, s.accepts(c.name, args))
	case "APOP":
		user, digest, _ := strings.Cut(args, " ")
		password, known := s.Users[user]
		sum := md5.Sum([]byte(c.stamp + password))
		c.login(user, s.APOP && known && digest == hex.EncodeToString(sum[:]))
	case "AUTH":
		return c.auth(args)
	default:
		c.refuseUnknown()
	}
	return nil
}

func (s *Server) accepts(user, password string) bool {
	want, known := s.Users[user]
	return known && want == password
}

// login answers the last command of a login whose credentials are right or wrong.
func (c *Conn) login(user string, ok bool) {
	s := c.server
	c.tooSoon = ok && s.sessions.tooSoon(user, s.Throttle)
	switch {
	case c.tooSoon && s.Throttle.Command == "":
		c.Reply(s.Throttle.Answer)
	case s.Auth.Refusal != "":
		c.Reply(s.Auth.Refusal)
	case !ok:
		c.Reply("-ERR permission denied")
	default:
		messages, free := s.maildrops.open(user, s.LockWait)
		if !free {
			c.Reply("-ERR [IN-USE] maildrop is locked by another session")
			return
		}
		c.user = user
		c.openView(messages)
		count, octets := c.size()
		c.Reply(fmt.Sprintf("+OK %d messages (%d octets).", count, octets))
	}
}

// release gives the maildrop back.
func (c *Conn) release() {
	if c.user != "" {
		c.server.maildrops.release(c.user)
		c.user = ""
	}
}

// mechanisms returns the arguments of SASL in CAPA, each with a space before it.
func (s *Server) mechanisms() string {
	var all string
	if !s.NoUserPass {
		all = " PLAIN LOGIN"
	}
	if s.Tokens != nil {
		all += " XOAUTH2 OAUTHBEARER"
	}
	return all
}

// auth is AUTH with PLAIN and LOGIN (RFC 5034), XOAUTH2 and OAUTHBEARER.
func (c *Conn) auth(args string) error {
	mechanism, initial, _ := strings.Cut(args, " ")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case c.server.Tokens != nil && (mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER"):
		return c.authToken(mechanism == "OAUTHBEARER", initial)
	case c.server.NoUserPass:
		c.Reply("-ERR [SYS/PERM] plain logins are off")
		return nil
	case mechanism == "PLAIN":
		return c.authPlain(initial)
	case mechanism == "LOGIN":
		return c.authLogin(initial)
	}
	c.Reply("-ERR unknown mechanism")
	return nil
}

// authPlain is AUTH PLAIN (RFC 4616).
func (c *Conn) authPlain(initial string) error {
	response, err := c.ask("", initial)
	if err != nil {
		return err
	}
	var user, password string
	if parts := bytes.Split(response, []byte{0}); len(parts) == 3 {
		user, password = string(parts[1]), string(parts[2])
	}
	c.login(user, c.server.accepts(user, password))
	return nil
}

// authLogin is AUTH LOGIN, which no RFC describes.
func (c *Conn) authLogin(initial string) error {
	user, err := c.ask("Username:", initial)
	if err != nil {
		return err
	}
	password, err := c.ask("Password:", "")
	if err != nil {
		return err
	}
	c.login(string(user), c.server.accepts(string(user), string(password)))
	return nil
}

// authToken is AUTH XOAUTH2, and OAUTHBEARER to the letter of RFC 7628 section 3.
func (c *Conn) authToken(bearer bool, initial string) error {
	if initial != "" {
		c.Reply("-ERR Protocol error. Connection is closed. 10")
		c.over = true
		return nil
	}
	answer, err := c.ask("", "")
	if err != nil {
		return err
	}
	response := string(answer)
	user, token, ok := parseXOAuth2(response)
	if bearer {
		user, token, ok = c.parseBearer(response)
	}
	if !ok {
		c.Reply("-ERR [AUTH] malformed response")
		return nil
	}
	if want, known := c.server.token(user); known && want == token {
		c.login(user, true)
		return nil
	}
	refusal, dummy := `{"status":"400","schemes":"Bearer","scope":"https://mail.example/"}`, ""
	if bearer {
		refusal, dummy = `{"status":"invalid_token","scope":"mail","openid-configuration":"https://login.example/.well-known/openid-configuration"}`, "\x01"
	}
	answer, err = c.ask(refusal, "")
	if err != nil {
		return err
	}
	if answer == nil || string(answer) != dummy {
		c.Reply("-ERR [AUTH] the explanation was not acknowledged")
		return nil
	}
	c.Reply("-ERR [AUTH] Authentication failed.")
	return nil
}

// ask sends a challenge and returns the response, or takes the initial response of the AUTH line,
// if there is one, for it. The response is nil when it is "*" or no base64.
func (c *Conn) ask(challenge, initial string) ([]byte, error) {
	line := initial
	if line == "" {
		c.challenge(challenge)
		if err := c.writer.Flush(); err != nil {
			return nil, err
		}
		answer, err := c.reader.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimRight(string(answer), "\r\n")
	}
	response, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return nil, nil
	}
	return response, nil
}

// challenge is the server's part of a SASL exchange (RFC 5034 section 4).
func (c *Conn) challenge(text string) {
	prefix := "+ "
	if c.server.Auth.Continuation != "" && text == "" {
		prefix = c.server.Auth.Continuation
	}
	c.Reply(prefix + base64.StdEncoding.EncodeToString([]byte(text)))
}

// parseXOAuth2 reads "user=USER^Aauth=Bearer TOKEN^A^A".
func parseXOAuth2(response string) (user, token string, ok bool) {
	parts := strings.Split(response, "\x01")
	if len(parts) != 4 || parts[2] != "" || parts[3] != "" {
		return "", "", false
	}
	user, isUser := strings.CutPrefix(parts[0], "user=")
	token, isToken := strings.CutPrefix(parts[1], "auth=Bearer ")
	return user, token, isUser && isToken
}

// parseBearer reads "n,a=USER,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A" (RFC 7628
// section 3.1). PORT must be the server's own.
func (c *Conn) parseBearer(response string) (user, token string, ok bool) {
	parts := strings.Split(response, "\x01")
	if len(parts) != 6 || parts[4] != "" || parts[5] != "" {
		return "", "", false
	}
	header := strings.Split(parts[0], ",")
	if len(header) != 3 || header[0] != "n" || header[2] != "" {
		return "", "", false
	}
	name, isUser := strings.CutPrefix(header[1], "a=")
	token, isToken := strings.CutPrefix(parts[3], "auth=Bearer ")
	_, port, _ := net.SplitHostPort(c.server.Addr())
	user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name)
	return user, token, isUser && isToken && strings.HasPrefix(parts[1], "host=") && parts[2] == fmt.Sprintf("port=%s", port)
}
