package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/pop3"
)

// Options say how a session is opened.
type Options struct {
	// WithoutCapa has the server not asked for its capabilities, and Unpipelined has
	// nothing sent ahead of replies: some servers break at these.
	WithoutCapa, Unpipelined bool
	// Ask is what is asked ahead, with the login's last reply under way, where the
	// server announces PIPELINING. It saves two round trips. These questions must be
	// the first ones, in this order: [mailbox.Mailbox.Stat], Keys, Sizes.
	Ask Questions
	// Waiting is called with true before each wait for the server, and with false
	// after it; nil is for who need not know.
	Waiting func(waits bool)
	// Own is called with the account's own certificate, if it has one, before the
	// server is dialed: with one that has expired, that is as far as it gets.
	Own func(*x509.Certificate)
	Log zerolog.Logger
}

// Questions are what a session asks ahead.
type Questions int

// Each asks what those before it ask, and more.
const (
	AskNothing Questions = iota
	AskStat
	AskKeys
	AskSizes
)

var verbs = []string{"CAPA", "STAT", "UIDL", "LIST"}

// Step is how far the opening of a session came.
type Step int

// The steps, in their order. Capabilities are asked before and after the login.
const (
	Connecting Step = iota
	AskingCapabilities
	LoggingIn
)

// Session is an open session, or how far an attempt at one came.
type Session struct {
	// Mailbox is nil unless the session is open.
	mailbox.Mailbox
	// Step is the last step that was begun.
	Step Step
	// Asked is what was asked ahead.
	Asked Questions
	// Mechanism is how the login was made, or tried: "APOP", "USER/PASS" or a SASL
	// mechanism.
	Mechanism string
	// Capabilities are what the server announced last, by name, with their arguments.
	Capabilities map[string][]string
	// TLS is the protocol version, "" without TLS. Resumed says that its session is
	// that of an earlier connection. Certificate is the server's, Own the account's,
	// nil without one.
	TLS              string
	Resumed          bool
	Certificate, Own *x509.Certificate
	// Expiry is what the server announces of how long it keeps messages.
	Expiry Expiry
}

// Open connects to the endpoint's server and logs in. It always returns a session:
// with an error, it tells how far the attempt came, and the line is closed.
func (e *Endpoint) Open(ctx context.Context, o Options) (*Session, error) {
	k, err := e.keys(ctx, o)
	if err != nil {
		return &Session{}, err
	}
	return e.open(ctx, k, o)
}

// OpenEither opens a session as polls do, a second time without asking for
// capabilities where that breaks the line.
func (e *Endpoint) OpenEither(ctx context.Context, o Options) (*Session, error) {
	k, err := e.keys(ctx, o)
	if err != nil {
		return &Session{}, err
	}
	s, err := e.open(ctx, k, o)
	if err == nil || s.Step != AskingCapabilities || !mailbox.Broken(err) || ctx.Err() != nil {
		return s, err
	}
	o.WithoutCapa = true
	again, second := e.open(ctx, k, o)
	if second != nil && again.Step == Connecting {
		return s, errors.Join(err, second)
	}
	return again, second
}

// keys are what a session is opened with.
type keys struct {
	secret string
	config *tls.Config // nil where there is no TLS
}

// keys gets them before the server is spoken to: a command or an authorization
// server may take longer than the server's patience, and without a secret there is
// nothing to connect for.
func (e *Endpoint) keys(ctx context.Context, o Options) (k keys, err error) {
	if o.Waiting != nil {
		o.Waiting(true) // a token may be asked from a server, too
		defer o.Waiting(false)
	}
	if k.secret, err = e.secret(ctx, o.Log); err != nil {
		return k, err
	}
	k.config, err = e.tlsConfig()
	return k, err
}

func (e *Endpoint) open(ctx context.Context, k keys, o Options) (*Session, error) {
	s := &Session{}
	if s.Own = ownCertificate(k.config); s.Own != nil && o.Own != nil {
		o.Own(s.Own)
	}
	c, err := e.dial(ctx, k.config, o)
	if err != nil {
		return s, fmt.Errorf("connect to %s: %w", e.Addr, err)
	}
	if state, ok := c.TLSState(); ok {
		s.TLS, s.Resumed, s.Certificate = tls.VersionName(state.Version), state.DidResume, state.PeerCertificates[0]
	}
	l := login{endpoint: e, client: c, secret: k.secret, options: o, session: s}
	if err := l.run(ctx); err != nil {
		c.Close()
		return s, err
	}
	s.Expiry = expiry(l.caps, c.Greeting())
	s.Mailbox = Maildrop(c, l.caps, o.Unpipelined)
	return s, nil
}

// tlsConfig is nil where there is no TLS.
func (e *Endpoint) tlsConfig() (*tls.Config, error) {
	if e.Security == Plaintext {
		return nil, nil
	}
	config, err := e.TLS()
	if err != nil {
		return nil, fmt.Errorf("prepare TLS: %w", err)
	}
	return config, nil
}

func (e *Endpoint) dial(ctx context.Context, config *tls.Config, o Options) (*pop3.Client, error) {
	d := pop3.Dialer{
		Addr: e.Addr, Mode: e.Security, TLSConfig: config, DialContext: e.Dial, Timeouts: e.Timeouts,
		Trace: tracer(o.Log), Waiting: o.Waiting,
	}
	c, err := d.Dial(ctx)
	if err != nil {
		return nil, explainTLS(err, config)
	}
	return c, nil
}

func (e *Endpoint) secret(ctx context.Context, log zerolog.Logger) (secret string, err error) {
	if e.byToken() {
		secret, err = e.Token(ctx, "") // whose errors say what they are about
	} else if secret, err = e.Password(ctx); err != nil {
		err = fmt.Errorf("read the password: %w", err)
	}
	if detailed, ok := errors.AsType[detailed](err); ok && detailed.Detail() != "" {
		log.Debug().Str("stderr", detailed.Detail()).Msg("what the command wrote that failed")
	}
	return secret, err
}
