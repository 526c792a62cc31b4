package fetcher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
)

// connect dials, verifies TLS, asks for the capabilities and logs in.
func (p *poll) connect(ctx context.Context) error {
	p.slot.waiting(true) // a token may be asked from a server, too
	secret, err := p.account.secret(ctx, p.log)
	p.slot.waiting(false)
	if err != nil {
		return err
	}
	config, err := p.account.tlsConfig()
	if err != nil {
		return err
	}
	p.noteCertificate("the account's own", ownCertificate(config)) // now, as one that has expired gets no further
	c, err := dial(ctx, p.account, config, tracer(p.log), p.slot.waiting)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", p.account.Addr, err)
	}
	p.client = c
	g := login{account: p.account, client: c, secret: secret, withoutCapa: p.simply.withoutCapa, ahead: p.listAhead, step: &p.step}
	if err := g.run(ctx); err != nil {
		c.Close()
		return err
	}
	p.gmail = isGmail(c.Greeting(), g.caps)
	announced := announcements(g.caps, p.gmail)
	p.loginDelay = announced.loginDelay
	p.noteExpiry(announced)
	p.window = 1
	if g.caps.Has("PIPELINING") && !p.simply.unpipelined {
		p.window = pipelineWindow
	}
	version, resumed := "", false
	if state, ok := c.TLSState(); ok {
		version, resumed = tlsVersion(state), state.DidResume
		p.noteCertificate("the server's", state.PeerCertificates[0])
	}
	p.log.Debug().Str("host", p.account.Addr).Str("mechanism", g.mechanism).Str("tls", version).Bool("resumed", resumed).Bool("pipelining", p.window > 1).Msg("logged in")
	p.observe(LoggedIn{Account: p.account.Name, Addr: p.account.Addr, Mechanism: g.mechanism, TLS: version})
	return nil
}

// tlsConfig is nil where there is no TLS.
func (a *Account) tlsConfig() (*tls.Config, error) {
	if a.Mode == pop3.Plaintext {
		return nil, nil
	}
	config, err := a.TLS()
	if err != nil {
		return nil, fmt.Errorf("prepare TLS: %w", err)
	}
	return config, nil
}

func dial(ctx context.Context, a Account, config *tls.Config, trace func(pop3.TraceLine), waiting func(bool)) (*pop3.Client, error) {
	d := pop3.Dialer{Addr: a.Addr, Mode: a.Mode, TLSConfig: config, DialContext: a.Dial, Timeouts: a.Timeouts, Trace: trace, Waiting: waiting}
	c, err := d.Dial(ctx)
	if err != nil {
		return nil, explainTLS(err, config)
	}
	return c, nil
}

// secret gets what the login needs, before the server is spoken to: a command or
// an authorization server may take longer than the server's patience, and without
// a secret there is nothing to connect for.
func (a *Account) secret(ctx context.Context, log zerolog.Logger) (secret string, err error) {
	if a.byToken() {
		secret, err = a.Token(ctx, "") // whose errors say what they are about
	} else if secret, err = a.Password(ctx); err != nil {
		err = fmt.Errorf("read the password: %w", err)
	}
	if detailed, ok := errors.AsType[detailed](err); ok && detailed.Detail() != "" {
		log.Debug().Str("stderr", detailed.Detail()).Msg("what the command wrote that failed")
	}
	return secret, err
}

// detailed is an error with something to it that may hold a secret, and is for the log at debug level alone.
type detailed interface {
	error
	Detail() string
}

func (a *Account) byToken() bool { return a.Auth == AuthXOAuth2 || a.Auth == AuthOAuthBearer }

// login is how one connection is logged in: for whom, and how far that has come.
type login struct {
	account     Account
	client      *pop3.Client
	secret      string
	withoutCapa bool
	// ahead, unless nil, is called as soon as the login stands, and CAPA is the next to be sent.
	ahead func(*pop3.Client, pop3.Capabilities) error
	step  *step // is kept at the step under way

	tls       *tls.Config // nil without, or where nobody asks
	mechanism string
	caps      pop3.Capabilities
}

// run chooses the mechanism, logs in with it alone, and leaves it with the capabilities that the server
// announces after the login: Gmail announces PIPELINING only then.
func (g *login) run(ctx context.Context) error {
	if err := g.capa(); err != nil {
		return err
	}
	*g.step = stepLogin
	g.client.Conceal(g.secret)
	g.mechanism = chooseMechanism(g.account.Auth, g.client)
	if err := g.authenticate(ctx); err != nil {
		return &LoginError{Addr: g.account.Addr, Mechanism: g.mechanism, Err: err}
	}
	if g.ahead != nil && !g.withoutCapa {
		if err := g.ahead(g.client, g.caps); err != nil {
			return err
		}
	}
	return g.capa()
}

// enter connects to an account's server and logs in: without CAPA where that breaks the line, as polls do. The login
// is nil only if nothing was logged in to; unless err is nil, its client is closed.
func enter(ctx context.Context, a Account, log zerolog.Logger) (*login, error) {
	secret, err := a.secret(ctx, log)
	if err != nil {
		return nil, err
	}
	config, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	var g *login
	for _, withoutCapa := range []bool{false, true} {
		c, dialErr := dial(ctx, a, config, tracer(log), nil)
		if dialErr != nil {
			return g, errors.Join(err, fmt.Errorf("connect to %s: %w", a.Addr, dialErr))
		}
		var at step
		g = &login{account: a, client: c, secret: secret, withoutCapa: withoutCapa, step: &at, tls: config}
		if err = g.run(ctx); err == nil {
			return g, nil
		}
		c.Close()
		if at != stepCapa || !brokenLine(err) || ctx.Err() != nil {
			break
		}
	}
	return g, err
}

