package fetcher

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// forecast is what the next poll of an account would make of what the server lists. What a poll finds out by looking at
// messages is not in it: which are others under a UIDL that was used before, or known under another.
type forecast struct {
	listing  *listing
	messages int     // on the server, as a poll counts them
	unseen   []entry // to be fetched, as far as the account's policies go
	skipped  []entry // left on the server for their size
	octets   int64   // of unseen
	due      []entry // to be deleted
	staying  int     // would be deleted as well, but no file of them was delivered
	unread   int     // would be deleted as well, but something of them could not be read right, and they are kept nowhere else
	noRoom   int     // of unread: the quarantine had no room for a copy
	pending  int     // failed before, and are put off
	suspects int     // listed although they were deleted: to be looked at
	refused  error   // LIST was, which this poll does without, and the next one may not
	moved    bool    // messages that should be there are not listed: what is new may be one of them
}

// foreseer is a poll that only looks: nothing is retrieved by it, and nothing written down. led is nil for a ledger that was not made yet.
func foreseer(ctx context.Context, a Account, led *sqlite.Ledger, log zerolog.Logger) (*poll, error) {
	p := &poll{account: a, ledger: led, log: log, now: time.Now, common: new(common), polled: func(string) bool { return false }}
	if led == nil {
		return p, nil
	}
	var err error
	if _, p.octets, p.visited, err = led.Mailbox(ctx, a.Name); err != nil {
		return nil, fmt.Errorf("read the record of the mailbox: %w", err)
	}
	return p, nil
}

// foresee lists the mailbox as a poll does.
func (p *poll) foresee(ctx context.Context) (*forecast, error) {
	s, err := p.takeStock(ctx)
	if err != nil {
		return nil, err
	}
	refused, err := p.completeStock(ctx, &s)
	if err != nil {
		return nil, err
	}
	if nothingThere(refused, s.stat.count) {
		refused = nil
	}
	l := s.listing
	f := &forecast{refused: refused, listing: l, messages: l.messages() + l.uncounted, staying: s.staying, unread: s.unread, noRoom: len(s.uncopied), pending: s.pending, suspects: len(s.suspects)}
	if p.ledger != nil {
		if err := p.noteMoved(ctx, l, s.difference); err != nil {
			return nil, p.notListed("read the record", err)
		}
		f.moved = p.moved
	}
	for _, e := range append(s.unseen[:len(s.unseen):len(s.unseen)], l.nameless...) {
		if p.account.skips(e.size) {
			f.skipped = append(f.skipped, e)
		} else {
			f.unseen = append(f.unseen, e)
		}
	}
	for _, due := range s.expired {
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
