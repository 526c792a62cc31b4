package pop3test

import (
	"encoding/base64"
	"fmt"
	"net"
	"strings"
)

// mechanisms are those to be announced, each with a space before it.
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

// authToken is AUTH XOAUTH2, and OAUTHBEARER to the letter of RFC 7628 section 3.
func (c *Conn) authToken(bearer bool, initial string) error {
	if initial != "" {
		c.Reply("-ERR Protocol error. Connection is closed. 10")
		c.over = true
		return nil
	}
	response, err := c.ask("")
	if err != nil {
		return err
	}
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
	answer, err := c.ask(refusal)
	if err != nil {
		return err
	}
	if answer != dummy {
		c.Reply("-ERR [AUTH] the explanation was not acknowledged")
		return nil
	}
	c.Reply("-ERR [AUTH] Authentication failed.")
	return nil
}

// ask sends a challenge and reads the response, "*" when that is no base64.
func (c *Conn) ask(challenge string) (string, error) {
	c.challenge(challenge)
	if err := c.writer.Flush(); err != nil {
		return "", err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	response, err := base64.StdEncoding.DecodeString(strings.TrimRight(string(line), "\r\n"))
	if err != nil {
		return "*", nil
	}
	return string(response), nil
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

// parseBearer reads "n,a=USER,^Ahost=HOST^Aport=PORT^Aauth=Bearer TOKEN^A^A" and wants the port to be its own.
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
