package fetcher

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Adopted is what [Supervisor.Adopt] found.
type Adopted struct {
	// Messages are on the server, those without a UIDL included, and Recorded of them are recorded now.
	Messages, Recorded int
	// Nameless are without a UIDL, and remain unknown: only who retrieves them can tell which they are.
	Nameless int
}

// Adopt asks the account's server what it holds and records every message of which the ledger knows
// nothing as delivered, without retrieving any: after a ledger was lost, so that its mail is not
// delivered a second time. Such messages are never deleted on the server, as nobody knows whether
// they were delivered; unless delivered is a time, which then counts as that of their delivery.
func (s *Supervisor) Adopt(ctx context.Context, a Account, delivered time.Time, log zerolog.Logger) (Adopted, error) {
	var done Adopted
	unlock, err := lockAccount(s.LockDir, a.Name)
	if err != nil {
		return done, fmt.Errorf("lock account: %w", err)
	}
	defer unlock()
	g, err := enter(ctx, a, log)
	if err != nil {
		return done, err
	}
	defer g.client.Close()
	l, err := readUIDLs(g.client)
	if err != nil {
		return done, fmt.Errorf("list the UIDLs of %s: %w", a.Addr, err)
	}
	done.Nameless = len(l.nameless)
	done.Messages = len(l.entries) + done.Nameless
	if err := l.readSizes(g.client); err != nil {
		return done, fmt.Errorf("list the sizes of %s: %w", a.Addr, err)
	}
	if err := g.client.Quit(); err != nil {
		return done, fmt.Errorf("end the session with %s: %w", a.Addr, err)
	}
	keys, err := a.unknown(ctx, s.Ledger, l)
	if err != nil {
		return done, err
	}
	done.Recorded, err = s.Ledger.Adopt(ctx, a.Name, keys, delivered)
	return done, err
}

// unknown lists the messages of which the ledger knows nothing, not even a failure.
func (a *Account) unknown(ctx context.Context, led *ledger.Ledger, l *listing) ([]ledger.Key, error) {
	var keys []ledger.Key
	for from := 0; from < len(l.entries); from += lookupChunk {
		chunk := l.entries[from:min(from+lookupChunk, len(l.entries))]
		known, err := a.known(ctx, led, l, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range chunk {
			k := l.key(e)
			if _, ok := ledger.Match(known[k.UIDL], k.Size); !ok {
				keys = append(keys, k)
			}
		}
	}
	return keys, nil
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
