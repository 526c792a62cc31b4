package fetcher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
)

// forecast is what the next poll of an account would make of what the server lists. What a poll finds out by looking at
// messages is not in it: which are others under a UIDL that was used before, or known under another.
type forecast struct {
	listing  *listing
	unseen   []entry // to be fetched, as far as the account's policies go
	skipped  []entry // left on the server for their size
	octets   int64   // of unseen
	due      []entry // to be deleted
	staying  int     // would be deleted as well, but no file of them was delivered
	pending  int     // failed before, and are put off
	suspects int     // listed although they were deleted: to be looked at
	nameless bool    // the server gives no UIDL: what is new can't be told
}

// forecast asks what there is and compares it with the ledger, nil for one that was not made yet. Nothing is retrieved, and
// nothing written down.
func (g *login) forecast(ctx context.Context, led *ledger.Ledger, now time.Time) (*forecast, error) {
	l, err := readUIDLs(g.client, nil)
	if reply, ok := errors.AsType[*pop3.Error](err); ok && reply.Code == "" {
		if l, err = readNumbers(g.client); err != nil {
			return nil, fmt.Errorf("list the messages of %s: %w", g.account.Addr, err)
		}
		return &forecast{listing: l, unseen: l.nameless, octets: octetsOf(l.nameless), nameless: true}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the UIDLs of %s: %w", g.account.Addr, err)
	}
	if err := l.readSizes(g.client); err != nil {
		return nil, fmt.Errorf("list the sizes of %s: %w", g.account.Addr, err)
	}
	d := difference{unseen: l.entries}
	if led != nil {
		if d, err = g.account.compare(ctx, led, l, now); err != nil {
			return nil, fmt.Errorf("compare the listing of %s: %w", g.account.Addr, err)
		}
	}
	f := &forecast{listing: l, staying: d.staying, pending: d.pending, suspects: len(d.suspects)}
	for _, e := range append(d.unseen[:len(d.unseen):len(d.unseen)], l.nameless...) {
		if g.account.skips(e.size) {
			f.skipped = append(f.skipped, e)
		} else {
			f.unseen = append(f.unseen, e)
		}
	}
	for _, due := range d.expired {
		f.due = append(f.due, due.entry)
	}
	f.octets = octetsOf(f.unseen)
	return f, nil
}

func octetsOf(entries []entry) (octets int64) {
	for _, e := range entries {
		octets += max(e.size, 0)
	}
	return octets
}
