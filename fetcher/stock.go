package fetcher

import (
	"context"
	"fmt"
	"slices"

	"github.com/attachd/attachd/fetcher/mailbox"
)

// stock is what a mailbox holds, and what the ledger makes of it. Polls take it, and whoever says what a poll would do.
type stock struct {
	listing *listing
	difference
	stat stat
	// settled says that nothing is new and nothing to be deleted, by the UIDLs alone.
	settled bool
}

type stat struct {
	count  int
	octets int64
}

// takeStock asks STAT and UIDL and compares them with the ledger, nil for one that was not made yet.
func (p *poll) takeStock(ctx context.Context) (s stock, err error) {
	if s.stat.count, s.stat.octets, err = p.mailbox.Stat(); err != nil {
		return s, p.notListed("ask the size", err)
	}
	l, err := p.readListing(ctx, s.stat.count)
	if err != nil {
		return s, p.notListed("list the UIDLs", err)
	}
	s.listing = l
	sameOctets := p.visited && p.octets == s.stat.octets
	if sameOctets {
		l.setSizes(p.knownOversized)
	}
	if err := p.compareStock(ctx, &s); err != nil {
		return s, err
	}
	// Nothing is deleted that only has the UIDL of what was delivered.
	isNew := func(e entry) bool { return !p.account.skips(e.size) }
	s.settled = !slices.ContainsFunc(s.unseen, isNew) && len(s.expired)+len(s.suspects)+len(l.nameless) == 0 && (len(l.entries) == 0 || sameOctets)
	if !p.mailbox.Traits().Batches {
		l.uncounted = max(s.stat.count-l.messages(), 0)
	}
	return s, nil
}

// whole reports whether LIST would tell nothing more.
func (s *stock) whole() bool {
	return s.settled && s.listing.uncounted == 0 && !s.listing.hasGaps()
}

// completeStock asks LIST, which tells the sizes and which messages UIDL left out. A mailbox that is settled does without: refused is why
// LIST was, then.
func (p *poll) completeStock(ctx context.Context, s *stock) (refused, err error) {
	l := s.listing
	if err := p.readSizes(l); err != nil {
		err = p.notListed("list the sizes", err)
		if _, ok := mailbox.Refused(err); s.settled && ok {
			return err, nil
		}
		return nil, err
	}
	if p.mailbox.Traits().Batches {
		l.complete(-1) // which lists the oldest messages only
	} else {
		l.complete(s.stat.count)
	}
	p.account.leaveNameless(l)
	return nil, p.compareStock(ctx, s)
}

func (p *poll) compareStock(ctx context.Context, s *stock) (err error) {
	if s.difference, err = p.account.compare(ctx, p.ledger, s.listing, p.now()); err != nil {
		return p.notListed("compare the listing", err)
	}
	return nil
}

func (p *poll) notListed(what string, err error) error {
	return fmt.Errorf("%s of %s: %w", what, p.account.Addr, err)
}
