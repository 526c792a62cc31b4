package fetcher

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/rs/zerolog"

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
	// Waiting and Octets are the server's answer to STAT; Octets is -1 when it
	// did not say.
	Waiting int
	Octets  int64
	Took    time.Duration
}

// Check connects to the account's server, verifies it, logs in, asks how many
// messages wait and leaves. It retrieves nothing and changes nothing.
func Check(ctx context.Context, a Account, log zerolog.Logger) (p Probe, err error) {
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
	if p.Waiting, p.Octets, err = g.client.Stat(); err != nil {
		return p, fmt.Errorf("ask the size of %s: %w", a.Addr, err)
	}
	if err := g.client.Quit(); err != nil {
		return p, fmt.Errorf("end the session with %s: %w", a.Addr, err)
	}
	return p, nil
}
