package poll

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/session"
)

// Probe is what [Check] found out about an account. Its fields are filled in as far as the
// check came.
type Probe struct {
	Addr string
	// TLS is the protocol version, "" without TLS.
	TLS string
	// Resumed means that an earlier connection's TLS session went on.
	Resumed bool
	// Certificate is the server's own, nil without TLS.
	Certificate *x509.Certificate
	// Own is the account's certificate, nil without one.
	Own *x509.Certificate
	// Mechanism is how the account logged in, such as "APOP" or "PLAIN".
	Mechanism string
	// Capabilities are those announced after the login (CAPA, RFC 2449 section 5), with their
	// arguments.
	Capabilities map[string][]string
	// Messages is how many messages are on the server.
	Messages int
	// Waiting is how many messages are new.
	Waiting int
	// Octets is the sum of the sizes of the new messages, as far as the server said them.
	Octets int64
	// Due is how many messages the next poll will delete.
	Due int
	// Staying is how many messages would be deleted if a file of them had been delivered.
	Staying int
	// Pending is how many messages failed before and wait for their next attempt.
	Pending int
	// Unread is how many messages would be deleted if all of them could have been read right,
	// or a copy were kept.
	Unread int
	// NoRoom is how many of the unread messages found no room in quarantine for a copy.
	NoRoom int
	// Unfetchable says how many messages can't be fetched and why, "" if all can.
	Unfetchable string
	// Took is how long the check took.
	Took time.Duration
}

// Check connects to the account's server, verifies it, logs in, lists the messages as a poll
// does, and quits. It retrieves and changes nothing. All messages count as new. Its errors are
// those of the step that failed.
func Check(ctx context.Context, a Account, log zerolog.Logger) (Probe, error) {
	return CheckNew(ctx, a, nil, log)
}

// CheckNew is Check, and also tells by the ledger what is new and what will be deleted. led is
// nil if the ledger was not made yet.
func CheckNew(ctx context.Context, a Account, led Ledger, log zerolog.Logger) (p Probe, err error) {
	started := time.Now()
	defer func() { p.Took = time.Since(started) }()
	p.Addr = a.Addr
	look := foreseer(&a, led, log)
	var visited identity.Visited
	if led != nil {
		if visited, err = look.recorded(ctx); err != nil {
			return p, err
		}
	}
	s, err := a.openEither(ctx, session.Options{Log: log})
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
