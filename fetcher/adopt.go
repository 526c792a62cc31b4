package fetcher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/session"
)

// Adopted is what [Supervisor.Adopt] found.
type Adopted struct {
	// Messages are on the server, those without a UIDL included, and Recorded of them are recorded now. New were never
	// delivered, and remain to be.
	Messages, Recorded, New int
	// Again of the new ones were recorded by an earlier Adopt.
	Again int
	// Nameless are without a UIDL, and remain unknown: only who retrieves them can tell which they are.
	Nameless int
}

// Adoption says what to make of the messages that a server lists and the ledger does not know.
type Adoption struct {
	// Delivered, unless zero, counts as the time of their delivery. Otherwise they are never deleted on the server,
	// as nobody knows whether they were delivered.
	Delivered time.Time
	// UpToDate says that the ledger knows of all that was delivered. When the server has given it other UIDLs, what is
	// new can then be told from the rest by its header.
	UpToDate bool
	// Look, unless nil, is shown every message before it is recorded, and says whether it was delivered. Otherwise it is not
	// recorded, and remains to be fetched.
	Look func(Found) (delivered bool)
	// Again shows it those, too, that an earlier Adopt recorded without Delivered.
	Again bool
}

// Adopt asks the account's server what it holds and records every message of which the ledger knows
// nothing as delivered, without retrieving any: after a ledger was lost, so that its mail is not
// delivered a second time, or the server gave it other UIDLs.
func (s *Supervisor) Adopt(ctx context.Context, a Account, how Adoption, log zerolog.Logger) (Adopted, error) {
	var done Adopted
	unlock, err := lockAccount(s.LockDir, a.Name)
	if err != nil {
		return done, fmt.Errorf("lock account: %w", err)
	}
	defer unlock()
	g, err := a.OpenEither(ctx, session.Options{Log: log})
	if err != nil {
		return done, err
	}
	defer g.Close()
	l, err := a.list(g)
	if err != nil {
		return done, err
	}
	done.Nameless = len(l.nameless)
	done.Messages = len(l.entries) + done.Nameless
	messages, err := a.unknown(ctx, s.Ledger, l)
	if err != nil {
		return done, err
	}
	moved := false
	if how.UpToDate {
		if moved, err = mayBeMoved(ctx, s.Ledger, a.Name, len(messages), len(l.entries)); err != nil {
			return done, err
		}
	}
	adopt := listed(l, messages, nil)
	if moved {
		if adopt, err = a.deliveredBefore(ctx, g, s.Ledger, l, messages); err != nil {
			return done, fmt.Errorf("read the headers of the messages of %s: %w", a.Addr, err)
		}
		done.New = len(messages) - len(adopt)
	}
	whole := true
	if how.Look != nil {
		if adopt, done.Again, whole, err = s.look(ctx, a, g, l, messages, adopt, how); err != nil {
			return done, err
		}
		done.New = len(messages) - len(adopt) + done.Again
	}
	if whole {
		if err := g.Quit(); err != nil {
			return done, fmt.Errorf("end the session with %s: %w", a.Addr, err)
		}
	}
	done.Recorded, err = s.Ledger.Adopt(ctx, a.Name, adopt, how.Delivered)
	return done, err
}

// list asks what the mailbox holds.
func (a *Account) list(box mailbox.Mailbox) (*listing, error) {
	count, _, err := box.Stat()
	if err != nil {
		return nil, fmt.Errorf("ask the size of %s: %w", a.Addr, err)
	}
	l, err := readUIDLs(box, nil)
	if nothingThere(err, count) {
		return emptyListing(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the UIDLs of %s: %w", a.Addr, err)
	}
	if err := l.readSizes(box); err != nil && !nothingThere(err, count) {
		return nil, fmt.Errorf("list the sizes of %s: %w", a.Addr, err)
	}
	l.complete(count)
	return l, nil
}

func listed(l *listing, entries []entry, ids map[int]ledger.Identity) []ledger.Listed {
	all := make([]ledger.Listed, len(entries))
	for i, e := range entries {
		all[i] = ledger.Listed{Key: l.key(e), Identity: ids[e.number]}
	}
	return all
}

// deliveredBefore returns those of the messages that may have been delivered: all, unless at least half of those whose header
// tells something are known; then those that are known, and those that nobody can tell.
func (a *Account) deliveredBefore(ctx context.Context, box mailbox.Mailbox, led *sqlite.Ledger, l *listing, entries []entry) ([]ledger.Listed, error) {
	all := make([]ledger.Listed, 0, len(entries))
	known := ledger.Known{Headers: make(map[[32]byte]bool), MessageIDs: make(map[string]bool)}
	for chunk := range slices.Chunk(entries, examineChunk) {
		ids, _, err := askHeaders(box, func(yield func(int) bool) {
			for _, e := range chunk {
				if !yield(e.number) {
					return
				}
			}
		})
		if err != nil {
			return nil, err
		}
		more, err := led.Known(ctx, a.Name, slices.Collect(maps.Values(ids)))
		if err != nil {
			return nil, err
		}
		maps.Copy(known.Headers, more.Headers)
		maps.Copy(known.MessageIDs, more.MessageIDs)
		all = append(all, listed(l, chunk, ids)...)
	}
	return knownOf(all, known), nil
}

// knownOf sorts out what deliveredBefore has asked for. The same Message-ID with another header is another message, unless the
// headers of most that are known have changed, as a server may add to them.
func knownOf(all []ledger.Listed, known ledger.Known) (before []ledger.Listed) {
	identified, byHeader, byID := 0, 0, 0
	for _, m := range all {
		if m.Identity != (ledger.Identity{}) {
			identified++
		}
		if _, ok := known.MessageIDs[m.MessageID]; known.Headers[m.Header] {
			byHeader++
		} else if ok {
			byID++
		}
	}
	if float64(byHeader+byID) < changedKnown*float64(identified) {
		return all
	}
	telling := byHeader >= byID
	for _, m := range all {
		unknownHeader, ok := known.MessageIDs[m.MessageID]
		switch {
		case known.Headers[m.Header], m.Identity == ledger.Identity{}, ok && (unknownHeader || !telling), m.MessageID == "" && !telling:
			before = append(before, m)
		}
	}
	return before
}

// unknown lists the messages of which the ledger knows nothing, not even a failure.
func (a *Account) unknown(ctx context.Context, led *sqlite.Ledger, l *listing) ([]entry, error) {
	var entries []entry
	for from := 0; from < len(l.entries); from += lookupChunk {
		chunk := l.entries[from:min(from+lookupChunk, len(l.entries))]
		known, err := a.known(ctx, led, l, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range chunk {
			k := l.key(e)
			if _, ok := ledger.Match(known[k.UIDL], k.Size); !ok {
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
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
