package session

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/attachd/attachd/fetcher/pop3"
)

// Auth says how an account logs in. The values are those of the configuration key auth.
type Auth string

// The ways to log in.
const (
	// AuthAuto is APOP if the greeting holds one valid timestamp, otherwise USER and PASS.
	AuthAuto Auth = "auto"
	// AuthAPOP is APOP (RFC 1939 section 7).
	AuthAPOP Auth = "apop"
	// AuthPass is USER and PASS (RFC 1939 section 7).
	AuthPass Auth = "pass"
	// AuthPlain is SASL PLAIN (RFC 4616 section 2) by AUTH (RFC 5034 section 4).
	AuthPlain Auth = "plain"
	// AuthLogin is SASL LOGIN. Some older servers offer nothing else.
	AuthLogin Auth = "login"
	// AuthXOAuth2 is SASL XOAUTH2, with an access token instead of the password.
	AuthXOAuth2 Auth = "xoauth2"
	// AuthOAuthBearer is SASL OAUTHBEARER, likewise (RFC 7628 section 3).
	AuthOAuthBearer Auth = "oauthbearer"
)

// Security says when TLS starts.
type Security = pop3.Mode

// The ways to secure the connection.
const (
	// Implicit is TLS from the first byte, port 995 (RFC 8314 section 3.3).
	Implicit = pop3.Implicit
	// StartTLS is STLS after the greeting, port 110 (RFC 2595 section 4). If the server does not
	// offer it, the session ends before the login.
	StartTLS = pop3.StartTLS
	// Plaintext is no TLS at all.
	Plaintext = pop3.Plaintext
)

// Timeouts bound how long a session waits for its server. A zero field means the default of package
// pop3.
type Timeouts = pop3.Timeouts

// Endpoint says where a mailbox is and how to log in to it.
type Endpoint struct {
	// Addr is the server's "host:port".
	Addr string
	// Username is the name that logs in.
	Username string
	// Password returns the password. It is called for each session, so a new password needs no
	// restart. Its result is never logged. AuthXOAuth2 and AuthOAuthBearer do not call it.
	Password func(ctx context.Context) (string, error)
	Auth     Auth
	// Token returns the access token for AuthXOAuth2 and AuthOAuthBearer. It is never logged.
	// refused is the token that the server has just refused, "" for none. If the result is the
	// same, there is no better one.
	Token func(ctx context.Context, refused string) (string, error)
	// Dial makes the connection, through a proxy for instance. nil means that of net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Security says when TLS starts.
	Security Security
	// TLS returns how the server is verified. It is called for each session, so a renewed
	// certificate file needs no restart. It is not called for Plaintext.
	TLS      func() (*tls.Config, error)
	Timeouts Timeouts
}

// Owner returns "USER on HOST". It tells the mailbox from those of other users and servers.
func (e *Endpoint) Owner() string {
	host, _, err := net.SplitHostPort(e.Addr)
	if err != nil {
		host = e.Addr
	}
	return e.Username + " on " + host
}

// byToken reports whether the account logs in with an access token instead of the password.
func (e *Endpoint) byToken() bool { return e.Auth == AuthXOAuth2 || e.Auth == AuthOAuthBearer }
