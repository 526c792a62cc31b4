package oauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// Prompt says what a person has to do for a sign-in by device code (RFC 8628 section 3.3).
type Prompt struct {
	URL      string    // to open on any device
	Code     string    // to type in there
	Complete string    // a URL that includes the code, "" if the server gives none
	Expiry   time.Time // of the code
}

// SignInWithDevice signs in with a code that is typed in on another device (RFC 8628). It calls
// show once with what to do. Then it asks the server, at the server's pace, until the person has
// signed in or refused, the code expires or ctx ends. It waits out errors of the network.
func (c *Client) SignInWithDevice(ctx context.Context, show func(Prompt) error) (Token, error) {
	if c.DeviceURL == "" {
		return Token{}, errors.New("the account has no device_url")
	}
	asking, cancel := context.WithTimeout(c.withHTTP(ctx), requestTimeout)
	defer cancel()
	given, err := c.config("").DeviceAuth(asking)
	if err != nil {
		return Token{}, explain(c.DeviceURL, err)
	}
	if given.DeviceCode == "" || given.UserCode == "" || given.VerificationURI == "" {
		return Token{}, fmt.Errorf("ask %s: the answer holds no device code", bare(c.DeviceURL))
	}
	if err := show(Prompt{shown(given.VerificationURI), shown(given.UserCode), shown(given.VerificationURIComplete), given.Expiry}); err != nil {
		return Token{}, err
	}
	if !given.Expiry.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, given.Expiry, errors.New("the code expired before somebody signed in with it"))
		defer cancel()
		given.Expiry = time.Time{} // the library's own deadline would say less in its error
	}
	given.Interval = min(max(given.Interval, 0), maxDeviceInterval) // 0 is 5, for the library
	var last error
	for {
		t, err := c.awaitDevice(ctx, given)
		refused, isRefusal := errors.AsType[*Error](err)
		switch {
		case err == nil && t.refresh == "":
			return Token{}, errNoRefreshToken
		case err == nil:
			return t, nil
		case ctx.Err() != nil && last != nil:
			return Token{}, fmt.Errorf("%w (the last answer: %w)", context.Cause(ctx), last)
		case ctx.Err() != nil:
			return Token{}, context.Cause(ctx)
		case isRefusal && !refused.Temporary():
			return Token{}, err
		}
		// RFC 8628 section 3.5: after a timeout, ask less often.
		given.Interval = min(max(given.Interval, 5)*2, maxDeviceInterval)
		if c.Waits != nil && (last == nil || last.Error() != err.Error()) {
			c.Waits(err)
		}
		last = err
	}
}

// maxDeviceInterval is the longest time between two questions, in seconds, whatever the server
// wants.
const maxDeviceInterval = 60

// awaitDevice asks for the token until the answer is not "not yet" any more.
func (c *Client) awaitDevice(ctx context.Context, given *oauth2.DeviceAuthResponse) (Token, error) {
	secret, err := c.secret(ctx)
	if err != nil {
		return Token{}, err
	}
	t, err := c.config(secret).DeviceAccessToken(c.withHTTP(ctx), given)
	if err != nil {
		return Token{}, explain(c.TokenURL, err, secret, given.DeviceCode)
	}
	return fromLibrary(t, time.Now())
}

// SignInWithCode signs in through a browser. It listens on a loopback address and calls open
// once with the URL to open in a browser on this machine. The browser comes back to the loopback
// address with a code (RFC 6749 section 4.1, RFC 8252 section 7.3). PKCE makes the code useless
// to anybody else (RFC 7636, S256). ctx bounds the wait for the person.
func (c *Client) SignInWithCode(ctx context.Context, open func(address string) error) (Token, error) {
	if c.AuthURL == "" {
		return Token{}, errors.New("the account has no auth_url")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Token{}, fmt.Errorf("listen for the browser: %w", err)
	}
	b := &browser{state: rand.Text(), came: make(chan callback, 1), done: make(chan struct{})}
	// The page is written when the code is exchanged, which takes up to requestTimeout itself.
	server := &http.Server{Handler: b, ReadTimeout: requestTimeout, WriteTimeout: 2 * requestTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	defer server.Close()
	go func() { _ = server.Serve(listener) }()

	host := c.RedirectHost
	if host == "" {
		host = "127.0.0.1"
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	// Without a path, as it is registered: Microsoft compares all but the port.
	redirect := "http://" + net.JoinHostPort(host, port)
	verifier := oauth2.GenerateVerifier()
	config := c.config("")
	config.RedirectURL = redirect
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	for key, values := range c.AuthParams {
		for _, v := range values {
			options = append(options, oauth2.SetAuthURLParam(key, v))
		}
	}
	if err := open(config.AuthCodeURL(b.state, options...)); err != nil {
		return Token{}, err
	}
	select {
	case <-ctx.Done():
		return Token{}, context.Cause(ctx)
	case back := <-b.came:
		var t Token
		if back.refusal != nil {
			back.refusal.Endpoint = bare(c.AuthURL)
			err = back.refusal
		} else {
			t, err = c.exchange(ctx, back.code, verifier, redirect)
		}
		b.succeeded = err == nil
		close(b.done)
		// The browser is to have its page before the server goes away.
		bounded, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(bounded)
		return t, err
	}
}

func (c *Client) exchange(ctx context.Context, code, verifier, redirect string) (Token, error) {
	t, err := c.ask(ctx, func(ctx context.Context, config *oauth2.Config) (*oauth2.Token, error) {
		config.RedirectURL = redirect
		return config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	}, code, verifier)
	if err == nil && t.refresh == "" {
		return Token{}, errNoRefreshToken
	}
	return t, err
}

// callback is what the browser brings back.
type callback struct {
	code    string
	refusal *Error
}

// browser answers the browser that comes back from the sign-in.
type browser struct {
	state     string
	came      chan callback
	done      chan struct{} // closed when the sign-in has ended
	succeeded bool          // to be read after done
}

// ServeHTTP takes the answer to our own request and nothing else. Any page in the browser can
// reach this address. It must not end the sign-in, and must not bring a code of its own: with
// that, another person's mailbox would be read.
func (b *browser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	q := r.URL.Query()
	switch {
	case r.URL.Path != "/" || r.Method != http.MethodGet:
		http.NotFound(w, r)
		return
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.state)) != 1:
		http.Error(w, "This is not the answer to the sign-in that attachd waits for.", http.StatusBadRequest)
		return
	}
	back := callback{code: q.Get("code")}
	if back.code == "" {
		back.refusal = refusalOf(q)
	}
	select {
	case b.came <- back:
	default: // the page was loaded again
	}
	select {
	case <-b.done:
	case <-r.Context().Done():
		return
	}
	text := "attachd has what it needs. You can close this page."
	if !b.succeeded {
		text = "The sign-in did not succeed; attachd says why where it was started. You can close this page."
	}
	fmt.Fprintln(w, text)
}

// refusalOf reads an error response (RFC 6749 section 4.1.2.1).
func refusalOf(q url.Values) *Error {
	e := &Error{Code: shown(q.Get("error")), Description: shown(q.Get("error_description"))}
	if e.Code == "" {
		e.Code = "neither a code nor an error"
	}
	return e
}
