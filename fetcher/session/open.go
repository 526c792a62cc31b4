package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/pop3"
)

// Options say how a session is opened.
type Options struct {
	// WithoutCapa does not ask the server for its capabilities: some servers break at CAPA.
	WithoutCapa bool
	// Unpipelined sends nothing ahead of replies: some servers announce PIPELINING and break at it.
	Unpipelined bool
	// LoginAlone sends nothing with the login, and the login one command at a time: some servers
	// announce PIPELINING and lose what comes behind the login.
	LoginAlone bool
	// Ask is what is sent ahead, if the server announces PIPELINING: with the login if it announces
	// that before, otherwise as soon as it does. The caller's first calls must then be these, in
	// this order: [mailbox.Mailbox.Stat], Keys, Sizes.
	Ask Questions
	// Since, unless zero, is when the time began that the session may take: it shares that with one
	// that broke.
	Since time.Time
	// Known, unless nil, reports whether the server is known to take commands with the login, by its
	// [Session.Greeting]. It is then not asked for its capabilities before the login.
	Known func(greeting string) bool
	// Waiting, unless nil, is called with true before each wait for the server, and with false
	// after it.
	Waiting func(waits bool)
	// Own, unless nil, is called with the account's own certificate before the server is dialed. An
	// expired one can make the handshake fail, and the warning must come before that.
	Own func(*x509.Certificate)
	Log zerolog.Logger
}

// Questions says what a session asks ahead.
type Questions int

// Each value asks for more than the one before: for the capabilities again, then by STAT, UIDL and
// LIST.
const (
	AskNothing Questions = iota
	AskStat
	AskKeys
	AskSizes
)

// verbs are the commands that are sent ahead, in order: up to and including verbs[Questions].
var verbs = []string{"CAPA", "STAT", "UIDL", "LIST"}

// Step says how far the opening of a session came.
type Step int

// The steps, in order. The capabilities are asked for before and after the login.
const (
	Connecting Step = iota
	AskingCapabilities
	LoggingIn
)

// Session is an open session, or the record of an attempt that failed.
type Session struct {
	// Mailbox is nil unless the session is open.
	mailbox.Mailbox
	// Step is the last step that was begun.
	Step Step
	// Greeting is what all greetings of the server have in common.
	Greeting string
	// Asked is what was asked ahead.
	Asked Questions
	// Together says that it was sent with the login, and Known that Options.Known allowed it.
	Together, Known bool
	// Mechanism is how the login was made, or tried: "APOP", "USER/PASS" or a SASL mechanism.
	Mechanism string
	// Capabilities are those that the server announced last: their arguments by name.
	Capabilities map[string][]string
	// TLS is the protocol version, "" without TLS.
	TLS string
	// Resumed says that the TLS session was resumed from an earlier connection.
	Resumed bool
	// Certificate is the server's, nil without TLS.
	Certificate *x509.Certificate
	// Own is the account's certificate, nil without one.
	Own *x509.Certificate
	// Expiry is how long the server announces to keep messages.
	Expiry Expiry
}

// Open connects to the endpoint's server and logs in. It always returns a session. With an error,
// the session says how far the attempt came, and the connection is closed. A failed login is a
// [*LoginError]. ctx ends the session too, not only its opening.
func (e *Endpoint) Open(ctx context.Context, o Options) (*Session, error) {
	k, err := e.keys(ctx, o)
	if err != nil {
		return &Session{}, err
	}
	return e.open(ctx, k, o)
}

// OpenEither is Open, and once more without CAPA if CAPA broke the connection. Polls do the same.
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

// keys are the secret and the TLS settings of a session.
type keys struct {
	secret string
	config *tls.Config // nil without TLS
}

// keys gets the secret before the server is dialed. A command or an authorization server may take
// longer than the mail server waits for a login.
func (e *Endpoint) keys(ctx context.Context, o Options) (k keys, err error) {
	if o.Waiting != nil {
		o.Waiting(true) // the token may come from a server, too
		defer o.Waiting(false)
	}
	if k.secret, err = e.secret(ctx, o.Log); err != nil {
		return k, err
	}
	k.config, err = e.tlsConfig()
	return k, err
}

// open makes one attempt.
func (e *Endpoint) open(ctx context.Context, k keys, o Options) (*Session, error) {
	s := newSession(k, o)
	c, err := e.dial(ctx, k.config, o)
	if err != nil {
		return s, fmt.Errorf("connect to %s: %w", e.Addr, err)
	}
	return s, e.begin(ctx, s, c, k, o)
}

// newSession returns the record of an attempt that begins.
func newSession(k keys, o Options) *Session {
	s := &Session{Own: ownCertificate(k.config)}
	if s.Own != nil && o.Own != nil {
		o.Own(s.Own)
	}
	return s
}

// begin logs in on a new connection. With an error, the connection is closed.
func (e *Endpoint) begin(ctx context.Context, s *Session, c *pop3.Client, k keys, o Options) error {
	if state, ok := c.TLSState(); ok {
		s.TLS, s.Resumed, s.Certificate = tls.VersionName(state.Version), state.DidResume, state.PeerCertificates[0]
	}
	s.Greeting = lasting(c.Greeting())
	l := login{endpoint: e, client: c, secret: k.secret, options: o, session: s}
	if err := l.run(ctx); err != nil {
		c.Close()
		return err
	}
	s.Expiry = expiry(l.caps, c.Greeting())
	s.Mailbox = Maildrop(c, l.caps, o.Unpipelined)
	return nil
}

// tlsConfig returns how the server is verified, nil without TLS.
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

// dial connects, verifies TLS and reads the greeting.
func (e *Endpoint) dial(ctx context.Context, config *tls.Config, o Options) (*pop3.Client, error) {
	d := pop3.Dialer{
		Addr: e.Addr, Mode: e.Security, TLSConfig: config, DialContext: e.Dial, Timeouts: e.Timeouts, Since: o.Since,
		Trace: tracer(o.Log), Waiting: o.Waiting,
	}
	c, err := d.Dial(ctx)
	if err != nil {
		return nil, explainTLS(err, config)
	}
	return c, nil
}

// secret returns the password or the access token.
func (e *Endpoint) secret(ctx context.Context, log zerolog.Logger) (secret string, err error) {
	if e.byToken() {
		secret, err = e.Token(ctx, "") // its errors name what failed
	} else if secret, err = e.Password(ctx); err != nil {
		err = fmt.Errorf("read the password: %w", err)
	}
	if detailed, ok := errors.AsType[detailed](err); ok && detailed.Detail() != "" {
		log.Debug().Str("stderr", detailed.Detail()).Msg("the command that failed wrote to standard error")
	}
	return secret, err
}
