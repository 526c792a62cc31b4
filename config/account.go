package config

import (
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes leaves room for an account's name in a file name.
const maxNameBytes = 100

// account checks one account. It reports faulty values and leaves them empty.
func (l *loader) account(r *rawAccount, c *Config) Account {
	l.atLeast(&r.Interval, minInterval)
	l.inRange(&r.Attempts, 1, math.MaxInt32)
	a := Account{
		Name:       l.name(r),
		Endpoint:   l.endpoint(r),
		Login:      l.login(r),
		After:      r.After.or(AfterKeep),
		Duplicates: r.Duplicates.or(DuplicatesKeep),
		Attempts:   r.Attempts.or(DefaultAttempts),
		Interval:   r.Interval.or(c.Interval),
		Enabled:    r.Enabled.or(true),
		Start:      r.Start.or(Start{}),
		MailWithin: l.mailWithin(&r.MailWithin),
		Ping:       l.ping(&r.origin, &r.Ping),
		Files:      l.attachments(&r.rawFiles),
		Policy:     l.policy(&r.rawPolicy),
		Quarantine: l.quarantine(&r.Quarantine),

		Permissions: r.rawPermissions.or(c.Permissions),
	}
	if output := l.outputOf(r, c); output != "" && a.Name != "" {
		a.Output = filepath.Join(output, a.Name)
	}
	l.groupExists(&r.Group)
	if r.Delete.set && a.After != AfterDelete && !r.After.bad {
		l.problem(r.Delete.at, "has a meaning only with after: delete")
	}
	if r.DeleteAfter.set && a.After != AfterDelete && !r.After.bad {
		l.problem(r.DeleteAfter.at, "has a meaning only with after: delete")
	} else {
		a.DeleteAfter = r.DeleteAfter.or(0)
	}
	password, _ := a.Password.path()
	client, _ := a.OAuth.ClientSecret.path()
	key, _ := a.OAuth.Key.path()
	ping, _ := a.Ping.path()
	a.Secrets = l.in.fingerprint(password, client, key, ping, a.TLS.CAFile, a.TLS.CertFile, a.TLS.KeyFile)
	return a
}

// outputOf returns the folder that holds the account's.
func (l *loader) outputOf(r *rawAccount, c *Config) string {
	if !r.Output.set {
		return c.Output
	}
	return l.path(&r.Output, l.folderOf(&r.origin, r.Output.at))
}

// endpoint checks the server's address and the way to it.
func (l *loader) endpoint(r *rawAccount) Endpoint {
	e := Endpoint{Host: l.host(r), Timeouts: l.timeouts(&r.Timeouts)}
	e.TLS = l.tls(r, e.Host)
	e.Proxy = l.proxy(r, e.TLS.Mode)
	l.inRange(&r.Port, 1, 65535)
	e.Port = r.Port.or(e.TLS.defaultPort())
	for other, port := range map[TLSMode]int{TLSImplicit: 995, TLSStartTLS: 110} {
		if r.Port.ok() && e.Port == port && e.TLS.Mode != other && e.TLS.Mode != TLSNone {
			l.warn(WarnOddPort, r.Port.at, "%d is the port for tls.mode: %s, and the mode is %s", port, other, e.TLS.Mode)
		}
	}
	return e
}

// defaultPort is the port of IANA's registry for the mode.
func (t TLS) defaultPort() int {
	if t.Mode == TLSImplicit {
		return 995
	}
	return 110
}

func (l *loader) name(r *rawAccount) string {
	name, at := r.Name.v, r.Name.at
	if !r.Name.set {
		if name, at = r.file, r.at.key("name"); name == "" {
			l.problem(at, "missing")
			return ""
		}
	}
	if r.Name.bad {
		return ""
	}
	if fault := nameFault(name); fault != "" {
		l.problem(at, "%s, as it is the name of a folder: %s", fault, quote(name))
		return ""
	}
	return name
}

// nameFault says why a name cannot be the name of a folder on every file system and in every shell.
// It returns "" for a good name.
func nameFault(name string) string {
	switch {
	case name == "":
		return "must not be empty"
	case len(name) > maxNameBytes:
		return "must not be longer than 100 bytes"
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "~"):
		return "must not begin with a dot, a hyphen or a tilde"
	case isDevice(name):
		return "must not be the name of a device on Windows"
	case strings.HasSuffix(name, ".") || strings.TrimSpace(name) != name:
		return "must not end with a dot or begin or end with a space"
	case strings.ContainsAny(name, `/\:*?"<>|`):
		return `must not hold any of / \ : * ? " < > |`
	case strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }):
		return "must not hold control characters"
	}
	return ""
}

func (l *loader) host(r *rawAccount) string {
	if !r.Host.set {
		l.problem(r.at.key("host"), "missing")
		return ""
	}
	if !r.Host.ok() {
		return ""
	}
	host := strings.TrimSuffix(r.Host.v, ".")
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = strings.TrimSuffix(inner, "]")
	}
	if fault := hostFault(host); fault != "" {
		l.problem(r.Host.at, "%s", fault)
		return ""
	}
	return host
}

const hostBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

// hostFault says why a text is no host name or address. It returns "" for a good one.
func hostFault(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	inner, _, err := net.SplitHostPort(host)
	switch {
	case host == "":
		return "must not be empty"
	case strings.Contains(host, "://"):
		return "must be a host name without a scheme before it, not " + quote(host)
	case err == nil && hostFault(inner) == "":
		return "must be a host name alone, as the port has a key of its own, not " + quote(host)
	case strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }):
		return "must be written in ASCII (xn--…), not " + quote(host)
	case strings.Trim(host, hostBytes) != "", len(host) > 253, strings.HasPrefix(host, "."), strings.HasPrefix(host, "-"), strings.Contains(host, ".."):
		return "must be a host name or an address, not " + quote(host)
	}
	return ""
}
