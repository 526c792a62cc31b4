package config

import (
	"net/mail"
	"strings"
)

// mailTarget checks a server and the addresses of mail.
func (l *loader) mailTarget(r *rawMailTarget) *MailTarget {
	l.inRange(&r.Port, 1, 65535)
	m := &MailTarget{
		TLS: r.TLS.or(TLSImplicit), CAFile: l.path(&r.CAFile, l.folder), Username: r.Username.or(""),
		Password: l.secret(&l.top, &r.Password, ofPassword), From: r.From.or(""), To: r.To.list,
	}
	m.Port = r.Port.or(map[TLSMode]int{TLSImplicit: 465, TLSStartTLS: 587, TLSNone: 25}[m.TLS])
	switch fault := hostFault(r.Host.or("")); {
	case !r.Host.set:
		l.problem(r.at.key("host"), "missing: the server that sends the mail")
	case r.Host.ok() && fault != "":
		l.problem(r.Host.at, "%s", fault)
	default:
		m.Host = r.Host.or("")
	}
	if !r.From.set {
		l.problem(r.at.key("from"), "missing: the sender's address, such as attachd@example.org")
	}
	if !r.To.set {
		l.problem(r.at.key("to"), "missing: the address of who is told, or a list of them")
	}
	if r.From.ok() {
		l.address(r.From.at, m.From)
	}
	for i, to := range r.To.list {
		l.address(r.To.places[i], to)
	}
	l.mailLogin(r, m)
	if m.CAFile != "" {
		l.certificates(&rawTLS{CAFile: r.CAFile}, TLS{CAFile: m.CAFile})
	}
	return m
}

// mailLogin checks how the mail server is logged in to.
func (l *loader) mailLogin(r *rawMailTarget, m *MailTarget) {
	password := r.Password.given()
	switch {
	case r.Username.set && len(password) == 0:
		l.problem(r.Username.at, "needs a password beside it: give one of %s", secretNames(ofPassword))
	case !r.Username.set && len(password) > 0:
		l.problem(password[0], "needs username beside it")
	case r.Username.ok() && strings.TrimSpace(m.Username) == "":
		l.problem(r.Username.at, "must not be empty")
	}
	if m.TLS != TLSNone {
		return
	}
	if r.CAFile.set {
		l.problem(r.CAFile.at, "has no meaning with tls: none")
	}
	switch {
	case m.Host == "" || isLoopback(m.Host):
	case len(password) > 0:
		l.problem(r.TLS.at, "none would send the password in the clear: leave the key out, or write starttls")
	default:
		l.warn(WarnPlaintext, r.TLS.at, "notices go to %s in the clear", quote(m.Host))
	}
}

// address checks an address of mail.
func (l *loader) address(at position, s string) {
	if _, err := mail.ParseAddress(s); err != nil {
		l.problem(at, "must be an address such as ops@example.org, not %s", quote(s))
	}
}
