package config

import (
	"strings"
	"time"
	"unicode"
)

// Login is the user of an account and the password or token. Tokens are for AuthXOAuth2 and
// AuthOAuthBearer.
type Login struct {
	Username string
	Password SecretRef // zero if Auth takes a token
	Auth     Auth

	Token         SecretRef     // token_command; zero if tokens come from OAuth
	TokenLifetime time.Duration // if token_command does not give it; 0 is the default
	OAuth         OAuth         // zero if tokens come from token_command
}

// Auth is the way to log in.
type Auth string

// The ways to log in that this version knows.
const (
	AuthAuto  Auth = "auto" // APOP when the greeting offers it, else USER/PASS
	AuthAPOP  Auth = "apop"
	AuthPass  Auth = "pass"
	AuthPlain Auth = "plain"
	AuthLogin Auth = "login"

	AuthXOAuth2     Auth = "xoauth2"     // with an access token, as Google and Microsoft have it
	AuthOAuthBearer Auth = "oauthbearer" // with an access token, by RFC 7628
)

func (a *Auth) parse(s string) error {
	return choose(a, s, AuthAuto, AuthAPOP, AuthPass, AuthPlain, AuthLogin, AuthXOAuth2, AuthOAuthBearer)
}

// ByToken reports whether the login takes an access token in place of a password.
func (a Auth) ByToken() bool { return a == AuthXOAuth2 || a == AuthOAuthBearer }

func (l *loader) username(r *rawAccount) string {
	switch v := r.Username; {
	case !v.set:
		l.problem(r.at.key("username"), "missing")
	case v.bad:
	case strings.TrimSpace(v.v) == "":
		l.problem(v.at, "must not be empty")
	case strings.ContainsFunc(v.v, unicode.IsControl):
		l.problem(v.at, "must not hold control characters")
	default:
		return v.v
	}
	return ""
}

// login finds what the account logs in with.
func (l *loader) login(r *rawAccount) Login {
	a := Login{Username: l.username(r), Auth: r.Auth.or(AuthAuto)}
	if a.Auth.ByToken() {
		for _, at := range r.Password.given() {
			l.problem(at, "has no meaning with auth: %s, which takes a token: give oauth or token_command", a.Auth)
		}
		l.tokens(r, &a)
		return a
	}
	l.noTokens(r)
	if len(r.Password.given()) == 0 {
		l.problem(r.at.key("password"), "missing: give one of %s", secretNames(ofPassword))
		return a
	}
	a.Password = l.secret(&r.origin, &r.Password, ofPassword)
	return a
}
