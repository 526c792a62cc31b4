package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
)

// detailed is an error with a detail that may hold a secret, so that only the debug log shows it.
type detailed interface {
	error
	Detail() string
}

// login is the login of one connection.
type login struct {
	endpoint *Endpoint
	client   *pop3.Client
	secret   string
	options  Options
	session  *Session // run sets its Step, Mechanism, Asked and Capabilities
	caps     pop3.Capabilities
}

// run chooses a mechanism, logs in with it, and asks for the capabilities once more: Gmail
// announces PIPELINING only after the login. The questions of the options are sent as early as
// the server allows.
func (l *login) run(ctx context.Context) error {
	l.session.Mechanism = chooseMechanism(l.endpoint.Auth, l.client)
	known := l.isKnown()
	if !known {
		if err := l.capa(); err != nil {
			return err
		}
	}
	ask := l.questions()
	early := len(ask) > 0 && (known || l.caps.Has("PIPELINING"))
	if early && l.takesMoreWithLogin() {
		l.session.Together, l.session.Known = true, known
		l.client.Behind(ask...)
	}
	l.session.Step = LoggingIn
	l.client.Conceal(l.secret)
	if l.options.LoginAlone || l.options.Unpipelined {
		l.client.OneByOne()
	}
	if err := l.authenticate(ctx); err != nil {
		return &LoginError{Addr: l.endpoint.Addr, Mechanism: l.session.Mechanism, Err: err}
	}
	if early {
		l.session.Asked = l.options.Ask
		if !l.session.Together {
			if err := l.client.Ahead(ask...); err != nil {
				return err
			}
		}
	}
	if err := l.capa(); err != nil {
		return err
	}
	if len(ask) > 0 && !early && l.caps.Has("PIPELINING") {
		l.session.Asked = l.options.Ask
		return l.client.Ahead(ask[1:]...)
	}
	return nil
}

// questions returns the commands that are to be sent ahead: the first is CAPA.
func (l *login) questions() []string {
	if o := &l.options; o.Ask == AskNothing || o.WithoutCapa || o.Unpipelined {
		return nil
	}
	return verbs[:l.options.Ask+1]
}

// isKnown reports whether an earlier session showed that a server with this greeting takes
// commands with the login. What CAPA says before the login is then of no use.
func (l *login) isKnown() bool {
	return l.options.Known != nil && len(l.questions()) > 0 && l.takesMoreWithLogin() && l.options.Known(l.session.Greeting)
}

// takesMoreWithLogin reports whether further commands may be sent with the login.
//
//   - USER without TLS may be refused for that, and PASS is not sent then.
//   - AUTH is a dialogue: if it goes on otherwise than expected, they would be part of it.
//   - QUIRK: Courier announces PIPELINING, reads 4 KiB ahead, and starts another program at the
//     login, which knows nothing of what was read.
func (l *login) takesMoreWithLogin() bool {
	_, secured := l.client.TLSState()
	byReply := l.session.Mechanism == mechanismAPOP || l.session.Mechanism == mechanismPass && secured
	courier := slices.Contains(l.caps.Args("IMPLEMENTATION"), "Courier")
	return byReply && !courier && !l.options.LoginAlone
}

// lasting returns what a server's greetings have in common: the words without a digit, which are
// no number, time or name of a session, and not in brackets.
func lasting(greeting string) string {
	words := strings.Fields(greeting)
	words = slices.DeleteFunc(words, func(w string) bool { return strings.ContainsAny(w, "0123456789<>[]") })
	return strings.Join(words, " ")
}

// capa asks for the capabilities, unless the options say not to.
func (l *login) capa() (err error) {
	if l.options.WithoutCapa {
		return nil
	}
	l.session.Step = AskingCapabilities
	if l.caps, err = l.client.Capa(); err != nil {
		return fmt.Errorf("ask the capabilities of %s: %w", l.endpoint.Addr, err)
	}
	l.session.Capabilities = l.caps
	return nil
}

const (
	mechanismAPOP  = "APOP"
	mechanismPass  = "USER/PASS"
	mechanismPlain = "PLAIN"
	mechanismLogin = "LOGIN"

	mechanismXOAuth2     = "XOAUTH2"
	mechanismOAuthBearer = "OAUTHBEARER"
)

// chooseMechanism returns the one mechanism that is tried.
func chooseMechanism(auth Auth, c *pop3.Client) string {
	switch auth {
	case AuthAPOP:
		return mechanismAPOP
	case AuthPlain:
		return mechanismPlain
	case AuthLogin:
		return mechanismLogin
	case AuthXOAuth2:
		return mechanismXOAuth2
	case AuthOAuthBearer:
		return mechanismOAuthBearer
	case AuthAuto:
		if _, err := c.Timestamp(); err == nil {
			return mechanismAPOP
		}
	}
	return mechanismPass
}

