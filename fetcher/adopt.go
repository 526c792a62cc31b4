package fetcher

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Adopt asks the account's server what it holds and records every message of which the ledger knows
// nothing as delivered, without retrieving any: after a ledger was lost, so that its mail is not
// delivered a second time. Such messages are never deleted on the server, as nobody knows whether
// they were delivered; unless delivered is a time, which then counts as that of their delivery.
// It returns how many messages the server has and how many of them are recorded now.
func (s *Supervisor) Adopt(ctx context.Context, a Account, delivered time.Time, log zerolog.Logger) (messages, recorded int, err error) {
	unlock, err := lockAccount(s.LockDir, a.Name)
	if err != nil {
		return 0, 0, fmt.Errorf("lock account: %w", err)
	}
	defer unlock()
	secret, err := a.secret(ctx)
	if err != nil {
		return 0, 0, err
	}
	c, err := dial(ctx, a, tracer(log))
	if err != nil {
		return 0, 0, fmt.Errorf("connect to %s: %w", a.Addr, err)
	}
	defer c.Close()
	if _, _, err := login(ctx, a, c, secret, false, nil, func(step) {}); err != nil {
		return 0, 0, err
	}
	l, err := readUIDLs(c)
	if err != nil {
		return 0, 0, fmt.Errorf("list the UIDLs of %s: %w", a.Addr, err)
	}
	if err := l.readSizes(c); err != nil {
		return 0, 0, fmt.Errorf("list the sizes of %s: %w", a.Addr, err)
	}
	if err := c.Quit(); err != nil {
		return 0, 0, fmt.Errorf("end the session with %s: %w", a.Addr, err)
	}
	keys, err := a.unknown(ctx, s.Ledger, l)
	if err != nil {
		return 0, 0, err
	}
	recorded, err = s.Ledger.Adopt(ctx, a.Name, keys, delivered)
	return len(l.entries), recorded, err
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
