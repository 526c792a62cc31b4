package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"github.com/attachd/attachd/fetcher/pop3"
)

// Login presents one access token to one mail server. It is a SASL client (RFC 4422 section
// 3) for one authentication.
type Login struct {
	mechanism  string
	secret     *loginSecret // behind a pointer, where fmt does not look
	refusal    *Refusal
	challenges int
}

type loginSecret struct {
	token, initial string
}

// NewXOAuth2 returns a login by XOAUTH2, the form of Google and Microsoft. No RFC describes it.
func NewXOAuth2(username, token string) *Login {
	return &Login{mechanism: "XOAUTH2", secret: &loginSecret{token, "user=" + username + "\x01auth=Bearer " + token + "\x01\x01"}}
}

// NewOAuthBearer returns a login by OAUTHBEARER (RFC 7628 section 3.1). host and port are those
// of the mail server, as the account names it.
func NewOAuthBearer(username, token, host string, port int) *Login {
	// RFC 5801 section 4: a comma ends the authorization identity.
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(username)
	return &Login{mechanism: "OAUTHBEARER", secret: &loginSecret{
		token, "n,a=" + name + ",\x01host=" + host + "\x01port=" + strconv.Itoa(port) + "\x01auth=Bearer " + token + "\x01\x01",
	}}
}

// Start returns the mechanism's name and the first response. Its error says that the token
// can't be one, because it is the message of a program, say, or holds control characters.
func (l *Login) Start() (mechanism string, response []byte, err error) {
	if err := checkToken(l.secret.token); err != nil {
		return "", nil, err
	}
	return l.mechanism, []byte(l.secret.initial), nil
}

// checkToken accepts any visible ASCII. RFC 6750 section 2.1 allows less, but servers differ.
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

// Next answers the challenge in which a server explains its refusal. The dummy response lets
// the server end the exchange: a single %x01 (RFC 7628 section 3.2.3), or an empty line for
// XOAUTH2. A second challenge is an error.
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

// Explain returns err, the error of the login, with the server's explanation if there was one.
func (l *Login) Explain(err error) error {
	if err == nil || l.refusal == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, l.refusal)
}

// Refused reports whether the server explained that it refuses the token.
func (l *Login) Refused() bool { return l.refusal != nil }

// Refusal is a mail server's explanation for refusing a token (RFC 7628 section 3.2.2). Its
// fields are the server's words, fit for a log.
type Refusal struct {
	Status string // "invalid_token" for one, or "401" with XOAUTH2
	Scope  string // the scope that the token should have
	Config string // URL of the server's OpenID configuration
}

// Error returns what the server said.
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

// parseRefusal reads the JSON of a challenge. Members may be of any type: some servers send
// the status as a number.
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

// signed is a JSON Web Token (RFC 7519): the access token of many servers, or a request that
// the library signed.
var signed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`eyJ[\w-]+\.[\w-]+(\.[\w-]*)?`) })

// maxShown bounds what is repeated of a server's words, in bytes.
const maxShown = 400

// shown returns what a server wrote, fit for a log: printable, bounded, and without the secrets
// that the server may have repeated.
func shown(text string, secrets ...string) string {
	for _, s := range secrets {
		if s != "" {
			// As it is, and in the form in which it was sent.
			text = strings.NewReplacer(s, hidden, url.QueryEscape(s), hidden).Replace(text)
		}
	}
	text = pop3.Mask(text, secrets...)
	text = signed().ReplaceAllString(text, hidden)
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
