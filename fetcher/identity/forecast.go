package identity

import "context"

// Forecast is what the next poll of an account would make of what the server lists.
// What a poll finds out by looking at messages is not in it: which are others under a
// UIDL that was used before, or known under another.
type Forecast struct {
	// Messages are on the server, as a poll counts them.
	Messages int
	// Unseen are to be fetched, Octets of them, and Skipped left for their size.
	Unseen, Skipped []Entry
	Octets          int64
	// Due are to be deleted. Staying would be if a file of them had been delivered, and
	// Unread if all of them could be read right, or were kept; the quarantine had no room
	// for a copy of NoRoom of these.
	Due                     []Entry
	Staying, Unread, NoRoom int
	// Pending failed before, and are put off. Suspects are listed although they were
	// deleted, and are to be looked at.
	Pending, Suspects int
	// Refused is why LIST was, which this poll does without, and the next one may not.
	Refused error
	// Moved says that messages are not listed that should be there: what is new may be
	// one of them.
	Moved bool
}

// Foresee lists the mailbox as List does, and compares no headers. Nothing is written down.
func (x *Matcher) Foresee(ctx context.Context) (*Forecast, error) {
	err := x.survey(ctx, bySizes, func(_ context.Context, at level) (bool, error) {
		if at == byKeys {
			x.settle()
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	l, d := x.Listing, &x.Difference
	f := &Forecast{
		Refused: x.doubts.refused, Messages: l.Count(), Staying: d.Staying, Unread: d.Unread, NoRoom: len(d.Uncopied),
		Pending: d.Pending, Suspects: len(d.suspects),
	}
	if nothingThere(f.Refused, x.Stat.Messages) {
		f.Refused = nil
	}
	if x.Ledger != nil {
		if err := x.noteMoved(ctx); err != nil {
			return nil, err
		}
		f.Moved = x.missing.some
	}
	for _, e := range append(d.Unseen[:len(d.Unseen):len(d.Unseen)], l.Nameless...) {
		if x.Account.Skips(e.Size) {
			f.Skipped = append(f.Skipped, e)
		} else {
			f.Unseen = append(f.Unseen, e)
		}
	}
	for _, due := range d.Expired {
		f.Due = append(f.Due, due.Entry)
	}
	f.Octets = OctetsOf(f.Unseen)
	return f, nil
}
