package fetcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/attachd/attachd/fetcher/delivery"
)

// AcceptDestination has an account go on with the folder that is there now, which is made if it is missing. It fails with [ErrLocked] while the account
// is being polled.
func (s *Supervisor) AcceptDestination(ctx context.Context, a Account) (delivery.Destination, error) {
	var at delivery.Destination
	_, err := s.locked(a.Name, func() (_ int, err error) {
		sink, err := s.OpenSink(a)
		if err != nil {
			return 0, fmt.Errorf("open output: %w", err)
		}
		defer func() { err = errors.Join(err, sink.Close()) }()
		if at, err = s.FindDestination(a); err != nil {
			return 0, err
		}
		known, err := s.Ledger.Destination(ctx, a.Name)
		if err != nil {
			return 0, err
		}
		if known.Generation > at.Mark {
			err = sink.SetMark(ctx, known.Generation)
		}
		if err == nil {
			err = s.Ledger.SetDestination(ctx, a.Name, at.Place, at.ID)
		}
		return 0, err
	})
	return at, err
}

// openSink opens where an account's files go, if that is where they went before.
func (s *Supervisor) openSink(ctx context.Context, a Account) (delivery.Sink, error) {
	var find func() (delivery.Destination, error)
	if s.FindDestination != nil {
		find = func() (delivery.Destination, error) { return s.FindDestination(a) }
	}
	open := func(context.Context) (delivery.Sink, error) { return s.OpenSink(a) }
	return delivery.Place(ctx, a.Name, s.Ledger, find, open, s.Log.With().Str("account", a.Name).Logger())
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
