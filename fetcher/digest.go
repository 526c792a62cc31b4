package fetcher

import (
	"context"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
)

// goneDigests returns those of the messages known by a digest that are not on the server any more. A listing does not say what
// they are called: they are gone once it is known of every message that is listed which one it is, and for good if the server has refused
// UIDL only for once, and the mailbox is empty now.
//
// Those that were delivered as nameless and have a UIDL since are known by that from then on, and nothing is said of them.
func (p *poll) goneDigests(ctx context.Context, l *listing, digests []ledger.Key) ([]ledger.Key, error) {
	if len(p.renamed) > 0 {
		if err := p.ledger.Missed(ctx, p.account.Name, p.renamed, false); err != nil {
			return nil, err
		}
		digests = slices.DeleteFunc(digests, func(k ledger.Key) bool { return slices.Contains(p.renamed, k) })
	}
	if len(digests) == 0 || p.mailbox.Traits().Batches || len(l.left)+len(l.extra)+l.uncounted+p.failed+p.unkept > 0 {
		return nil, nil
	}
	here := make(map[ledger.Key]bool, len(l.nameless))
	for _, e := range l.nameless {
		k, identified := l.identified[e.number]
		if !identified {
			return nil, nil
		}
		here[k] = true
	}
	d, err := p.account.compare(ctx, p.ledger, l, p.now())
	if err != nil || len(d.unseen)+d.pending > 0 {
		return nil, err
	}
	return slices.DeleteFunc(digests, func(k ledger.Key) bool { return here[k] }), nil
}
