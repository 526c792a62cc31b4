package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/attachd/attachd/fetcher/pop3"
)

// Login presents one token to one server. It has the methods of a SASL client: Start gives the mechanism and the
// first response, Next answers a challenge. It is for one authentication.
type Login struct {
	mechanism  string
	secret     *loginSecret // behind a pointer, where fmt does not look
	refusal    *Refusal
	challenges int
}

type loginSecret struct {
	token, initial string
}

// NewXOAuth2 logs in by XOAUTH2, the older form of Google and Microsoft.
func NewXOAuth2(username, token string) *Login {
	return &Login{mechanism: "XOAUTH2", secret: &loginSecret{token, "user=" + username + "\x01auth=Bearer " + token + "\x01\x01"}}
}

// NewOAuthBearer logs in by OAUTHBEARER (RFC 7628 section 3.1). Host and port are those of the server as the account
// names it.
func NewOAuthBearer(username, token, host string, port int) *Login {
	// RFC 5801 section 4: a comma ends the authorization identity.
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(username)
	return &Login{mechanism: "OAUTHBEARER", secret: &loginSecret{
		token, "n,a=" + name + ",\x01host=" + host + "\x01port=" + strconv.Itoa(port) + "\x01auth=Bearer " + token + "\x01\x01",
	}}
}

// Start gives the mechanism's name and the first response. A token that could not be one, such as the error message of
// a program or one with a field of the protocol in it, is an error.
func (l *Login) Start() (mechanism string, response []byte, err error) {
	if err := checkToken(l.secret.token); err != nil {
		return "", nil, err
	}
	return l.mechanism, []byte(l.secret.initial), nil
}

// checkToken accepts what RFC 6750 section 2.1 does and, as servers are free with it, any other visible ASCII.
func checkToken(token string) error {
	if token == "" {
		return errors.New("the access token is empty")
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("the access token holds a character that no token has, such as a space")
	}
	return nil
}

var errNotRefusal = errors.New("the server asks for more after the token")

// Next answers the challenge in which a server explains its refusal, with the dummy response that lets it end the
// exchange: a single %x01 (RFC 7628 section 3.2.3), for XOAUTH2 an empty line.
func (l *Login) Next(challenge []byte) (response []byte, err error) {
	if l.challenges++; l.challenges > 1 {
		return nil, errNotRefusal
	}
	l.refusal = parseRefusal(challenge, l.secret.token)
	if l.mechanism == "OAUTHBEARER" {
		return []byte{1}, nil
	}
	return []byte{}, nil
}

// Explain adds to the error of a refused login why the server refused the token, if it said so.
func (l *Login) Explain(err error) error {
	if err == nil || l.refusal == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, l.refusal)
}

// Refused tells whether the server explained that it does not take the token.
func (l *Login) Refused() bool { return l.refusal != nil }

// Refusal is a server's explanation (RFC 7628 section 3.2.2). Its fields are the server's words, fit for a log.
type Refusal struct {
	Status string // such as invalid_token, or 401 with XOAUTH2
	Scope  string // that the token should have
	Config string // where the server's OpenID configuration is
}

// Error gives what the server said.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString("token refused")
	for _, part := range []struct{ name, text string }{{"status", r.Status}, {"scope wanted", r.Scope}, {"see", r.Config}} {
		if part.text != "" {
			fmt.Fprintf(&b, ", %s %q", part.name, part.text)
		}
	}
	return b.String()
}

// parseRefusal reads the JSON of a challenge. Members may be of any type: some servers send the status as a number.
func parseRefusal(challenge []byte, token string) *Refusal {
	var members map[string]any
	if err := json.Unmarshal(challenge, &members); err != nil {
		return &Refusal{Status: shown(string(challenge), token)}
	}
	member := func(key string) string {
		switch v := members[key].(type) {
		case string:
			return shown(v, token)
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
		return ""
	}
	return &Refusal{Status: member("status"), Scope: member("scope"), Config: member("openid-configuration")}
}

// signed is a JSON Web Token (RFC 7519): an access token of many servers, or what the library signed for us.
var signed = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+(\.[\w-]*)?`)

// maxShown bounds what is repeated of a server's words, in bytes.
const maxShown = 400

// shown is what a server wrote, fit for a log: printable, bounded, without the secrets, which a server may repeat.
func shown(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			// As it is, and in the form in which it was sent.
			text = strings.NewReplacer(s, hidden, url.QueryEscape(s), hidden).Replace(text)
		}
	}
	text = pop3.Mask(text, secrets...)
	text = signed.ReplaceAllString(text, hidden)
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, text)
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return strings.TrimSpace(text)
}

const hidden = "<secret>"
