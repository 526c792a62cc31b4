package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
)

// A mailbox of which (nearly) all is new although much of it was delivered before
// looks like one whose UIDLs changed: moved to another server, restored, or rebuilt.
const (
	changedLeast  = 20  // messages that are new, and messages that were delivered
	changedShare  = 0.9 // of the listing that is new
	changedSample = 10  // messages that are looked at
	changedKnown  = 0.5 // of those, delivered before
)

// UIDLsChangedError says that the server gives messages that were delivered before
// other UIDLs than it did, so that all of them would be delivered a second time.
type UIDLsChangedError struct {
	Account     string
	New, Listed int // messages
	Known, Seen int // of so many that were looked at, were delivered before
}

// Error names the two ways on.
func (e *UIDLsChangedError) Error() string {
	return fmt.Sprintf("%d of %d messages have new UIDLs, but %d of %d looked at were delivered before: the mailbox was moved or rebuilt. "+
		"To go on, with those that were not delivered alone: attachd state rebuild %s. To deliver all of it again: uidl_change: fetch", e.New, e.Listed, e.Known, e.Seen, e.Account)
}

// Guard looks at a few of the new messages' headers when nearly all of a mailbox
// is new, and fails if they were delivered before. A message is known by its header, or by its
// Message-ID alone (RFC 5322 section 3.6.4), as the server it was moved to may have added to the header.
func (x *Matcher) Guard(ctx context.Context, unseen []Entry) error {
	l := x.Listing
	if x.Account.FetchChangedUIDLs || x.Mailbox.Traits().StableKeys {
		return nil
	}
	changed, err := mayBeMoved(ctx, x.Ledger, x.Account.Name, len(unseen), len(l.Entries))
	if err != nil || !changed {
		return err
	}
	sample := func(yield func(int) bool) {
		for i := range changedSample {
			if !yield(unseen[i*len(unseen)/changedSample].Number) {
				return
			}
		}
	}
	headers, refused, err := AskHeaders(x.Mailbox, sample)
	if err != nil {
		return fmt.Errorf("read the headers of a few messages of %s: %w", x.Account.Addr, err)
	}
	if len(refused) > 0 {
		return nil // TOP is optional (RFC 1939 section 7), and without it nobody can tell
	}
	known, err := x.Ledger.Known(ctx, x.Account.Name, slices.Collect(maps.Values(headers)))
	if err != nil {
		return err
	}
	before, seen := deliveredOf(headers, known)
	if seen == 0 || float64(before) < changedKnown*float64(seen) {
		return nil
	}
	return &UIDLsChangedError{Account: x.Account.Name, New: len(unseen), Listed: len(l.Entries), Known: before, Seen: seen}
}

// deliveredOf counts the messages whose header tells something, and those of them that were delivered before. One
// header, or one Message-ID, tells of one message: a program may give all its mail the same.
func deliveredOf(headers map[int]ledger.Identity, known ledger.Known) (before, seen int) {
	told := make(map[ledger.Identity]bool)
	for _, id := range headers {
		if id == (ledger.Identity{}) {
			continue
		}
		seen++
		by := ledger.Identity{Header: id.Header}
		if !known.Headers[id.Header] {
			if _, ok := known.MessageIDs[id.MessageID]; !ok {
				continue
			}
			by = ledger.Identity{MessageID: id.MessageID}
		}
		if !told[by] {
			told[by] = true
			before++
		}
	}
	return before, seen
}

// mayBeMoved reports whether so many new messages of those listed look like a mailbox whose UIDLs changed.
func mayBeMoved(ctx context.Context, led Records, account string, unseen, listed int) (bool, error) {
	if unseen < changedLeast || float64(unseen) < changedShare*float64(listed) {
		return false, nil
	}
	delivered, err := led.DeliveredCount(ctx, account)
	return delivered >= changedLeast, err
}
