package fetcher

import (
	"context"
	"slices"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// noteGone records that messages are not listed any more. Some may have been deleted at a QUIT whose answer did not come,
// which is said as other deletions are.
func (p *poll) noteGone(ctx context.Context, gone []ledger.Key) error {
	if len(gone) == 0 {
		return nil
	}
	before, err := p.ledger.Pending(ctx, p.account.Name)
	if err != nil {
		return err
	}
	if err := p.ledger.Missed(ctx, p.account.Name, gone, len(gone) > missedByMistake); err != nil || len(before) == 0 {
		return err
	}
	after, err := p.ledger.Pending(ctx, p.account.Name)
	if err != nil {
		return err
	}
	for _, k := range before {
		if !slices.Contains(after, k) {
			p.deletedBefore++
			p.envelopes.of(k).To(p.log.Info().Str("uidl", foreign.UIDL(k.UIDL))).Msg("message deleted on the server, as an earlier poll asked: the answer had not come")
		}
	}
	return nil
}
