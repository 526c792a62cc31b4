package fetcher

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
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
	s.fill()
	return delivery.OpenQuarantine(ctx, s.poller.Delivery(&a.Account, sink), unlock)
}

// Adopt asks the account's server what it holds and records every message of which the ledger knows
// nothing as delivered, see [poll.Adopt]. It fails with [ErrLocked] while the account is being polled.
func (s *Supervisor) Adopt(ctx context.Context, a Account, how identity.Adoption, log zerolog.Logger) (done identity.Adopted, err error) {
	_, err = s.locked(a.Name, func() (_ int, err error) {
		done, err = poll.Adopt(ctx, a.Account, s.Ledger, how, log)
		return 0, err
	})
	return done, err
}

// Forget removes what is known of those messages of an account that which names, so that they are fetched
// again if they are still on the server. It returns how many there were. It fails with
// [ErrLocked] while the account is being polled.
func (s *Supervisor) Forget(ctx context.Context, account string, which func(ctx context.Context) ([]ledger.Key, error)) (int, error) {
	return s.locked(account, func() (int, error) {
		keys, err := which(ctx)
		if err != nil || len(keys) == 0 {
			return 0, err
		}
		return s.Ledger.Forget(ctx, account, keys)
	})
}

// ForgetAll forgets every message of an account like Forget.
func (s *Supervisor) ForgetAll(ctx context.Context, account string) (int, error) {
	return s.locked(account, func() (int, error) { return s.Ledger.ForgetAll(ctx, account) })
}

func (s *Supervisor) locked(account string, fn func() (int, error)) (int, error) {
	unlock, err := lockAccount(s.LockDir, account)
	if err != nil {
		return 0, fmt.Errorf("lock account: %w", err)
	}
	defer unlock()
	return fn()
}

// Rename gives what the ledger knows of one account, which is polled no more, to the account that has its mailbox
// now, and returns how many messages that is. It fails with [ErrLocked] while either is being polled, and with
// [ledger.ErrKnown] if anything is known of the latter. Files stay where they are.
func (s *Supervisor) Rename(ctx context.Context, from, to string) (messages int, err error) {
	return s.locked(from, func() (int, error) {
		return s.locked(to, func() (int, error) { return s.Ledger.Rename(ctx, from, to) })
	})
}
