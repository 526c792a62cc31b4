package trouble

import (
	"errors"
	"slices"
	"strings"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// secretClass knows what goes wrong on this machine before a server is asked.
func secretClass(err error) Class {
	if _, ok := errors.AsType[*config.CommandError](err); ok {
		return SecretCommand
	}
	read, ok := errors.AsType[*config.ReadError](err)
	switch {
	case !ok:
		return ""
	case !read.Secret:
		return CertificateFile
	case strings.Contains(read.What, "_command "): // as in "password_command pass"
		return SecretCommand
	}
	return SecretUnreadable
}

// oauthClass knows what goes wrong with an authorization server.
func oauthClass(err error) Class {
	if errors.Is(err, oauth.ErrNoSignIn) {
		return SignInMissing
	}
	if _, ok := errors.AsType[*oauth.SignInError](err); ok {
		return SignInEnded
	}
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		if refused.Temporary() {
			return TokenServer
		}
		return TokenSettings
	}
	if _, ok := errors.AsType[*oauth.Refusal](err); ok {
		return TokenRefused
	}
	if strings.HasPrefix(err.Error(), "get an access token: ") {
		return TokenServer
	}
	return ""
}

// refusalClass knows the server's -ERR. Its response code decides, then its words.
func refusalClass(err error) Class {
	login, atLogin := errors.AsType[*session.LoginError](err)
	reply, refused := mailbox.Refused(err)
	if !refused {
		if atLogin && !mailbox.Broken(err) || errors.Is(err, pop3.ErrNoTimestamp) {
			return LoginMethod
		}
		return ""
	}
	switch {
	case reply.Busy():
		return MailboxInUse
	case reply.Throttled():
		return Throttled
	case atLogin || isLogin(reply):
		return loginClass(reply, login)
	case reply.Passing():
		return ServerPassing
	case reply.Lasting():
		return ServerLasting
	case errors.Is(err, pop3.ErrNoSTLS):
		return TLSNotOffered
	}
	if reply, ok := errors.AsType[*pop3.Error](err); ok && reply.Cmd == "UIDL" {
		return UIDLMissing
	}
	return RequestRefused
}

// isLogin reports whether the response code is AUTH (RFC 3206 section 4).
func isLogin(reply mailbox.Refusal) bool {
	e, ok := reply.(*pop3.Error)
	return ok && e.Code == "AUTH"
}

// sayings are what servers say to logins, in lower case. Words such as "try again" count little:
// many servers say them behind each refusal.
var sayings = []struct {
	class Class
	marks []string
}{
	{LoginAppPassword, []string{"application-specific", "application specific", "app-specific", "app password", "apppassword", "web login required", "via your web browser", "two-factor", "2-step"}},
	{LoginPOPDisabled, []string{"not enabled for pop", "pop access", "pop3 access", "pop is disabled", "pop3 is disabled", "pop disabled", "pop3 disabled", "pop not enabled", "pop3 not enabled", "enable pop", "pop is not enabled", "pop3 is not enabled", "pop service", "pop3 service"}},
	{LoginLocked, []string{"account is locked", "account locked", "account has been locked", "blocked", "suspended", "account is disabled", "account disabled", "deactivated", "has expired", "is expired"}},
	{LoginMethod, []string{"not supported", "unsupported", "unknown command", "unrecognized", "unrecognised", "not implemented", "unknown authentication", "mechanism", "basic authentication is disabled", "invalid command"}},
	{LoginUnavailable, []string{"temporary auth", "temporary fail", "temporarily"}},
	{LoginRefused, []string{"password", "authentication failed", "authentication failure", "auth failed", "credential", "login failed", "logon fail", "login incorrect", "invalid login", "no such user", "unknown user", "invalid user"}},
	{LoginUnavailable, []string{"temporar", "try again", "try later", "again later", "unavailable", "timeout", "timed out", "internal error", "internal server"}},
	{LoginNotPermitted, []string{"permission denied", "access denied", "not permitted", "not allowed", "not authorized", "not authorised"}},
}

// loginClass sorts the refusal of a login. In doubt, it is about the password. Advice that attachd
// added behind the server's words does not count.
func loginClass(reply mailbox.Refusal, login *session.LoginError) Class {
	if reply.Passing() {
		return LoginUnavailable
	}
	text := strings.ToLower(reply.Error())
	for _, w := range sayings {
		if slices.ContainsFunc(w.marks, func(mark string) bool { return strings.Contains(text, mark) }) {
			return w.class
		}
	}
	switch {
	case reply.Lasting():
		return ServerLasting
	case login != nil && (login.Mechanism == "XOAUTH2" || login.Mechanism == "OAUTHBEARER"):
		return TokenRefused
	}
	return LoginRefused
}
