package fetcher

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
)

// AcceptDestination records the folder that is there now as the account's destination, and creates
// it if it is missing. It returns that folder. It fails with [ledger.ErrLeased] while the account
// is being polled.
func (s *Supervisor) AcceptDestination(ctx context.Context, a Account) (delivery.Destination, error) {
	return leased(ctx, s.Ledger, []string{a.Name}, func(led Ledger) (delivery.Destination, error) {
		return a.Accept(ctx, a.Name, led)
	})
}

// openSink opens an account's sink, now or once it is needed. It fails with a
// [*delivery.DestinationError] if the account's files went to another folder before.
func (s *Supervisor) openSink(ctx context.Context, a Account, led delivery.Destinations, later bool) (delivery.Sink, error) {
	if later {
		return a.Output.OpenLater(ctx, a.Name, led, s.log(a.Name))
	}
	return a.Output.Open(ctx, a.Name, led, s.log(a.Name))
}

// OpenQuarantine opens an account's quarantine, and keeps the account from being polled until the
// quarantine is closed. It first completes what a crash left behind, as a poll does, and does not
// ask the server. Observe is told what is delivered. It waits for a poll of this Supervisor, and
// fails with [ledger.ErrLeased] while another process polls the account.
func (s *Supervisor) OpenQuarantine(ctx context.Context, a Account) (_ *delivery.Quarantine, err error) {
	over, err := s.turns.take(ctx, a.Name)
	if err != nil {
		return nil, fmt.Errorf("wait for the poll of account %s: %w", a.Name, err)
	}
	defer func() {
		if err != nil {
			over()
		}
	}()
	lease, err := s.Ledger.Lease(ctx, a.Name, time.Time{})
	if err != nil {
		return nil, err
	}
	release := func() error { defer over(); return lease.Release() }
	defer func() {
		if err != nil {
			lease.Release()
		}
	}()
	led := s.Ledger.Fenced(lease)
	sink, err := s.openSink(ctx, a, led, false)
	if err != nil {
		return nil, fmt.Errorf("open output: %w", err)
	}
	alone := poll.Poller{Log: s.Log, Now: s.now, Observe: s.Observe} // which may be used beside Run
	return delivery.OpenQuarantine(ctx, alone.Delivery(&a.Account, led, sink), release)
}

// Adopt lists the account's mailbox and records the messages that the ledger does not know as
// delivered, see [poll.Adopt]. It fails with [ledger.ErrLeased] while the account is being polled.
func (s *Supervisor) Adopt(ctx context.Context, a Account, how identity.Adoption, log zerolog.Logger) (identity.Adopted, error) {
	return leased(ctx, s.Ledger, []string{a.Name}, func(led Ledger) (identity.Adopted, error) {
		return poll.Adopt(ctx, a.Account, led, how, log)
	})
}

// Forget removes the records of some messages of an account, so that they are fetched again if they
// are still on the server. which returns their keys, and is called while nobody polls the account.
// Forget returns how many records there were. It fails with [ledger.ErrLeased] while the account is
// being polled.
func (s *Supervisor) Forget(ctx context.Context, account string, which func(ctx context.Context) ([]ledger.Key, error)) (int, error) {
	return leased(ctx, s.Ledger, []string{account}, func(led Ledger) (int, error) {
		keys, err := which(ctx)
		if err != nil || len(keys) == 0 {
			return 0, err
		}
		return led.Forget(ctx, account, keys)
	})
}

// ForgetAll is Forget for all messages of an account. Whatever its start is, all are fetched then.
func (s *Supervisor) ForgetAll(ctx context.Context, account string) (int, error) {
	return leased(ctx, s.Ledger, []string{account}, func(led Ledger) (int, error) { return led.ForgetAll(ctx, account) })
}

// ForgetSkipped is Forget for the messages that were there before the account's start. Whatever its
// start is, all of them are fetched then.
func (s *Supervisor) ForgetSkipped(ctx context.Context, account string) (int, error) {
	return leased(ctx, s.Ledger, []string{account}, func(led Ledger) (int, error) { return led.ForgetSkipped(ctx, account) })
}

// leased calls fn with the leases of these accounts, and releases them when fn returns. It returns
// what fn does.
func leased[T any](ctx context.Context, all Ledger, accounts []string, fn func(led Ledger) (T, error)) (T, error) {
	var leases []*ledger.Lease
	for _, account := range accounts {
		lease, err := all.Lease(ctx, account, time.Time{})
		if err != nil {
			return *new(T), err
		}
		defer lease.Release()
		leases = append(leases, lease)
	}
	return fn(all.Fenced(leases...))
}

// Rename gives the records of the account from to the account to. from is the old name of a
// mailbox, and is no longer polled. Rename returns how many messages that are. Files stay where
// they are. It fails with [ledger.ErrLeased] while either account is being polled, and with
// [ledger.ErrKnown] if to has records.
func (s *Supervisor) Rename(ctx context.Context, from, to string) (messages int, err error) {
	return leased(ctx, s.Ledger, []string{from, to}, func(led Ledger) (int, error) { return led.Rename(ctx, from, to) })
}