func (g *login) capa() (err error) {
	if g.withoutCapa {
		return nil
	}
	*g.step = stepCapa
	if g.caps, err = g.client.Capa(); err != nil {
		return fmt.Errorf("ask the capabilities of %s: %w", g.account.Addr, err)
	}
	return nil
}

// listAhead sends the questions that every poll begins with in one go, which saves two
// round trips; and with them LIST where something is likely to be new, as in a mailbox that
// every poll empties.
func (p *poll) listAhead(c *pop3.Client, caps pop3.Capabilities) error {
	if p.simply.unpipelined || !caps.Has("PIPELINING") {
		return nil
	}
	p.ahead = true
	if p.simply.oneByOne || p.simply.withoutSizes {
		return c.Ahead("CAPA", "STAT")
	}
	if p.sizesAhead = !p.visited || p.account.deletesAtOnce(); p.sizesAhead {
		return c.Ahead("CAPA", "STAT", "UIDL", "LIST")
	}
	return c.Ahead("CAPA", "STAT", "UIDL")
}

const (
	mechanismAPOP  = "APOP"
	mechanismPass  = "USER/PASS"
	mechanismPlain = "PLAIN"
	mechanismLogin = "LOGIN"

	mechanismXOAuth2     = "XOAUTH2"
	mechanismOAuthBearer = "OAUTHBEARER"
)

// chooseMechanism settles how to log in before anything was tried.
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

func (g *login) authenticate(ctx context.Context) error {
	c, username := g.client, g.account.Username
	switch g.mechanism {
	case mechanismAPOP:
		return g.explainAPOP(c.Apop(username, g.secret))
	case mechanismPass:
		return c.UserPass(username, g.secret)
	}
	offered := g.caps.Args("SASL")
	if len(offered) > 0 && !slices.ContainsFunc(offered, func(m string) bool { return strings.EqualFold(m, g.mechanism) }) {
		return fmt.Errorf("server offers only %s", strings.Join(offered, ", "))
	}
	err := g.authenticateBySASL(ctx)
	// A server that announces no mechanism may know it even so.
	if reply, ok := errors.AsType[*pop3.Error](err); ok && reply.Code == "" && len(offered) == 0 && !g.withoutCapa {
		return fmt.Errorf("%w (the server announces no SASL mechanism and may not know AUTH %s)", err, g.mechanism)
	}
	return err
}

// explainAPOP says what to do about a refusal of APOP that may be none of the password: a server that keeps passwords in a
// form that APOP can't be answered with may greet with a timestamp even so. Nothing else is tried by itself, as the refusal may be forged
// by somebody who wants the password in the clear.
func (g *login) explainAPOP(err error) error {
	reply, refused := errors.AsType[*pop3.Error](err)
	switch {
	case refused && strings.Contains(strings.ToLower(reply.Text), "not supported"):
		return fmt.Errorf("%w (the server offers APOP but may not support it for this mailbox: try auth: pass)", err)
	case g.account.Auth != AuthAuto, refused && (reply.Busy() || reply.Throttled() || strings.HasPrefix(reply.Code, "SYS/")):
	case refused, errors.Is(err, io.ErrUnexpectedEOF): // which is how some servers refuse
		return fmt.Errorf("%w (APOP was used as the greeting offers it; if the password is right and this lasts, the server may not support APOP for this mailbox, and auth: pass may do)", err)
	}
	return err
}

func (g *login) authenticateBySASL(ctx context.Context) error {
	switch g.mechanism {
	case mechanismPlain:
		return g.client.Auth(sasl.NewPlainClient("", g.account.Username, g.secret))
	case mechanismLogin:
		return g.client.Auth(sasl.NewLoginClient(g.account.Username, g.secret))
	}
	return g.authenticateByToken(ctx)
}

// authenticateByToken presents the token, and once more another if the server refuses the first: it may have been
// revoked, or have ended earlier than was said.
func (g *login) authenticateByToken(ctx context.Context) error {
	refused, err := g.present(g.secret)
	if !refused {
		return err
	}
	another, tokenErr := g.account.Token(ctx, g.secret)
	switch {
	case tokenErr != nil:
		return fmt.Errorf("%w; %w", err, tokenErr)
	case another == g.secret:
		return err
	}
	_, again := g.present(another)
	if _, isReply := errors.AsType[*pop3.Error](again); again != nil && !isReply {
		return err // the server gave up on the connection; the next poll has the new token
	}
	return again
}

// present logs in with the token, and tells of an error whether it is the token that the server did not like.
func (g *login) present(token string) (refused bool, err error) {
	host, port, err := net.SplitHostPort(g.account.Addr)
	if err != nil {
		return false, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return false, err
	}
	client := oauth.NewXOAuth2(g.account.Username, token)
	if g.mechanism == mechanismOAuthBearer {
		client = oauth.NewOAuthBearer(g.account.Username, token, host, number)
	}
	err = g.client.Auth(client)
	reply, isReply := errors.AsType[*pop3.Error](err)
	return isReply && (client.Refused() || !reply.Temporary()), client.Explain(err)
}

// LoginError says that the server refused the login.
type LoginError struct {
	Addr, Mechanism string
	Err             error
}

// Error returns the step, the mechanism and the server's words.
func (e *LoginError) Error() string {
	return fmt.Sprintf("log in to %s with %s: %v", e.Addr, e.Mechanism, e.Err)
}

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }
