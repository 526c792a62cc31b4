package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Proxy is the proxy of an account's connections. It is comparable and prints without its user
// name and password.
// The zero value is a direct connection.
type Proxy struct {
	Scheme   string // socks5 or http
	Addr     string // host:port
	Username string
	password SecretRef
}

// proxyDirect keeps an account from the proxy of the defaults.
const proxyDirect = "direct"

var errProxy = errors.New("must be socks5://HOST:PORT or http://HOST:PORT, with USER:PASSWORD@ before the host if need be, or direct")

// parse reads the URL of a proxy. The error quotes no part of it, because it may hold a password.
func (p *Proxy) parse(s string) error {
	if s == proxyDirect {
		*p = Proxy{}
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "socks5" && u.Scheme != "socks5h" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return errProxy
	}
	port, err := strconv.Atoi(u.Port())
	if fault := hostFault(u.Hostname()); fault != "" || err != nil || port < 1 || port > 65535 {
		return errProxy
	}
	// The proxy always looks up the names. curl calls that socks5h.
	*p = Proxy{Scheme: strings.TrimSuffix(u.Scheme, "h"), Addr: net.JoinHostPort(u.Hostname(), u.Port())}
	if u.User == nil {
		return nil
	}
	password, _ := u.User.Password()
	p.Username = u.User.Username()
	if p.Username == "" || len(p.Username) > 255 || len(password) > 255 {
		return errors.New("must have a user name and a password of at most 255 bytes each (RFC 1929 section 2), or none")
	}
	if password != "" {
		p.password = InlineSecret(Secret(password))
	}
	return nil
}

// IsZero reports whether p is a direct connection.
func (p Proxy) IsZero() bool { return p == Proxy{} }

// Password returns the password for Username.
func (p Proxy) Password() Secret { return Secret(p.password.value()) }

// String returns the proxy's URL, or "direct". <secret> stands for user name and password, as a
// token is often given as the user alone.
func (p Proxy) String() string {
	switch {
	case p.IsZero():
		return proxyDirect
	case p.Username == "":
		return p.Scheme + "://" + p.Addr
	}
	return p.Scheme + "://" + hidden + "@" + p.Addr
}

// Format writes String whatever the verb.
func (p Proxy) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// MarshalText is String.
func (p Proxy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// proxy checks the account's proxy.
func (l *loader) proxy(r *rawAccount, mode TLSMode) Proxy {
	p := r.Proxy.or(Proxy{})
	if mode == TLSNone && !p.IsZero() {
		l.problem(r.Proxy.at, "cannot be used with tls.mode: none, which is for this machine only")
	}
	if p.Username != "" {
		l.expose(&r.origin, r.Proxy.at, "login of the proxy")
	}
	return p
}
