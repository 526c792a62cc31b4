package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/attachd/attachd/fetcher/pop3"
)

// connect dials, verifies TLS, asks for the capabilities and logs in.
func (p *poll) connect(ctx context.Context) error {
	c, err := dial(ctx, p.account, tracer(p.log))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", p.account.Addr, err)
	}
	p.client = c
	mechanism, caps, err := login(ctx, p.account, c, p.withoutCapa, func(s step) { p.step = s })
	if err != nil {
		c.Close()
		return err
	}
	p.window = 1
	if caps.Has("PIPELINING") && !p.unpipelined {
		p.window = pipelineWindow
	}
	version := ""
	if state, ok := c.TLSState(); ok {
		version = tlsVersion(state)
	}
	p.log.Debug().Str("host", p.account.Addr).Str("mechanism", mechanism).Str("tls", version).Bool("pipelining", p.window > 1).Msg("logged in")
	p.observe(LoggedIn{Account: p.account.Name, Addr: p.account.Addr, Mechanism: mechanism, TLS: version})
	return nil
}

func dial(ctx context.Context, a Account, trace func(pop3.TraceLine)) (*pop3.Client, error) {
	d := pop3.Dialer{Addr: a.Addr, Mode: a.Mode, Timeouts: a.Timeouts, Trace: trace}
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

// login chooses the mechanism, logs in with it alone, and returns it with the
// capabilities that the server announces after the login: Gmail announces
// PIPELINING only then.
func login(ctx context.Context, a Account, c *pop3.Client, withoutCapa bool, at func(step)) (mechanism string, caps pop3.Capabilities, err error) {
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
	mechanism = chooseMechanism(a.Auth, c)
	password, err := a.Password(ctx)
	if err != nil {
		return mechanism, nil, fmt.Errorf("read the password: %w", err)
	}
	if err := authenticate(c, caps, mechanism, a.Username, password); err != nil {
		return mechanism, nil, &LoginError{Addr: a.Addr, Mechanism: mechanism, Err: err}
	}
	if err := capa(); err != nil {
		return mechanism, nil, err
	}
	return mechanism, caps, nil
}

const (
	mechanismAPOP  = "APOP"
	mechanismPass  = "USER/PASS"
	mechanismPlain = "PLAIN"
	mechanismLogin = "LOGIN"
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
		if offered := caps.Args("SASL"); len(offered) > 0 && !slices.ContainsFunc(offered, func(m string) bool { return strings.EqualFold(m, mechanism) }) {
			return fmt.Errorf("server offers only %s", strings.Join(offered, ", "))
		}
		if mechanism == mechanismPlain {
			return c.Auth(sasl.NewPlainClient("", username, password))
		}
		return c.Auth(sasl.NewLoginClient(username, password))
	default:
		return c.UserPass(username, password)
	}
}
