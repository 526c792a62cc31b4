package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
)

// The UIDLs of a mailbox look changed if (nearly) all of it is new although much of it was
// delivered before. That happens when it was moved to another server, restored, or rebuilt.
const (
	changedLeast  = 20  // new messages, and delivered ones, at least
	changedShare  = 0.9 // least part of the listing that is new
	changedSample = 10  // messages whose headers are read
	changedKnown  = 0.5 // least part of those that was delivered before
)

// UIDLsChangedError means that the server has given delivered messages other UIDLs. To go on
// would deliver all of them a second time.
type UIDLsChangedError struct {
	Account string
	// New is how many messages are new, and Listed how many there are.
	New, Listed int
	// Seen is how many headers were compared, and Known how many were delivered before.
	Known, Seen int
}

// Error says what was found, and the two ways to go on.
func (e *UIDLsChangedError) Error() string {
	return fmt.Sprintf("%d of %d messages have new UIDLs, but %d of %d looked at were delivered before: the mailbox was moved or rebuilt. "+
		"To go on, with those that were not delivered alone: attachd state rebuild %s. To deliver all of it again: uidl_change: fetch", e.New, e.Listed, e.Known, e.Seen, e.Account)
}

// Guard reads the headers of a few new messages if nearly all of a mailbox is new, and returns
// a [*UIDLsChangedError] if at least half of them were delivered before. A message is known by
// its header, or by its Message-ID alone (RFC 5322 section 3.6.4), because the server that it
// was moved to may have added fields.
func (x *Matcher) Guard(ctx context.Context, unseen []Entry) error {
	l := x.Listing
	if x.Account.FetchChangedUIDLs {
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

// deliveredOf returns how many messages have an identifying header (seen), and how many
// different ones of these were delivered (before). One header, or one Message-ID, counts once:
// a program may give all its mail the same.
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

// mayBeMoved reports whether the UIDLs of a mailbox may have changed: unseen messages of those
// listed are new.
func mayBeMoved(ctx context.Context, led Records, account string, unseen, listed int) (bool, error) {
	if unseen < changedLeast || float64(unseen) < changedShare*float64(listed) {
		return false, nil
	}
	delivered, err := led.DeliveredCount(ctx, account)
	return delivered >= changedLeast, err
}
