package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/pop3"
)

// Timeout bounds one request, from the connection to the end of the answer.
const Timeout = 10 * time.Second

const (
	maxAnswer    = 64 << 10 // bytes that are read of an answer
	maxRedirects = 3
	maxWait      = time.Hour // the most that a server may ask to be left alone
)

// Client makes requests. Use [New]. It may be used from many goroutines at once.
type Client struct{ http *http.Client }

// New returns a client. The transport is for tests; nil is one that verifies certificates and takes
// proxies from the environment.
func New(transport http.RoundTripper) *Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: Timeout}).DialContext,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    Timeout,
			ResponseHeaderTimeout:  Timeout,
			MaxResponseHeaderBytes: maxAnswer,
			MaxIdleConns:           8,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        90 * time.Second,
		}
	}
	return &Client{http: &http.Client{Transport: transport, CheckRedirect: checkRedirect, Timeout: Timeout}}
}

// Request is one request. All of it may be secret.
type Request struct {
	Method string // GET or POST
	URL    string
	Header http.Header
	Body   []byte
}

// StatusError reports an answer that is no success.
type StatusError struct {
	Code int
	// Wait is how long the server wants to be left alone, 0 if it does not say (RFC 9110 section
	// 10.2.3).
	Wait time.Duration
}

// Error says what the server answered and what that means in most cases. The words are attachd's.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("the server answered %d", e.Code)
	if words := http.StatusText(e.Code); words != "" {
		text += " " + words
	}
	switch e.Code {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += ": check the token, or whatever lets attachd in"
	case http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed:
		text += ": check the URL"
	}
	return text
}

// Do sends a request. The error holds no part of it and no words of the server.
func (c *Client) Do(ctx context.Context, r Request) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil || request.URL.Host == "" || request.URL.Scheme != "https" && request.URL.Scheme != "http" {
		return errors.New("the URL cannot be used: it must be like https://example.org/…")
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	request.Header.Set("User-Agent", "attachd")
	answer, err := c.http.Do(request)
	if err != nil {
		return Conceal(bare(err), Secrets(r)...)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again
	if answer.StatusCode/100 != 2 {
		return &StatusError{Code: answer.StatusCode, Wait: retryAfter(answer.Header.Get("Retry-After"))}
	}
	return nil
}

// bare takes the URL off an error of net/http.
func bare(err error) error {
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", Timeout)
	}
	return err
}

var (
	errRedirectAway = errors.New("the server redirects to another host or away from https, and attachd does not take a key there: give the URL of the new place")
	errRedirectGet  = errors.New("the server redirects in a way that drops what is posted: give the URL of the new place")
	errRedirects    = errors.New("the server redirects for ever")
)

// checkRedirect follows a redirect on the same host only.
func checkRedirect(request *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > maxRedirects:
		return errRedirects
	case !strings.EqualFold(request.URL.Host, first.URL.Host) || first.URL.Scheme == "https" && request.URL.Scheme != "https":
		return errRedirectAway
	case request.Method != first.Method:
		return errRedirectGet
	}
	return nil
}

// retryAfter reads the header of that name, in seconds or as a date (RFC 9110 section 10.2.3).
func retryAfter(s string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(s, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		wait = time.Until(at)
	}
	return min(max(wait, 0), maxWait)
}

// Secrets lists what must not be shown of a request: the URL, what in it may be a key, and the
// values of header fields.
//
// A value or a part of the path of a few bytes is no key, and may be a word of any error.
func Secrets(r Request) []string {
	secrets := urlSecrets(r)
	return slices.DeleteFunc(secrets, func(s string) bool { return len(s) < minKey })
}

// minKey is the least length of a key in a URL, in bytes.
const minKey = 6

func urlSecrets(r Request) []string {
	secrets := []string{r.URL}
	for _, values := range r.Header {
		secrets = append(secrets, values...)
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return secrets
	}
	secrets = append(secrets, u.RequestURI(), u.Path, u.RawQuery)
	secrets = append(secrets, strings.Split(u.Path, "/")...)
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	if password, ok := u.User.Password(); ok {
		secrets = append(secrets, password)
	}
	return secrets
}

// Conceal returns an error with the text of err, safe to print, in which secrets are masked. It is
// for errors of code that is not attachd's. The error wraps no other.
func Conceal(err error, secrets ...string) error {
	return errors.New(foreign.Text(pop3.Mask(err.Error(), secrets...)))
}
