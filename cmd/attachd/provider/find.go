package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/attachd/attachd/fetcher/pop3"
)

// findTimeout bounds all of a search, and stepTimeout each of its steps.
const (
	findTimeout = 40 * time.Second
	stepTimeout = 8 * time.Second
)

// maxRecords is how many records of one kind are looked at.
const maxRecords = 10

// Resolver asks the DNS. [net.Resolver] is one. Names end in a dot, so that no search list of this
// machine is tried.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// Finder finds the POP3 server of an address. Use [NewFinder], or fill in all fields.
type Finder struct {
	Resolver Resolver
	HTTP     *http.Client // for https addresses only
	// Probe connects to a server and returns nil if it has a valid certificate and is a POP3
	// server. It sends no password.
	Probe func(ctx context.Context, s Server) error
}

// NewFinder returns a Finder that asks the network.
func NewFinder() *Finder {
	return &Finder{Resolver: net.DefaultResolver, HTTP: newClient(nil), Probe: probe}
}

// Found is the server of an address.
type Found struct {
	Server
	Username string
	// Provider is the row of the table, nil if there is none.
	Provider *Provider
	// How says where the server comes from, in words that go behind "by".
	How string
	// Foreign says that the server is in another domain than the address, and that no table vouches
	// for it. A person has to confirm it before it gets a password.
	Foreign bool
	// TokenOnly says that the provider's own file offers a login by OAuth 2.0 alone.
	TokenOnly bool
}

// ErrNotFound is the error of [Finder.Find] if nothing answers.
var ErrNotFound = errors.New("no POP3 server found")

// NotOfferedError says that there is no POP3 for an address, and how that is known.
type NotOfferedError struct {
	Reason string // a whole sentence
}

// Error returns the reason.
func (e *NotOfferedError) Error() string { return e.Reason }

// Find finds the server of an address. Its error is a [*NotOfferedError] if the provider has no
// POP3, [ErrNotFound] if nothing is known, or that of ctx.
func (f *Finder) Find(ctx context.Context, address string) (*Found, error) {
	local, domain, ok := cutAddress(address)
	if !ok {
		return nil, errors.New("this is no mail address")
	}
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	p, how := ByDomain(domain), "the table of providers"
	if p == nil {
		p, how = f.byMX(ctx, domain), "the mail server of "+domain
	}
	switch {
	case p == nil:
	case p.NoPOP != "":
		return nil, &NotOfferedError{p.NoPOP}
	case !p.Unconfirmed || f.answers(ctx, p.Server):
		return &Found{Server: p.Server, Username: p.Username(address), Provider: p, How: how}, nil
	}
	candidates, err := f.bySRV(ctx, domain, address)
	if err != nil {
		return nil, err
	}
	for _, search := range []func() []Found{
		func() []Found { return candidates },
		func() []Found { return f.byAutoconfig(ctx, local, domain) },
		func() []Found { return guesses(domain, address) },
	} {
		for _, c := range search() {
			if c.Foreign = !sameOwner(c.Host, domain); f.answers(ctx, c.Server) {
				return &c, nil
			}
		}
	}
	if err := ctx.Err(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return nil, ErrNotFound
}

// answers reports whether a POP3 server with a valid certificate is there.
func (f *Finder) answers(ctx context.Context, s Server) bool {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return f.Probe(ctx, s) == nil
}

// byMX finds the domain's mail servers in the table.
func (f *Finder) byMX(ctx context.Context, domain string) *Provider {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	records, _ := f.Resolver.LookupMX(ctx, domain+".") // sorted; odd ones come with an error, too
	for _, mx := range records[:min(len(records), maxRecords)] {
		if !validHost(canonical(mx.Host)) {
			continue
		}
		if p := ByMX(mx.Host); p != nil {
			return p
		}
	}
	return nil
}

// services are those of RFC 6186 section 3.3.
var services = []struct {
	name     string
	startTLS bool
}{{"pop3s", false}, {"pop3", true}}

// bySRV asks for the records of RFC 6186, the best first: the lower priority, then TLS from the
// first byte. The resolver has ordered records of one priority by weight (RFC 2782). A target of
// "." says that a service is not offered; if that is so of one and the other has no server either,
// the error says so.
func (f *Finder) bySRV(ctx context.Context, domain, address string) ([]Found, error) {
	type record struct {
		priority uint16
		Found
	}
	var all []record
	refused := false
	for _, service := range services {
		ctx, cancel := context.WithTimeout(ctx, stepTimeout)
		_, records, _ := f.Resolver.LookupSRV(ctx, service.name, "tcp", domain+".")
		cancel()
		for _, srv := range records[:min(len(records), maxRecords)] {
			host := canonical(srv.Target)
			if host == "" {
				refused = true
				continue
			}
			if validHost(host) && srv.Port > 0 {
				all = append(all, record{srv.Priority, Found{
					Server: Server{host, int(srv.Port), service.startTLS}, Username: address, How: "the SRV record of " + domain,
				}})
			}
		}
	}
	if refused && len(all) == 0 {
		return nil, &NotOfferedError{"The SRV records of " + domain + " say that it offers no POP3."}
	}
	slices.SortStableFunc(all, func(a, b record) int { return cmp.Compare(a.priority, b.priority) })
	found := make([]Found, len(all))
	for i, r := range all {
		found[i] = r.Found
	}
	return found, nil
}

// guesses are names that servers often have.
func guesses(domain, address string) []Found {
	var all []Found
	for _, prefix := range []string{"pop.", "pop3.", "mail.", "mx."} {
		all = append(all, Found{Server: Server{Host: prefix + domain, Port: 995}, Username: address, How: "a guess"})
	}
	return all
}

// sameOwner reports whether a host is of the same registered domain as the address:
// pop.example.org and a@mail.example.org are, example.co.uk and other.co.uk are not.
func sameOwner(host, domain string) bool {
	if host == domain || strings.HasSuffix(host, "."+domain) {
		return true
	}
	a, err := publicsuffix.EffectiveTLDPlusOne(host)
	b, err2 := publicsuffix.EffectiveTLDPlusOne(domain)
	return err == nil && err2 == nil && a == b
}

// SameOwner reports whether a server belongs to the domain of an address, or a table says that its
// provider does.
func SameOwner(host, address string) bool {
	_, domain, ok := cutAddress(address)
	if !ok {
		return false
	}
	if p := ByDomain(domain); p != nil && p.Host == canonical(host) {
		return true
	}
	return sameOwner(canonical(host), domain)
}

// probe connects to a server, verifies its certificate and reads its greeting. It then leaves.
func probe(ctx context.Context, s Server) error {
	d := pop3.Dialer{Addr: net.JoinHostPort(s.Host, strconv.Itoa(s.Port))}
	if s.StartTLS {
		d.Mode = pop3.StartTLS
	}
	c, err := d.Dial(ctx)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", d.Addr, err)
	}
	defer c.Close()
	return c.Quit()
}
