package provider

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// Server is a POP3 server.
type Server struct {
	Host     string
	Port     int
	StartTLS bool // begins in plain text and changes to TLS; otherwise TLS from the first byte
}

// Secret is what a provider takes from programs.
type Secret string

// The kinds of secrets.
const (
	// Password is that of the mailbox, or one for mail programs that the steps explain.
	Password Secret = "password"
	// AppPassword is a password made for this program alone.
	AppPassword Secret = "app password"
	// SignIn is an OAuth 2.0 token: a person signs in once, or an application is allowed to read.
	SignIn Secret = "sign-in"
)

// OAuth says how an access token is got. Its words are those of the configuration's section oauth.
type OAuth struct {
	Provider string // microsoft or google
	Grant    string
	Tenant   string // Microsoft's; "" for the default
}

// Provider is a row of the table.
type Provider struct {
	ID      string   // in lower case, without spaces
	Name    string   // as people call it
	Domains []string // of addresses
	MX      []string // what the names of mail servers of hosted domains end in
	Server
	// ServerIsMX says that each customer has a server of its own, which the MX names. Server.Host
	// is empty then.
	ServerIsMX bool
	// Unconfirmed says that the source does not tell of POP3 there. The server is tried first.
	Unconfirmed bool
	LocalPart   bool // one logs in with what stands before the @, not with the whole address
	// UserID says what one logs in with where the address does not tell; "" if it does.
	UserID   string
	Secret   Secret
	OAuth    OAuth         // where Secret is SignIn, or where a sign-in is the other way
	Interval time.Duration // how often the provider lets one come; 0 if it does not say
	// Steps are to be done at the provider before the first login, in plain words.
	Steps []string
	// Note is worth knowing afterwards.
	Note string
	// NoPOP says why this provider can't be read over POP3. "" if it can.
	NoPOP string
	Page  string // below deploy/providers, "" for none
	// Source is where the row comes from.
	Source string
}

// Username is what one logs in with for an address.
func (p *Provider) Username(address string) string {
	if local, _, ok := cutAddress(address); ok && p.LocalPart {
		return local
	}
	return address
}

// All returns the table. It is a copy.
func All() []Provider { return slices.Clone(table) }

// ByDomain returns the provider of addresses of this domain, nil if there is none in the table.
func ByDomain(domain string) *Provider {
	domain = canonical(domain)
	for i := range table {
		if slices.Contains(table[i].Domains, domain) {
			return table[i].at(domain)
		}
	}
	return nil
}

// ByMX returns the provider whose mail server this is, nil if there is none in the table.
func ByMX(host string) *Provider {
	host = canonical(host)
	for i := range table {
		for _, suffix := range table[i].MX {
			if host == suffix || strings.HasSuffix(host, "."+suffix) {
				return table[i].at(host)
			}
		}
	}
	return nil
}

// at is a copy of the row for somebody whose mail server is mx.
func (p *Provider) at(mx string) *Provider {
	row := *p
	if row.ServerIsMX {
		row.Host = mx
	}
	return &row
}

// canonical is a name of the DNS as the table has it.
func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// cutAddress splits a mail address at its last @. ok is false if that is none, or is in a form
// that no mailbox has.
func cutAddress(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 || strings.ContainsAny(address, " \t\r\n<>\"") {
		return "", "", false
	}
	domain, err := idna.Lookup.ToASCII(canonical(address[at+1:])) // as the DNS has bücher.example
	return address[:at], domain, err == nil && validHost(domain) && strings.Contains(domain, ".")
}

// Split returns the two halves of a mail address, the second in lower case and in ASCII. ok is
// false if it is no address.
func Split(address string) (local, domain string, ok bool) { return cutAddress(address) }

// validHost reports whether a name is made as names of hosts are: ASCII letters, digits, hyphens
// and dots (RFC 1123 section 2.1), and the underscore that some have.
func validHost(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	return name != "" && len(name) <= 253 && strings.Trim(name, letters) == "" && !strings.Contains(name, "..") &&
		!strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "-") && !strings.HasSuffix(name, ".")
}
