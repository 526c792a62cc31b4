package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"
)

// OAuth says how an account gets its access tokens. The zero value means that it needs none.
type OAuth struct {
	Provider     Provider
	Grant        Grant
	Tenant       string // of ProviderMicrosoft
	ClientID     string
	ClientSecret SecretRef // zero for a public client

	TokenURL, AuthURL, DeviceURL ServerURL
	Scopes                       string    // separated by spaces, as they are sent (RFC 6749 section 3.3)
	Key                          SecretRef // of a service account
}

// ServerURL is a URL of an authorization server. It prints without its query, in which some servers
// take a key.
type ServerURL string

func (e *ServerURL) parse(s string) error {
	*e = ServerURL(s)
	return nil
}

// String returns the URL with <secret> for a query.
func (e ServerURL) String() string {
	before, _, ok := strings.Cut(string(e), "?")
	if !ok {
		return before
	}
	return before + "?" + hidden
}

// Format writes String whatever the verb.
func (e ServerURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// MarshalText is String.
func (e ServerURL) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Provider says whose authorization server gives the tokens.
type Provider string

// The providers.
const (
	ProviderMicrosoft Provider = "microsoft"
	ProviderGoogle    Provider = "google"
	ProviderCustom    Provider = "custom" // the file gives its URLs
)

func (p *Provider) parse(s string) error {
	return choose(p, s, ProviderMicrosoft, ProviderGoogle, ProviderCustom)
}

// Grant is the OAuth grant, the reason for which the server gives a token.
type Grant string

// The grants.
const (
	GrantClientCredentials Grant = "client_credentials" // RFC 6749 section 4.4
	GrantAuthorizationCode Grant = "authorization_code" // RFC 6749 section 4.1, in a browser on this machine
	GrantDeviceCode        Grant = "device_code"        // RFC 8628, in a browser on any device
	GrantServiceAccount    Grant = "service_account"    // RFC 7523, Google only
)

func (g *Grant) parse(s string) error {
	return choose(g, s, GrantClientCredentials, GrantAuthorizationCode, GrantDeviceCode, GrantServiceAccount)
}

// NeedsSignIn reports whether a person has to sign in once before there are tokens.
func (o OAuth) NeedsSignIn() bool {
	return o.Grant == GrantAuthorizationCode || o.Grant == GrantDeviceCode
}

// rawOAuth is the oauth section.
type rawOAuth struct {
	at  position
	set bool

	Provider     value[Provider]  `yaml:"provider"`
	Grant        value[Grant]     `yaml:"grant"`
	Tenant       value[string]    `yaml:"tenant"`
	ClientID     value[string]    `yaml:"client_id"`
	ClientSecret rawSecret        `yaml:"client_secret"`
	KeyFile      value[string]    `yaml:"key_file"`
	TokenURL     value[ServerURL] `yaml:"token_url"`
	AuthURL      value[ServerURL] `yaml:"auth_url"`
	DeviceURL    value[ServerURL] `yaml:"device_url"`
	Scopes       value[[]string]  `yaml:"scopes"`
}

func (r *rawOAuth) decode(d *decoder, n *yaml.Node, at position) {
	r.at, r.set = at, true
	d.mapping(n, at, r)
}

// inherit takes over the keys that the account does not have. An account that names a provider
// takes none, as the defaults may be for another provider.
func (r *rawOAuth) inherit(from *rawOAuth) {
	switch {
	case !from.set:
		return
	case !r.set:
		*r = *from
		return
	case r.Provider.set:
		return
	}
	if len(r.ClientSecret.given()) == 0 {
		r.ClientSecret = from.ClientSecret
	}
	r.Provider.inherit(from.Provider)
	r.Grant.inherit(from.Grant)
	r.Tenant.inherit(from.Tenant)
	r.ClientID.inherit(from.ClientID)
	r.KeyFile.inherit(from.KeyFile)
	r.TokenURL.inherit(from.TokenURL)
	r.AuthURL.inherit(from.AuthURL)
	r.DeviceURL.inherit(from.DeviceURL)
	r.Scopes.inherit(from.Scopes)
}

// noTokens reports the account's own keys for tokens if its login does not use any. The same keys
// in defaults are fine: they are for other accounts.
func (l *loader) noTokens(r *rawAccount) {
	for _, v := range []struct {
		set bool
		at  position
	}{{r.OAuth.set, r.OAuth.at}, {r.TokenCommand.set, r.TokenCommand.at}, {r.TokenLifetime.set, r.TokenLifetime.at}} {
		if v.set && !r.Auth.bad {
			l.problem(v.at, "has a meaning only with auth: xoauth2 or oauthbearer")
		}
	}
}

// tokens finds the one source of the account's access tokens.
func (l *loader) tokens(r *rawAccount, a *Login) {
	switch {
	case r.TokenCommand.set && r.OAuth.set:
		l.problem(r.TokenCommand.at, "the access token has 2 sources: token_command, oauth; give one")
	case r.TokenCommand.set:
		if r.TokenCommand.ok() {
			if argv := l.command(&r.origin, &r.TokenCommand); argv != nil {
				a.Token = TokenCommand(argv...)
			}
		}
		l.atLeast(&r.TokenLifetime, minInterval)
		a.TokenLifetime = r.TokenLifetime.or(0)
		return
	default:
		r.OAuth.inherit(&l.defaults.OAuth)
		if !r.OAuth.set {
			l.problem(r.at.key("oauth"), "missing: auth: %s needs oauth or token_command", a.Auth)
			return
		}
		a.OAuth = l.oauth(r)
	}
	if r.TokenLifetime.set {
		l.problem(r.TokenLifetime.at, "has a meaning only with token_command")
	}
}

// endpoints are the URLs of the known authorization servers. {tenant} is a placeholder.
var endpoints = map[Provider]struct{ token, auth, device string }{
	ProviderMicrosoft: {
		"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
		"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
		"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
	},
	ProviderGoogle: {
		"https://oauth2.googleapis.com/token",
		"https://accounts.google.com/o/oauth2/v2/auth",
		"https://oauth2.googleapis.com/device/code",
	},
}

// oauth checks the oauth section.
func (l *loader) oauth(r *rawAccount) OAuth {
	v := &r.OAuth
	if !v.Provider.ok() {
		if !v.Provider.set {
			l.problem(v.at.key("provider"), "missing: one of microsoft, google or custom")
		}
		return OAuth{}
	}
	o := OAuth{Provider: v.Provider.v, Grant: l.grant(v)}
	l.endpoints(v, &o)
	o.Scopes = l.scopes(v, o)
	if o.Grant == GrantServiceAccount {
		o.Key = l.serviceKey(r)
		return o
	}
	if v.KeyFile.set && o.Grant != "" {
		l.problem(v.KeyFile.at, "has a meaning only with grant: service_account")
	}
	o.ClientID, o.ClientSecret = v.ClientID.or(""), l.secret(&r.origin, &v.ClientSecret, ofClient)
	switch {
	case !v.ClientID.set:
		l.problem(v.at.key("client_id"), "missing: the id under which the application is registered with the provider")
	case v.ClientID.ok() && strings.TrimSpace(o.ClientID) == "":
		l.problem(v.ClientID.at, "must not be empty")
	}
	if o.Grant == GrantClientCredentials && len(v.ClientSecret.given()) == 0 {
		l.problem(v.at.key(ofClient), "missing: grant: client_credentials needs one of %s", secretNames(ofClient))
	}
	return o
}

// serviceKey checks the key file of a Google service account. It replaces client id and secret.
func (l *loader) serviceKey(r *rawAccount) SecretRef {
	v := &r.OAuth
	if v.ClientID.set {
		l.problem(v.ClientID.at, "has no meaning with grant: service_account")
	}
	for _, at := range v.ClientSecret.given() {
		l.problem(at, "has no meaning with grant: service_account, which takes a key_file")
	}
	if !v.KeyFile.set {
		l.problem(v.at.key("key_file"), "missing: grant: service_account needs the key that Google made, in JSON")
	}
	path := l.path(&v.KeyFile, l.folderOf(&r.origin, v.KeyFile.at))
	if path == "" {
		return SecretRef{}
	}
	l.file(v.KeyFile.at, path, "service account key", kindSecret, func(data []byte) error {
		if !json.Valid(data) {
			return errors.New("it is not JSON")
		}
		return nil
	})
	return FileSecret(path).as(ofKey).lines()
}

func (l *loader) grant(v *rawOAuth) Grant {
	switch {
	case v.Grant.ok() && v.Provider.v == ProviderGoogle && v.Grant.v != GrantAuthorizationCode && v.Grant.v != GrantServiceAccount:
		l.problem(v.Grant.at, "Google gives access to mail by grant: authorization_code or service_account only")
	case v.Grant.ok() && v.Provider.v != ProviderGoogle && v.Grant.v == GrantServiceAccount:
		l.problem(v.Grant.at, "service_account is for provider: google")
	case v.Grant.ok():
		return v.Grant.v
	case v.Grant.set:
	case v.Provider.v == ProviderGoogle:
		return GrantAuthorizationCode
	default:
		l.problem(v.at.key("grant"), "missing: one of client_credentials, authorization_code or device_code")
	}
	return ""
}

// endpoints fills in the URLs: those of the file, or else the provider's.
func (l *loader) endpoints(v *rawOAuth, o *OAuth) {
	known, isKnown := endpoints[o.Provider]
	tenant := v.Tenant.or("common")
	switch {
	case v.Tenant.ok() && o.Provider != ProviderMicrosoft:
		l.problem(v.Tenant.at, "has a meaning only with provider: microsoft")
	case v.Tenant.ok() && (tenant == "" || strings.Trim(tenant, hostBytes) != ""):
		l.problem(v.Tenant.at, "must be the tenant's id or domain, not %s", quote(tenant))
	case !v.Tenant.set && o.Provider == ProviderMicrosoft && o.Grant == GrantClientCredentials:
		l.problem(v.at.key("tenant"), "missing: grant: client_credentials needs the tenant's id or domain")
	}
	if o.Provider == ProviderMicrosoft {
		o.Tenant = tenant
	}
	for _, e := range []struct {
		key   string
		given *value[ServerURL]
		known string
		to    *ServerURL
		need  bool
	}{
		{"token_url", &v.TokenURL, known.token, &o.TokenURL, true},
		{"auth_url", &v.AuthURL, known.auth, &o.AuthURL, o.Grant == GrantAuthorizationCode},
		{"device_url", &v.DeviceURL, known.device, &o.DeviceURL, o.Grant == GrantDeviceCode},
	} {
		switch {
		case e.given.ok():
			if fault := urlFault(string(e.given.v)); fault != "" {
				l.problem(e.given.at, "%s", fault)
			}
			*e.to = e.given.v
		case e.given.set:
		case isKnown:
			*e.to = ServerURL(strings.ReplaceAll(e.known, "{tenant}", tenant))
		case e.need:
			l.problem(v.at.key(e.key), "missing: provider: custom needs it")
		}
	}
}

// urlFault says why secrets must not be sent to s. It returns "" for a good URL. It does not quote
// s, which may hold a secret.
func urlFault(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return "must be a URL such as https://login.example.org/token"
	case u.User != nil:
		return "must not hold a user name or password"
	case u.Fragment != "":
		return "must not hold a #"
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "must begin with https://, as secrets go there"
}

// isLoopback reports whether a host is this machine.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

func (l *loader) scopes(v *rawOAuth, o OAuth) string {
	if v.Scopes.ok() {
		for _, s := range v.Scopes.v {
			// RFC 6749 section 3.3: scope-token.
			if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
				l.problem(v.Scopes.at, "must be a list of scopes, each a word of its own, not %s", quote(s))
				return ""
			}
		}
		return strings.Join(v.Scopes.v, " ")
	}
	switch {
	case o.Provider == ProviderGoogle:
		return "https://mail.google.com/"
	case o.Provider == ProviderMicrosoft && o.Grant == GrantClientCredentials:
		return "https://outlook.office365.com/.default"
	case o.Provider == ProviderMicrosoft:
		return "https://outlook.office.com/POP.AccessAsUser.All offline_access"
	}
	return ""
}

// AuthParams returns the provider's extra parameters for the authorization URL.
func (o OAuth) AuthParams() url.Values {
	if o.Provider == ProviderGoogle {
		// Without these it gives no refresh token, or none at the second sign-in.
		return url.Values{"access_type": {"offline"}, "prompt": {"consent"}}
	}
	return url.Values{}
}

// RedirectHost returns the host of the redirect URL. Microsoft accepts only localhost; RFC 8252
// section 8.3 prefers the address.
func (o OAuth) RedirectHost() string {
	if o.Provider == ProviderMicrosoft {
		return "localhost"
	}
	return "127.0.0.1"
}
