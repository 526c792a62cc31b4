package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/oauth2"
)

// Token is an access token, with the refresh token that came with it, if any. It prints without
// either.
type Token struct {
	Expiry time.Time
	Scopes string // as granted, with spaces between; "" when the server did not say

	access, refresh string
	born            time.Time // when the server gave it, as far as is known
}

// Format writes the expiry, and no token, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "token %s until %s", hidden, t.Expiry.Format(time.RFC3339))
}

// String returns what Format writes.
func (t Token) String() string { return fmt.Sprint(t) }

// GoString returns what String does.
func (t Token) GoString() string { return t.String() }

// expiryMargin is how long before its expiry a token is not used any more: clocks differ, and
// the login takes time.
const expiryMargin = 2 * time.Minute

// defaultLifetime is for a token without an expiry.
const defaultLifetime = 10 * time.Minute

// usable reports whether the token may be presented now.
func (t Token) usable(now time.Time) bool {
	return t.access != "" && now.Add(expiryMargin).Before(t.Expiry)
}

// fromLibrary takes over the answer of a token endpoint.
func fromLibrary(t *oauth2.Token, now time.Time) (Token, error) {
	for _, token := range []string{t.AccessToken, t.RefreshToken} {
		if strings.ContainsFunc(token, unicode.IsControl) {
			return Token{}, errors.New("the token that was given holds a line break or another control character")
		}
	}
	scopes, _ := t.Extra("scope").(string)
	token := Token{Expiry: t.Expiry, Scopes: scopes, access: t.AccessToken, refresh: t.RefreshToken, born: now}
	if token.Expiry.IsZero() {
		token.Expiry = now.Add(defaultLifetime)
	}
	return token, nil
}

var errNoToken = errors.New("it is JSON without an access_token")

// parseOutput reads what a token command wrote: the token alone, or a JSON object with these
// members:
//
//   - access_token or accessToken: the token
//   - expires_in: its lifetime in seconds
//   - expires_on, expiry, expires_at or expiresOn: its expiry, in the form of RFC 3339 or in
//     seconds since 1970
//
// Where neither is there, the argument lifetime holds.
func parseOutput(output string, now time.Time, lifetime time.Duration) (Token, error) {
	output = strings.TrimSpace(output)
	t := Token{access: output, Expiry: now.Add(lifetime), born: now}
	if strings.HasPrefix(output, "{") {
		var members map[string]any
		d := json.NewDecoder(strings.NewReader(output))
		d.UseNumber()
		if err := d.Decode(&members); err != nil {
			// The library's own words could quote a piece of the token.
			return Token{}, errors.New("its output begins like JSON and is none")
		}
		text := func(keys ...string) string {
			for _, key := range keys {
				if s := fmt.Sprint(members[key]); members[key] != nil && s != "" {
					return s
				}
			}
			return ""
		}
		t.access = text("access_token", "accessToken")
		if t.access == "" {
			return Token{}, errNoToken
		}
		t.Scopes = text("scope")
		if seconds, err := strconv.ParseFloat(text("expires_in"), 64); err == nil && seconds >= 0 && seconds < 1e9 {
			t.Expiry = now.Add(time.Duration(seconds * float64(time.Second)))
		} else if end, ok := parseTime(text("expires_on", "expiry", "expires_at", "expiresOn")); ok {
			t.Expiry = end
		}
	}
	if err := checkToken(t.access); err != nil {
		return Token{}, err
	}
	return t, nil
}

// parseTime reads a time of RFC 3339 or seconds since 1970.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds > 1e8 && seconds < 1e11 {
		return time.Unix(int64(seconds), 0), true
	}
	return time.Time{}, false
}
