package fetcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// undeletedAfter is how often messages must have been deleted, and listed by the next poll, before a server is said not to delete: it may be
// late with it once, or somebody may have put them back.
const undeletedAfter = 2

// sortForDeletion has DELE sent from the highest number down. A session keeps its numbers (RFC 1939 section 5), but there
// were servers that number the rest anew at each DELE, and another message would have gone in the place of the next one.
func sortForDeletion(due []deletion) {
	slices.SortFunc(due, func(a, b deletion) int { return cmp.Compare(b.number, a.number) })
}

// noteListedAgain records that messages are there although they are missed or deleted, as far as is known.
func (p *poll) noteListedAgain(ctx context.Context, keys []ledger.Key) error {
	p.listedAgain = append(p.listedAgain, keys...)
	return p.ledger.Found(ctx, p.account.Name, keys, time.Time{})
}

// noteDeleted says and counts which messages were deleted, but for those that come back each time: of them it says, once for each account
// while the process lives, that the server confirms deletions and does not delete.
func (p *poll) noteDeleted(ctx context.Context, confirmed []ledger.Key) error {
	undeleted, err := p.findUndeleted(ctx)
	if err != nil {
		return err
	}
	for _, k := range confirmed {
		if undeleted[k] {
			p.log.Debug().Str("uidl", foreign.UIDL(k.UIDL)).Msg("server confirmed once more that it deletes a message")
			continue
		}
		p.deleted++
		p.envelopes.of(k).To(p.log.Info().Str("uidl", foreign.UIDL(k.UIDL))).Msg("message deleted on the server")
	}
	if p.deleted > 0 {
		p.observe(Deleted{Account: p.account.Name, Messages: p.deleted})
	}
	if len(undeleted) > 0 && p.undeleted.first(p.account.Name) {
		p.log.Warn().Int("messages", len(undeleted)).Msg("server does not delete: it confirms the deletion of these messages at every poll, and lists them again; " +
			"see whether its settings for POP3 have DELE archive messages, or the mailbox is read-only")
	}
	return nil
}

// findUndeleted returns those of the messages listed again that were deleted in vain before.
func (p *poll) findUndeleted(ctx context.Context) (map[ledger.Key]bool, error) {
	undeleted := make(map[ledger.Key]bool)
	for chunk := range slices.Chunk(p.listedAgain, lookupChunk) {
		uidls := make([]string, len(chunk))
		again := make(map[ledger.Key]bool, len(chunk))
		for i, k := range chunk {
			uidls[i], again[k] = k.UIDL, true
		}
		records, err := p.ledger.Lookup(ctx, p.account.Name, uidls)
		if err != nil {
			return nil, fmt.Errorf("read the record of deletions: %w", err)
		}
		for _, r := range records {
			if again[r.Key] && r.State == ledger.Deleted && r.Attempts >= undeletedAfter {
				undeleted[r.Key] = true
			}
		}
	}
	return undeleted, nil
}
