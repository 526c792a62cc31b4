package fetcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
)

// connect dials, verifies TLS, asks for the capabilities and logs in.
func (p *poll) connect(ctx context.Context) error {
	secret, err := p.account.secret(ctx)
	if err != nil {
		return err
	}
	c, err := dial(ctx, p.account, tracer(p.log))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", p.account.Addr, err)
	}
	p.client = c
	mechanism, caps, err := login(ctx, p.account, c, secret, p.simply.withoutCapa, p.listAhead, func(s step) { p.step = s })
	if err != nil {
		c.Close()
		return err
	}
	p.gmail = isGmail(c.Greeting(), caps)
	announced := announcements(caps, p.gmail)
	p.loginDelay = announced.loginDelay
	p.noteExpiry(announced)
	p.window = 1
	if caps.Has("PIPELINING") && !p.simply.unpipelined {
		p.window = pipelineWindow
	}
	version, resumed := "", false
	if state, ok := c.TLSState(); ok {
		version, resumed = tlsVersion(state), state.DidResume
		p.noteCertificate(state)
	}
	p.log.Debug().Str("host", p.account.Addr).Str("mechanism", mechanism).Str("tls", version).Bool("resumed", resumed).Bool("pipelining", p.window > 1).Msg("logged in")
	p.observe(LoggedIn{Account: p.account.Name, Addr: p.account.Addr, Mechanism: mechanism, TLS: version})
	return nil
}

func dial(ctx context.Context, a Account, trace func(pop3.TraceLine)) (*pop3.Client, error) {
	d := pop3.Dialer{Addr: a.Addr, Mode: a.Mode, DialContext: a.Dial, Timeouts: a.Timeouts, Trace: trace}
	if a.Mode != pop3.Plaintext {
		config, err := a.TLS()
		if err != nil {
			return nil, fmt.Errorf("prepare TLS: %w", err)
		}
		d.TLSConfig = config
	}
	c, err := d.Dial(ctx)
	if err != nil {
		return nil, explainTLS(err)
	}
	return c, nil
}

// secret gets what the login needs, before the server is spoken to: a command or
// an authorization server may take longer than the server's patience, and without
// a secret there is nothing to connect for.
func (a *Account) secret(ctx context.Context) (string, error) {
	if a.byToken() {
		return a.Token(ctx, "") // whose errors say what they are about
	}
	password, err := a.Password(ctx)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return password, nil
}

func (a *Account) byToken() bool { return a.Auth == AuthXOAuth2 || a.Auth == AuthOAuthBearer }

// login chooses the mechanism, logs in with it alone, and returns it with the
// capabilities that the server announces after the login: Gmail announces
// PIPELINING only then. in, unless nil, is called as soon as the login stands, with the
// capabilities announced before it, and CAPA is the next to be sent.
func login(ctx context.Context, a Account, c *pop3.Client, secret string, withoutCapa bool, in func(*pop3.Client, pop3.Capabilities) error, at func(step)) (mechanism string, caps pop3.Capabilities, err error) {
	capa := func() error {
		if withoutCapa {
			return nil
		}
		at(stepCapa)
		caps, err = c.Capa()
		if err != nil {
			return fmt.Errorf("ask the capabilities of %s: %w", a.Addr, err)
		}
		return nil
	}
	if err := capa(); err != nil {
		return "", nil, err
	}
	at(stepLogin)
	c.Conceal(secret)
	mechanism = chooseMechanism(a.Auth, c)
	if a.byToken() {
		err = authenticateByToken(ctx, a, c, caps, mechanism, secret)
	} else {
		err = authenticate(c, caps, mechanism, a.Username, secret)
	}
	if err != nil {
		return mechanism, nil, &LoginError{Addr: a.Addr, Mechanism: mechanism, Err: err}
	}
	if in != nil && !withoutCapa {
		if err := in(c, caps); err != nil {
			return mechanism, nil, err
		}
	}
	if err := capa(); err != nil {
		return mechanism, nil, err
	}
	return mechanism, caps, nil
}

// listAhead sends the questions that every poll begins with in one go, which saves two
// round trips; and with them LIST where something is likely to be new, as in a mailbox that
// every poll empties.
func (p *poll) listAhead(c *pop3.Client, caps pop3.Capabilities) error {
	if p.simply.unpipelined || !caps.Has("PIPELINING") {
		return nil
	}
	p.ahead = true
	if p.sizesAhead = !p.visited || p.account.Delete && p.account.DeleteAfter <= 0; p.sizesAhead {
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

func authenticate(c *pop3.Client, caps pop3.Capabilities, mechanism, username, password string) error {
	switch mechanism {
	case mechanismAPOP:
		err := c.Apop(username, password)
		if reply, ok := errors.AsType[*pop3.Error](err); ok && reply.Code == "" && strings.Contains(strings.ToLower(reply.Text), "not supported") {
			return fmt.Errorf("%w (the server offers APOP but may not support it for this mailbox: try auth: pass)", err)
		}
		return err
	case mechanismPlain, mechanismLogin:
		if err := offers(caps, mechanism); err != nil {
			return err
		}
		if mechanism == mechanismPlain {
			return c.Auth(sasl.NewPlainClient("", username, password))
		}
		return c.Auth(sasl.NewLoginClient(username, password))
	default:
		return c.UserPass(username, password)
	}
}

// offers tells what a server announces instead of the mechanism. One that announces nothing may know it.
func offers(caps pop3.Capabilities, mechanism string) error {
	offered := caps.Args("SASL")
	if len(offered) > 0 && !slices.ContainsFunc(offered, func(m string) bool { return strings.EqualFold(m, mechanism) }) {
		return fmt.Errorf("server offers only %s", strings.Join(offered, ", "))
	}
	return nil
}

// authenticateByToken presents the token, and once more another if the server refuses the first: it may have been
// revoked, or have ended earlier than was said.
func authenticateByToken(ctx context.Context, a Account, c *pop3.Client, caps pop3.Capabilities, mechanism, token string) error {
	if err := offers(caps, mechanism); err != nil {
		return err
	}
	refused, err := present(a, c, mechanism, token)
	if !refused {
		return err
	}
	another, tokenErr := a.Token(ctx, token)
	switch {
	case tokenErr != nil:
		return fmt.Errorf("%w; %w", err, tokenErr)
	case another == token:
		return err
	}
	_, again := present(a, c, mechanism, another)
	if _, isReply := errors.AsType[*pop3.Error](again); again != nil && !isReply {
		return err // the server gave up on the connection; the next poll has the new token
	}
	return again
}

// present logs in with the token, and tells of an error whether it is the token that the server did not like.
func present(a Account, c *pop3.Client, mechanism, token string) (refused bool, err error) {
	host, port, err := net.SplitHostPort(a.Addr)
	if err != nil {
		return false, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return false, err
	}
	login := oauth.NewXOAuth2(a.Username, token)
	if mechanism == mechanismOAuthBearer {
		login = oauth.NewOAuthBearer(a.Username, token, host, number)
	}
	err = c.Auth(login)
	reply, isReply := errors.AsType[*pop3.Error](err)
	return isReply && (login.Refused() || !reply.Temporary()), login.Explain(err)
}
