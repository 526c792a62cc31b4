package fetcher

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
)

// Probe is what [Check] found out about an account. Fields are filled in as far
// as the check came.
type Probe struct {
	Addr string
	// TLS is the protocol version, "" without TLS.
	TLS string
	// Resumed says that the TLS session is that of an earlier connection.
	Resumed bool
	// Certificate is the server's own, nil without TLS.
	Certificate *x509.Certificate
	// Own is the account's, nil without one.
	Own       *x509.Certificate
	Mechanism string
	// Capabilities are those announced after the login.
	Capabilities pop3.Capabilities
	// Messages are on the server. Waiting of them are new, of so many Octets, -1 when the server did not say; Due will be
	// deleted at the next poll, and Staying would be if a file of them had been delivered.
	Messages, Waiting int
	Octets            int64
	Due, Staying      int
	// Unfetchable says how many of them can't be fetched and why, "" when all can.
	Unfetchable string
	Took        time.Duration
}

// Check connects to the account's server, verifies it, logs in, asks how many
// messages there are and leaves. It retrieves nothing and changes nothing. All messages count as new.
func Check(ctx context.Context, a Account, log zerolog.Logger) (Probe, error) {
	return check(ctx, a, log, nil)
}

// CheckNew does, and tells what is new and what will be deleted by what the ledger knows; nil is one that was not made yet.
func CheckNew(ctx context.Context, a Account, led *ledger.Ledger, log zerolog.Logger) (Probe, error) {
	return check(ctx, a, log, func(g *login, p *Probe) error {
		if p.Messages == 0 {
			return nil // and UIDL may be refused
		}
		f, err := g.forecast(ctx, led, time.Now())
		if err != nil {
			return err
		}
		p.Waiting, p.Octets, p.Due, p.Staying = len(f.unseen), f.octets, len(f.due), f.staying
		return nil
	})
}

func check(ctx context.Context, a Account, log zerolog.Logger, look func(g *login, p *Probe) error) (p Probe, err error) {
	started := time.Now()
	defer func() { p.Took = time.Since(started) }()
	p.Addr = a.Addr
	g, err := enter(ctx, a, log)
	if g != nil {
		defer g.client.Close()
		p.Mechanism, p.Capabilities = g.mechanism, g.caps
		if state, ok := g.client.TLSState(); ok {
			p.TLS, p.Resumed, p.Certificate, p.Own = tlsVersion(state), state.DidResume, state.PeerCertificates[0], ownCertificate(g.tls)
		}
	}
	if err != nil {
		return p, err
	}
	if p.Messages, p.Octets, err = g.client.Stat(); err != nil {
		return p, fmt.Errorf("ask the size of %s: %w", a.Addr, err)
	}
	p.Waiting = p.Messages
	if p.Unfetchable, err = g.unfetchable(p.Messages); err != nil {
		return p, fmt.Errorf("list the messages of %s: %w", a.Addr, err)
	}
	if look != nil {
		if err := look(g, &p); err != nil {
			return p, err
		}
	}
	if err := g.client.Quit(); err != nil {
		return p, fmt.Errorf("end the session with %s: %w", a.Addr, err)
	}
	return p, nil
}
