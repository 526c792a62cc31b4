package identity

import "context"

// Forecast is what the next poll of an account would find and do. It leaves out what a poll
// learns by comparing headers or whole messages: that a UIDL belongs to another message now, or
// that a message is known under another UIDL.
type Forecast struct {
	// Messages is how many messages are on the server, as a poll counts them.
	Messages int
	// Unseen are to be fetched.
	Unseen []Entry
	// Octets is the sum of the sizes of Unseen, as far as these are known.
	Octets int64
	// Skipped are to be left on the server because of their size.
	Skipped []Entry
	// Due are to be deleted.
	Due []Entry
	// Staying, Unread and NoRoom are how many messages would be deleted and stay: because no
	// file of them was delivered, because something of them could not be read right, and those
	// of the latter whose copy found no room in quarantine.
	Staying, Unread, NoRoom int
	// Pending is how many messages failed before and wait for their next attempt.
	Pending int
	// Suspects is how many messages are listed although they were deleted. A poll compares them
	// before anything else.
	Suspects int
	// Refused is why the server refused LIST, nil if it did not. This poll does without sizes,
	// and the next one may not.
	Refused error
	// BeforeStart is how many of the messages that are not recorded are left alone, as they were
	// there before the account's start.
	BeforeStart int
	// Moved means that some messages are missing from the listing. A new message may be one of
	// them.
	Moved bool
}

// Foresee lists the mailbox as List does, and compares no headers. It writes nothing down.
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
	skipped, err := x.applyStart(ctx, recordNothing())
	if err != nil {
		return nil, err
	}
	f.BeforeStart = len(skipped.Entries) + skipped.Nameless
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
