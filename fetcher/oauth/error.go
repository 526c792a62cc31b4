package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
)

// Error says that an authorization server refused a request (RFC 6749 section 5.2, RFC 8628
// section 3.5).
type Error struct {
	Endpoint string // the URL that was asked, without a query
	Status   int    // of HTTP
	// Code and Description are the server's words, without secrets. Code is "" when the
	// answer was not in the form of the RFC.
	Code, Description string
}

// Error returns the endpoint and the server's words.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s said: %s", e.Endpoint, e.Code)
	if e.Code == "" {
		text = fmt.Sprintf("%s answered HTTP %d %s", e.Endpoint, e.Status, http.StatusText(e.Status))
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// Temporary reports whether the same request may succeed later, because the server is
// overloaded or down.
func (e *Error) Temporary() bool {
	switch e.Code {
	case "temporarily_unavailable", "server_error", "slow_down":
		return true
	case "":
		return e.Status == http.StatusTooManyRequests || e.Status >= 500 || e.Status == http.StatusRequestTimeout
	}
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// SignInError says that somebody has to sign in: nobody has so far, or the server refuses the
// refresh token. It may have been revoked or have expired, or the password was changed.
type SignInError struct {
	// Account is the name of the account, for the command to run.
	Account string
	// Err is the reason: [ErrNoSignIn], or the server's refusal.
	Err error
}

// Error returns what to do, and why.
func (e *SignInError) Error() string {
	return fmt.Sprintf("account needs a new sign-in: attachd oauth login %s (%v)", e.Account, e.Err)
}

// Unwrap returns the reason.
func (e *SignInError) Unwrap() error { return e.Err }

// ErrNoSignIn is the reason of a [SignInError] when nobody has signed in yet, or only for
// another client.
var ErrNoSignIn = errors.New("nobody has signed in with these settings")

// bare is a URL that may be shown. Some servers take a key in the query.
func bare(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "the server"
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}

// explain turns an error of the library into one that can be shown. The library's may hold
// the whole answer of the server.
func explain(endpoint string, err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	endpoint = bare(endpoint)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		code, description := refused.ErrorCode, refused.ErrorDescription
		var body struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		// For signed requests the library leaves that to us.
		if code == "" && json.Unmarshal(refused.Body, &body) == nil {
			code, description = body.Code, body.Description
		}
		e := &Error{Endpoint: endpoint, Code: shown(code, secrets...), Description: shown(description, secrets...)}
		if refused.Response != nil {
			e.Status = refused.Response.StatusCode
		}
		return e
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return &timeoutError{fmt.Sprintf("ask %s: no answer within %v", endpoint, requestTimeout), u.Err}
		}
		err = u.Err
	}
	return fmt.Errorf("ask %s: %w", endpoint, err)
}

// timeoutError says what was waited for. Its cause says only that it took too long.
type timeoutError struct {
	text string
	err  error
}

func (e *timeoutError) Error() string { return e.text }

func (e *timeoutError) Unwrap() error { return e.err }

// needsPerson reports whether a refresh token is of no use until somebody signs in again.
// invalid_grant says so (RFC 6749 section 5.2), and so do the codes that Microsoft sends when
// a second factor or a consent is missing (OpenID Connect Core section 3.1.2.6).
func needsPerson(err error) bool {
	return isCode(err, "invalid_grant") || isCode(err, "interaction_required") || isCode(err, "login_required") || isCode(err, "consent_required")
}

// isCode reports whether err is an authorization server's refusal with that code.
func isCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}
