package oauth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	// requestTimeout bounds one request to an authorization server.
	requestTimeout = 30 * time.Second
	// requestGrace is how long an answer is still waited for when the program is told to
	// stop: it may hold a refresh token that replaces the one we have.
	requestGrace = 4 * time.Second
)

// Client is one client of an authorization server (RFC 6749 section 2). Its fields must not
// change once it is used; its methods may be called from several goroutines.
type Client struct {
	ID string
	// Secret returns the client secret for each request. Nil is a public client, as desktop
	// programs are (RFC 6749 section 2.1).
	Secret func(ctx context.Context) (string, error)
	// TokenURL is always needed, AuthURL for SignInWithCode, DeviceURL for SignInWithDevice.
	TokenURL, AuthURL, DeviceURL string
	Scopes                       []string
	// AuthParams are added to the address that the browser is sent to.
	AuthParams url.Values
	// RedirectHost is the host of the loopback address that the browser comes back to,
	// "127.0.0.1" unless set. Microsoft accepts only "localhost".
	RedirectHost string
	// Waits, unless nil, is called with each new error that [Client.SignInWithDevice] waits
	// out.
	Waits func(error)
	// HTTP makes the requests, see [NewHTTPClient]. Nil is NewHTTPClient(nil).
	HTTP *http.Client

	inHeader atomic.Bool // the server wants the secret in the Authorization header
}

// NewHTTPClient returns a client for authorization servers. It follows no redirects and gives
// up after 30 seconds. dial, unless nil, makes its connections. With a nil dial, proxies are
// taken from the environment as usual.
func NewHTTPClient(dial func(ctx context.Context, network, addr string) (net.Conn, error)) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// A token is needed about once an hour: a connection kept open would be found dead.
	t.DisableKeepAlives = true
	if dial != nil {
		t.DialContext, t.Proxy = dial, nil
	}
	return &http.Client{
		Transport: t, Timeout: requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// config returns c in the form of the library, with the secret.
func (c *Client) config(secret string) *oauth2.Config {
	style := oauth2.AuthStyleInParams
	if c.inHeader.Load() {
		style = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: c.ID, ClientSecret: secret, Scopes: c.Scopes,
		Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL, AuthURL: c.AuthURL, DeviceAuthURL: c.DeviceURL, AuthStyle: style},
	}
}

func (c *Client) secret(ctx context.Context) (string, error) {
	if c.Secret == nil {
		return "", nil
	}
	s, err := c.Secret(ctx)
	if err != nil {
		return "", fmt.Errorf("read the client secret: %w", err)
	}
	return s, nil
}

// ask gets a token by one request. When ctx ends, the request has requestGrace to finish.
// secrets are parts of the request that must not be shown, beside the client secret.
//
// The client secret goes in the body, where all large providers want it. A server that refuses
// the client for that gets it in the header (RFC 6749 section 2.3.1). The library's own way to
// find out repeats the request after any error, and the second use of a refresh token may
// revoke it.
func (c *Client) ask(ctx context.Context, request func(context.Context, *oauth2.Config) (*oauth2.Token, error), secrets ...string) (Token, error) {
	secret, err := c.secret(ctx)
	if err != nil {
		return Token{}, err
	}
	if err := ctx.Err(); err != nil {
		return Token{}, err
	}
	asking, cancel := context.WithTimeout(c.withHTTP(context.WithoutCancel(ctx)), requestTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(requestGrace):
			cancel()
		case <-asking.Done():
		}
	})
	defer stop()
	t, err := request(asking, c.config(secret))
	err = explain(c.TokenURL, err, append(secrets, secret)...)
	if secret != "" && isCode(err, "invalid_client") && c.inHeader.CompareAndSwap(false, true) {
		if t, err = request(asking, c.config(secret)); err != nil {
			c.inHeader.Store(false)
			err = explain(c.TokenURL, err, append(secrets, secret)...)
		}
	}
	if err != nil {
		return Token{}, err
	}
	return fromLibrary(t, time.Now())
}

func (c *Client) withHTTP(ctx context.Context) context.Context {
	h := c.HTTP
	if h == nil {
		h = defaultHTTP
	}
	return context.WithValue(ctx, oauth2.HTTPClient, h)
}

var defaultHTTP = NewHTTPClient(nil)

// clientCredentials gets a token for the client itself (RFC 6749 section 4.4).
func (c *Client) clientCredentials(ctx context.Context) (Token, error) {
	return c.ask(ctx, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		own := &clientcredentials.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret, Scopes: config.Scopes,
			TokenURL: config.Endpoint.TokenURL, AuthStyle: config.Endpoint.AuthStyle,
		}
		return own.Token(ctx)
	})
}

// refresh gets a new access token, and perhaps a new refresh token (RFC 6749 section 6).
func (c *Client) refresh(ctx context.Context, refresh string) (Token, error) {
	return c.ask(ctx, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		return config.TokenSource(ctx, &oauth2.Token{RefreshToken: refresh}).Token()
	}, refresh)
}

// errNoRefreshToken is for a sign-in that would last no longer than its access token.
var errNoRefreshToken = errors.New("the server gave no refresh token, so the sign-in would not last; the scopes may lack offline_access")
