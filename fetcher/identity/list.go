package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// level is how much of the mailbox a comparison knows.
type level int

const (
	byKeys    level = iota // STAT and UIDL
	bySizes                // LIST
	byHeaders              // TOP of messages in doubt
)

// List asks what the mailbox holds and compares it with the ledger. It fills in Listing,
// Difference and Stat, in up to three steps:
//
//   - It compares by the keys.
//   - It asks the sizes and compares by them, too, where something is new, or where the octets
//     of STAT say that another message may have a known key.
//   - It compares headers of the messages in doubt.
//
// Its errors name the step and the server, and are a [mailbox.Refusal] where the server refused
// it.
func (x *Matcher) List(ctx context.Context) error {
	x.doubts.noHeaders = x.Manner.WithoutHeaders
	return x.survey(ctx, byHeaders, x.suffices)
}

// survey learns more of the mailbox, level by level, and compares after each what it knows with
// the ledger, until that suffices.
func (x *Matcher) survey(ctx context.Context, last level, suffices func(context.Context, level) (bool, error)) error {
	for at := byKeys; at <= last; at++ {
		learnt, err := x.learn(ctx, at)
		if err != nil {
			return err
		}
		if learnt {
			if x.Difference, err = x.Account.compare(ctx, x.Ledger, x.Listing, x.Now(), x.cut()); err != nil {
				return x.notListed("compare the listing", err)
			}
		}
		if done, err := suffices(ctx, at); done || err != nil {
			return err
		}
	}
	return nil
}

// learn asks the store for one level more, and reports whether it learnt anything to compare.
func (x *Matcher) learn(ctx context.Context, at level) (learnt bool, err error) {
	switch at {
	case byKeys:
		return true, x.askKeys(ctx)
	case bySizes:
		err := x.askSizes()
		return err == nil && x.doubts.refused == nil, err
	}
	if x.Mailbox.Traits().StableKeys {
		return x.believeKeys(ctx)
	}
	if err := x.examine(ctx); err != nil {
		return false, x.notListed("look at UIDLs that may have been used again", err)
	}
	return len(x.doubts.examined) > 0, nil
}

// believeKeys takes the messages that are listed although they were deleted, or missed, for the
// ones recorded: a store whose keys are stable gives them to no other message. It reports whether
// there are any.
func (x *Matcher) believeKeys(ctx context.Context) (some bool, err error) {
	var keys []ledger.Key
	for _, s := range x.Difference.suspects {
		keys = append(keys, s.Record.Key)
	}
	if len(keys) == 0 {
		return false, nil
	}
	return true, x.NoteListedAgain(ctx, keys)
}

// suffices reports whether a poll can go on with what is known at this level.
func (x *Matcher) suffices(ctx context.Context, at level) (bool, error) {
	switch at {
	case byKeys:
		x.settle()
		if !x.whole() || x.Manner.SizesAsked || x.Mailbox.Traits().CheapSizes {
			return false, nil
		}
		err := x.checkNumbers(ctx)
		return err == nil && !x.doubts.renumbered, err
	case bySizes:
		if x.doubts.refused != nil {
			return true, nil
		}
		return false, x.checkNumbers(ctx)
	}
	x.Difference.Expired = slices.DeleteFunc(x.Difference.Expired, func(due Lookalike) bool {
		return !x.doubts.examined[due.Entry.Number] && !x.Mailbox.Traits().StableKeys
	})
	return true, x.noteMoved(ctx)
}

// askKeys asks STAT and UIDL.
func (x *Matcher) askKeys(ctx context.Context) (err error) {
	if x.Stat.Messages, x.Stat.Octets, err = x.Mailbox.Stat(); err != nil {
		return x.notListed("ask the size", err)
	}
	if x.Listing, err = x.readListing(ctx, x.Stat.Messages); err != nil {
		return x.notListed("list the UIDLs", err)
	}
	if x.sameOctets() {
		x.Listing.setSizes(x.Visited.Oversized)
	}
	return nil
}

// sameOctets reports whether STAT gives the same octets as at the visit before.
func (x *Matcher) sameOctets() bool { return x.Visited.Ever && x.Visited.Octets == x.Stat.Octets }

// settle notes whether the keys alone show that nothing is new and nothing is due to be
// deleted. A key alone is never enough to delete a message: another one may have it now.
func (x *Matcher) settle() {
	l, d := x.Listing, &x.Difference
	isNew := func(e Entry) bool { return !x.Account.Skips(e.Size) }
	x.doubts.settled = !slices.ContainsFunc(d.Unseen, isNew) && len(d.Expired)+len(d.suspects)+len(l.Nameless) == 0 && (len(l.Entries) == 0 || x.sameOctets())
	if !x.Mailbox.Traits().Batches {
		l.uncounted = max(x.Stat.Messages-l.Messages(), 0)
	}
}

// whole reports whether LIST would tell nothing more.
func (x *Matcher) whole() bool {
	return x.doubts.settled && x.Listing.uncounted == 0 && !x.Listing.hasGaps()
}

// askSizes asks LIST: it tells the sizes, and which messages UIDL left out. A settled mailbox
// does without sizes if the server refuses LIST.
func (x *Matcher) askSizes() error {
	l := x.Listing
	if err := x.readSizes(l); err != nil {
		err = x.notListed("list the sizes", err)
		if _, ok := mailbox.Refused(err); x.doubts.settled && ok {
			x.doubts.refused = err
			return nil
		}
		return err
	}
	if x.Mailbox.Traits().Batches {
		l.complete(-1) // such a store lists the oldest messages only
	} else {
		l.complete(x.Stat.Messages)
	}
	x.Account.leaveWithoutUIDL(l)
	return nil
}

// cut returns the store's word for a message that ended at an unstuffed dot; see
// [mailbox.Traits].
func (x *Matcher) cut() string { return x.Mailbox.Traits().Cut }

func (x *Matcher) notListed(what string, err error) error {
	return fmt.Errorf("%s of %s: %w", what, x.Account.Addr, err)
}
