package session

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/attachd/attachd/fetcher/pop3"
)

// Auth names how an account logs in.
type Auth string

// The ways to log in.
const (
	// AuthAuto is APOP when the greeting carries one valid timestamp, else USER/PASS.
	AuthAuto Auth = "auto"
	// AuthAPOP is APOP or nothing (RFC 1939 section 7).
	AuthAPOP Auth = "apop"
	// AuthPass is USER and PASS (RFC 1939 section 7).
	AuthPass Auth = "pass"
	// AuthPlain is SASL PLAIN (RFC 4616, RFC 5034).
	AuthPlain Auth = "plain"
	// AuthLogin is SASL LOGIN, which some older servers offer alone.
	AuthLogin Auth = "login"
	// AuthXOAuth2 and AuthOAuthBearer (RFC 7628) take an access token instead of the password.
	AuthXOAuth2     Auth = "xoauth2"
	AuthOAuthBearer Auth = "oauthbearer"
)

// Security says when TLS starts.
type Security = pop3.Mode

// The ways to secure the line.
const (
	// Implicit is TLS from the first byte, port 995 (RFC 8314 section 3.3).
	Implicit = pop3.Implicit
	// StartTLS is STLS after the greeting, port 110 (RFC 2595 section 4). A server
	// that does not offer it gets nothing further.
	StartTLS = pop3.StartTLS
	// Plaintext is no TLS at all.
	Plaintext = pop3.Plaintext
)

// Timeouts bound how long a session waits for its server. A zero field is the
// default of package pop3.
type Timeouts = pop3.Timeouts

// Endpoint says where a mailbox is, whose it is and how to get there.
type Endpoint struct {
	// Addr is "host:port" of the server.
	Addr string
	// Username and Password log in. Password is asked anew for each session, so a
	// rotated secret needs no restart; its result is never logged.
	Username string
	Password func(ctx context.Context) (string, error)
	Auth     Auth
	// Token gives the access token, which is never logged either. refused, unless
	// "", is one that the server has just refused; when the result is the same,
	// there is no better one to be had.
	Token func(ctx context.Context, refused string) (string, error)
	// Dial makes the connection, through a proxy for instance; nil is that of a
	// net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Security says when TLS starts. TLS says how the server is verified; it is
	// asked anew for each session, so that a renewed certificate file needs no
	// restart.
	Security Security
	TLS      func() (*tls.Config, error)
	Timeouts Timeouts
}

// Owner is whose mailbox it is, and where: "USER on HOST".
func (e *Endpoint) Owner() string {
	host, _, err := net.SplitHostPort(e.Addr)
	if err != nil {
		host = e.Addr
	}
	return e.Username + " on " + host
}

func (e *Endpoint) byToken() bool { return e.Auth == AuthXOAuth2 || e.Auth == AuthOAuthBearer }
