package poll

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/session"
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
	Capabilities map[string][]string
	// Messages are on the server. Waiting of them are new, of so many Octets, -1 when the server did not say; Due will be
	// deleted at the next poll, and Staying would be if a file of them had been delivered. Pending failed before and are not due yet.
	Messages, Waiting     int
	Octets                int64
	Due, Staying, Pending int
	// Unread would be deleted, too, if all of them could have been read right, or were kept; the quarantine had no room for NoRoom of them.
	Unread, NoRoom int
	// Unfetchable says how many of them can't be fetched and why, "" when all can.
	Unfetchable string
	Took        time.Duration
}

// Check connects to the account's server, verifies it, logs in, lists the messages as a poll does and leaves.
// It retrieves nothing and changes nothing. All messages count as new.
func Check(ctx context.Context, a Account, log zerolog.Logger) (Probe, error) {
	return CheckNew(ctx, a, nil, log)
}

// CheckNew does, and tells what is new and what will be deleted by what the ledger knows; nil is one that was not made yet.
func CheckNew(ctx context.Context, a Account, led Ledger, log zerolog.Logger) (p Probe, err error) {
	started := time.Now()
	defer func() { p.Took = time.Since(started) }()
	p.Addr = a.Addr
	look := foreseer(&a, led, log)
	visited, err := look.foreseeMailbox(ctx)
	if err != nil {
		return p, err
	}
	s, err := a.OpenEither(ctx, session.Options{Log: log})
	p.Mechanism, p.Capabilities = s.Mechanism, s.Capabilities
	if s.TLS != "" {
		p.TLS, p.Resumed, p.Certificate, p.Own = s.TLS, s.Resumed, s.Certificate, s.Own
	}
	if err != nil {
		return p, err
	}
	defer s.Close()
	f, err := look.foresee(ctx, s, visited)
	if err == nil {
		err = f.Refused
	}
	if err != nil {
		return p, err
	}
	p.Messages, p.Waiting, p.Octets = f.Messages, len(f.Unseen), f.Octets
	p.Unread, p.NoRoom = f.Unread, f.NoRoom
	p.Due, p.Staying, p.Pending, p.Unfetchable = len(f.Due), f.Staying, f.Pending, look.matcher.Listing.WhyUnfetchable()
	if err := s.Quit(); err != nil {
		return p, fmt.Errorf("end the session with %s: %w", a.Addr, err)
	}
	return p, nil
}
