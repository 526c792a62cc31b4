package poll

import (
	"context"
	"fmt"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
)

// A message is deleted only if a file of it was delivered. Otherwise rules that leave
// everything out by mistake would empty a mailbox without saving anything.

// staying counts the messages of earlier visits that stay on the server.
type staying struct {
	before  int // due to be deleted, without a delivered file
	settled int // retrieved once more, without a delivered file
	unread  int // due to be deleted, not read right, and without a copy elsewhere
	noRoom  int // those of the unread ones whose copy found no room in quarantine
}

// stay returns how many messages would be deleted by now if a file of them had been delivered.
func (p *poll) stay() int {
	n := p.removal.staying.before + p.removal.staying.settled
	if t := &p.delivery.Tally; p.Account.deletesAtOnce() {
		n += len(t.Staying) - t.Unread
	}
	return n
}

// stayUnread returns how many messages would be deleted by now if all of them could have been
// read right, or a copy were kept.
func (p *poll) stayUnread() int {
	if p.Account.deletesAtOnce() {
		return p.removal.staying.unread + p.delivery.Tally.Unread
	}
	return p.removal.staying.unread
}

// mayDelete returns those of the retrieved messages delivered before that may be deleted.
func (p *poll) mayDelete(ctx context.Context) (map[ledger.Key]bool, error) {
	if len(p.removal.settled) == 0 {
		return nil, nil
	}
	var keys []ledger.Key
	var uidls []string
	withoutUIDL := 0
	for _, e := range slices.Concat(p.matcher.Listing.Entries, p.matcher.Listing.Nameless) {
		if p.removal.settled[e.Number] {
			keys, uidls = append(keys, p.key(e)), append(uidls, p.key(e).UIDL)
		}
	}
	records, err := p.Ledger.Lookup(ctx, p.Account.Name, uidls)
	if err != nil {
		return nil, fmt.Errorf("read the records of what is to be deleted: %w", err)
	}
	byUIDL := make(map[string][]ledger.Record, len(records))
	for _, r := range records {
		byUIDL[r.UIDL] = append(byUIDL[r.UIDL], r)
	}
	may := make(map[ledger.Key]bool, len(keys))
	for _, k := range keys {
		r, ok := ledger.Match(byUIDL[k.UIDL], k.Size)
		may[k] = ok && r.Deletable(p.Account.DeleteEmpty)
		p.noteSettled(k, may[k] && p.Account.deletesAtOnce() && r.Attempts < undeletedAfter)
		if may[k] {
			continue
		}
		p.removal.staying.settled++
		if k.IsDigest() {
			withoutUIDL++
		}
	}
	if withoutUIDL > 0 && p.poller.withoutUIDL.first(p.Account.Name) {
		p.log.Warn().Int("messages", withoutUIDL).Msg("messages without a UIDL that brought no file are fetched again at every poll, as they stay on the server; delete: all deletes them")
	}
	return may, nil
}
