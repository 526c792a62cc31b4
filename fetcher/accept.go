package fetcher

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/fetcher/delivery"
)

// AcceptDestination has an account go on with the folder that is there now, which is made if it is missing. It fails with [ErrLocked] while the account
// is being polled.
func (s *Supervisor) AcceptDestination(ctx context.Context, a Account) (at delivery.Destination, err error) {
	_, err = s.locked(a.Name, func() (_ int, err error) {
		at, err = a.Accept(ctx, a.Name, s.Ledger)
		return 0, err
	})
	return at, err
}

// openSink opens where an account's files go, if that is where they went before.
func (s *Supervisor) openSink(ctx context.Context, a Account) (delivery.Sink, error) {
	return a.Output.Open(ctx, a.Name, s.Ledger, s.Log.With().Str("account", a.Name).Logger())
}

// OpenQuarantine takes an account for working on its quarantine. It fails with [ErrLocked]
// while the account is being polled, and first completes what a crash left behind, as
// a poll does. Nothing of it asks the server.
func (s *Supervisor) OpenQuarantine(ctx context.Context, a Account) (_ *delivery.Quarantine, err error) {
	unlock, err := lockAccount(s.LockDir, a.Name)
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	sink, err := s.openSink(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	return delivery.OpenQuarantine(ctx, s.newDelivery(a, sink), unlock)
}
