package identity

import (
	"context"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// missedByMistake is how many messages a listing may lack before it looks faulty.
const missedByMistake = 1000

// Outcome is what a session did with the messages that List found.
type Outcome struct {
	// Committed is how many messages were delivered, and Deleted how many were deleted.
	Committed, Deleted int
	// Incomplete says that some of the new messages were not identified.
	Incomplete bool
}

// NoteMissed records which messages should be listed and are not, and the ones listed again. It
// forgets failed attempts at messages that are gone. It returns the messages that an earlier
// session deleted without an answer to its QUIT.
func (x *Matcher) NoteMissed(ctx context.Context, done Outcome) (deletedBefore []ledger.Key, err error) {
	l, d := x.Listing, &x.Difference
	if err := x.Ledger.Found(ctx, x.Account.Name, d.found, time.Time{}); err != nil {
		return nil, err
	}
	_, present, err := x.Ledger.Kept(ctx, x.Account.Name)
	if err != nil {
		return nil, err
	}
	if present != d.present+done.Committed-done.Deleted {
		keys, err := x.Ledger.Present(ctx, x.Account.Name)
		if err != nil {
			return nil, err
		}
		gone := l.unlisted(slices.DeleteFunc(slices.Clone(keys), ledger.Key.IsDigest))
		digests, err := x.goneDigests(ctx, done.Incomplete, slices.DeleteFunc(keys, func(k ledger.Key) bool { return !k.IsDigest() }))
		if err != nil {
			return nil, err
		}
		if deletedBefore, err = x.noteGone(ctx, append(gone, digests...)); err != nil {
			return nil, err
		}
	}
	if err := x.forgetFailures(ctx); err != nil {
		return deletedBefore, err
	}
	return deletedBefore, x.settleOthers(ctx)
}

// settleOthers settles the UIDLs that belong to other messages now. These were delivered under
// names of their own; from now on they count as the ones recorded, or each poll would examine
// them again.
func (x *Matcher) settleOthers(ctx context.Context) error {
	if x.Account.DeletesAtOnce() || len(x.doubts.same) == 0 {
		return nil // they are deleted already
	}
	stand := make(map[time.Time][]ledger.Key) // by the time of delivery
	for _, e := range x.Listing.Entries {
		k, ok := x.doubts.same[e.Number]
		if !ok {
			continue
		}
		records, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{x.Listing.UIDL(e)})
		if err != nil {
			return err
		}
		if r, ok := ledger.Match(records, e.Size); ok && r.Key != k && !r.Delivered.IsZero() {
			stand[r.Delivered] = append(stand[r.Delivered], k)
		}
	}
	for at, keys := range stand {
		if err := x.Ledger.Found(ctx, x.Account.Name, keys, at); err != nil {
			return err
		}
	}
	return nil
}

// noteGone records that messages are not listed any more. It returns those that an earlier
// session deleted without an answer to its QUIT.
func (x *Matcher) noteGone(ctx context.Context, gone []ledger.Key) (deletedBefore []ledger.Key, err error) {
	if len(gone) == 0 {
		return nil, nil
	}
	before, err := x.Ledger.Pending(ctx, x.Account.Name)
	if err != nil {
		return nil, err
	}
	if err := x.Ledger.Missed(ctx, x.Account.Name, gone, len(gone) > missedByMistake); err != nil || len(before) == 0 {
		return nil, err
	}
	after, err := x.Ledger.Pending(ctx, x.Account.Name)
	if err != nil {
		return nil, err
	}
	for _, k := range before {
		if !slices.Contains(after, k) {
			deletedBefore = append(deletedBefore, k)
		}
	}
	return deletedBefore, nil
}

// goneDigests returns those of the messages known by a digest that are not on the server any
// more. A listing does not name them: they are gone only when every listed message is
// identified, and the mailbox has nothing new. They are gone, too, if the mailbox is empty and
// the server refused UIDL only once.
//
// A message delivered without a UIDL may have one now. It is known by that UIDL from then on:
// its digest counts as missed and is not returned.
func (x *Matcher) goneDigests(ctx context.Context, incomplete bool, digests []ledger.Key) ([]ledger.Key, error) {
	if len(x.missing.renamed) > 0 {
		if err := x.Ledger.Missed(ctx, x.Account.Name, x.missing.renamed, false); err != nil {
			return nil, err
		}
		digests = slices.DeleteFunc(digests, func(k ledger.Key) bool { return slices.Contains(x.missing.renamed, k) })
	}
	l := x.Listing
	if len(digests) == 0 || x.Mailbox.Traits().Batches || incomplete || !l.IsComplete() {
		return nil, nil
	}
	here := make(map[ledger.Key]bool, len(l.Nameless))
	for _, e := range l.Nameless {
		k, identified := l.identified[e.Number]
		if !identified {
			return nil, nil
		}
		here[k] = true
	}
	d, err := x.Account.compare(ctx, x.Ledger, l, x.Now(), x.cut())
	if err != nil || len(d.Unseen)+d.Pending > 0 {
		return nil, err
	}
	return slices.DeleteFunc(digests, func(k ledger.Key) bool { return here[k] }), nil
}

// forgetFailures removes the failed attempts at messages that are not listed any more: they
// were taken away, or had a UIDL only for the time being.
func (x *Matcher) forgetFailures(ctx context.Context) error {
	records, err := x.Ledger.Failures(ctx, x.Account.Name)
	if err != nil || len(records) == 0 {
		return err
	}
	keys := make([]ledger.Key, len(records))
	for i, r := range records {
		keys[i] = r.Key
	}
	_, err = x.Ledger.Forget(ctx, x.Account.Name, x.Listing.unlisted(keys))
	return err
}

// NoteListedAgain records that messages are listed although they were missed or deleted.
func (x *Matcher) NoteListedAgain(ctx context.Context, keys []ledger.Key) error {
	x.listedAgain = append(x.listedAgain, keys...)
	return x.Ledger.Found(ctx, x.Account.Name, keys, time.Time{})
}
