package fetcher

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

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

// noteUndeleted says, once for each account while the process lives, that the server confirms deletions and does not delete.
func (p *poll) noteUndeleted(ctx context.Context) error {
	undeleted := 0
	for chunk := range slices.Chunk(p.listedAgain, lookupChunk) {
		uidls := make([]string, len(chunk))
		again := make(map[ledger.Key]bool, len(chunk))
		for i, k := range chunk {
			uidls[i], again[k] = k.UIDL, true
		}
		records, err := p.ledger.Lookup(ctx, p.account.Name, uidls)
		if err != nil {
			return fmt.Errorf("read the record of deletions: %w", err)
		}
		for _, r := range records {
			if again[r.Key] && r.State == ledger.Deleted && r.Attempts >= undeletedAfter {
				undeleted++
			}
		}
	}
	if undeleted > 0 && p.undeleted.first(p.account.Name) {
		p.log.Warn().Int("messages", undeleted).Msg("server does not delete: it confirms the deletion of these messages at every poll, and lists them again; " +
			"see whether its settings for POP3 have DELE archive messages, or the mailbox is read-only")
	}
	return nil
}