// authenticate logs in with the session's mechanism.
func (l *login) authenticate(ctx context.Context) error {
	c, username := l.client, l.endpoint.Username
	switch l.session.Mechanism {
	case mechanismAPOP:
		return l.explainAPOP(c.Apop(username, l.secret))
	case mechanismPass:
		return c.UserPass(username, l.secret)
	}
	offered := l.caps.Args("SASL")
	if len(offered) > 0 && !slices.ContainsFunc(offered, func(m string) bool { return strings.EqualFold(m, l.session.Mechanism) }) {
		return fmt.Errorf("server offers only %s", strings.Join(offered, ", "))
	}
	err := l.authenticateBySASL(ctx)
	// A server may know a mechanism without announcing it.
	if reply, ok := errors.AsType[*pop3.Error](err); ok && reply.Code == "" && len(offered) == 0 && !l.options.WithoutCapa {
		return fmt.Errorf("%w (the server announces no SASL mechanism and may not know AUTH %s)", err, l.session.Mechanism)
	}
	return err
}

// explainAPOP adds advice to a refusal of APOP that need not mean a wrong password. A server that
// keeps only hashes of passwords cannot check APOP, and some greet with a timestamp all the same.
// The operator must choose PASS: an attacker could forge the refusal to be sent the password
// itself.
func (l *login) explainAPOP(err error) error {
	reply, refused := errors.AsType[*pop3.Error](err)
	switch {
	case refused && strings.Contains(strings.ToLower(reply.Text), "not supported"):
		return fmt.Errorf("%w (the server offers APOP but may not support it for this mailbox: try auth: pass)", err)
	case l.endpoint.Auth != AuthAuto, refused && (reply.Busy() || reply.Throttled() || strings.HasPrefix(reply.Code, "SYS/")):
	case refused, errors.Is(err, io.ErrUnexpectedEOF): // some servers refuse by closing
		return fmt.Errorf("%w (APOP was used as the greeting offers it; if the password is right and this lasts, the server may not support APOP for this mailbox, and auth: pass may do)", err)
	}
	return err
}

// authenticateBySASL logs in by AUTH (RFC 5034 section 4).
func (l *login) authenticateBySASL(ctx context.Context) error {
	switch l.session.Mechanism {
	case mechanismPlain:
		return l.client.Auth(sasl.NewPlainClient("", l.endpoint.Username, l.secret))
	case mechanismLogin:
		return l.client.Auth(sasl.NewLoginClient(l.endpoint.Username, l.secret))
	}
	return l.authenticateByToken(ctx)
}

// authenticateByToken logs in with the access token. If the server refuses it, another token is
// tried once: the first may have been revoked, or have expired early.
func (l *login) authenticateByToken(ctx context.Context) error {
	refused, err := l.present(l.secret)
	if !refused {
		return err
	}
	another, tokenErr := l.endpoint.Token(ctx, l.secret)
	switch {
	case tokenErr != nil:
		return fmt.Errorf("%w; %w", err, tokenErr)
	case another == l.secret:
		return err
	}
	_, again := l.present(another)
	if _, isReply := errors.AsType[*pop3.Error](again); again != nil && !isReply {
		return err // the server gave up on the connection; the next poll has the new token
	}
	return again
}

// present logs in with a token. refused reports whether the error is about the token.
func (l *login) present(token string) (refused bool, err error) {
	host, port, err := net.SplitHostPort(l.endpoint.Addr)
	if err != nil {
		return false, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return false, err
	}
	client := oauth.NewXOAuth2(l.endpoint.Username, token)
	if l.session.Mechanism == mechanismOAuthBearer {
		client = oauth.NewOAuthBearer(l.endpoint.Username, token, host, number)
	}
	err = l.client.Auth(client)
	reply, isReply := errors.AsType[*pop3.Error](err)
	return isReply && (client.Refused() || !reply.Temporary()), client.Explain(err)
}

// LoginError reports that a login failed: the server refused it, or the connection broke during it.
type LoginError struct {
	Addr, Mechanism string
	Err             error
}

// Error returns "log in to ADDR with MECHANISM: CAUSE".
func (e *LoginError) Error() string {
	return fmt.Sprintf("log in to %s with %s: %v", e.Addr, e.Mechanism, e.Err)
}

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }
