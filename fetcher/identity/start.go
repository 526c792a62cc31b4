package identity

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Start says which of the messages that are on the server before the first visit are fetched. The
// zero Start fetches all.
type Start struct {
	// Now says that none of them is fetched.
	Now bool
	// Within, unless zero, says that none is fetched that has arrived earlier than that.
	Within time.Duration
}

// startMargin is how far before the first visit a message must have arrived to be told by its date
// as an earlier one: clocks and time zones differ.
const startMargin = 24 * time.Hour

// before returns the time that dates are compared with.
func (s Start) before(now time.Time) time.Time {
	if s.Now {
		return now.Add(-startMargin)
	}
	return now.Add(-s.Within)
}

// Skipped is what an account's start leaves on the server.
type Skipped struct {
	// Entries are the messages that this visit found out to have been there before.
	Entries []Entry
	// Nameless of them have no UIDL. Each visit finds them out anew.
	Nameless int
	// First says that the start was applied by this visit.
	First bool
}

// ApplyStart takes the messages that are not to be fetched because of the account's start out of
// Difference and Listing, and records them. Call it after List.
//
// Nothing but its key is asked of a message where start is now. Otherwise the date of its arrival
// decides, and a message without one is fetched. So is any message in doubt: nothing is lost, and
// some old mail may come.
//
// A key does not always tell later which message that was. In these cases the date of arrival does,
// as the header has it (TOP, RFC 1939 section 7):
//
//   - The server gives skipped messages other UIDLs. New messages are asked for their dates if they
//     have the size of a skipped one that is not listed any more, or if all of the mailbox is new.
//   - The server gives the UIDL of a skipped message to another one of the same size.
//   - There is no UIDL: each visit asks.
//   - The store lists its oldest messages only ([mailbox.Traits].Batches).
//
// The start is applied at the first visit of an account that nothing else is recorded of, and
// recorded as a whole at its end. A visit that breaks before is repeated.
func (x *Matcher) ApplyStart(ctx context.Context) (Skipped, error) {
	return x.applyStart(ctx, func(entries []Entry, before time.Time) error {
		keys := make([]ledger.Key, len(entries))
		for i, e := range entries {
			keys[i] = x.Listing.Key(e)
		}
		_, err := x.Ledger.Skip(ctx, x.Account.Name, keys, before)
		return err
	})
}

// record records messages as skipped, and before as the start unless it is zero.
type record func(entries []Entry, before time.Time) error

func (x *Matcher) applyStart(ctx context.Context, record record) (s Skipped, err error) {
	d, l := &x.Difference, x.Listing
	if x.Visited.Ever && len(d.Unseen)+len(l.Nameless) == 0 {
		return s, nil
	}
	start, err := x.recordedStart(ctx)
	if err != nil {
		return s, err
	}
	before, ask, candidates := start.Before, true, d.Unseen
	switch {
	case !start.First:
		if before.IsZero() {
			return s, nil
		}
		if candidates, err = x.mayBeSkipped(ctx, start); err != nil {
			return s, err
		}
	case x.Account.Start == Start{}:
		return s, nil
	default:
		s.First = true
		before = x.Account.Start.before(x.Now())
		ask = !x.Account.Start.Now || x.Mailbox.Traits().Batches
	}
	old := make(map[int]bool)
	if ask {
		if old, err = x.arrivedBefore(candidates, before, func(chunk []Entry) error { return record(chunk, time.Time{}) }); err != nil {
			return s, err
		}
	}
	if s.First || len(old) > 0 {
		for _, e := range d.Unseen {
			if !ask || old[e.Number] {
				s.Entries = append(s.Entries, e)
			}
		}
		if err := s.recordFirst(ask, before, record); err != nil {
			return s, err
		}
		skip := make(map[int]bool, len(s.Entries))
		for _, e := range s.Entries {
			skip[e.Number] = true
		}
		d.Unseen = without(d.Unseen, skip)
		d.Octets = OctetsOf(d.Unseen)
	}
	if old, err = x.arrivedBefore(l.Nameless, before, func([]Entry) error { return nil }); err != nil {
		return s, err
	}
	s.Nameless = len(old)
	l.before += len(old)
	l.Nameless = without(l.Nameless, old)
	return s, nil
}

// recordFirst records the start. Messages that were asked for their dates are recorded already.
func (s *Skipped) recordFirst(asked bool, before time.Time, record record) error {
	switch {
	case !s.First:
		return nil
	case asked:
		return record(nil, before)
	}
	return record(s.Entries, before)
}

// without returns a new slice of the entries that have other numbers.
func without(entries []Entry, numbers map[int]bool) []Entry {
	if len(numbers) == 0 {
		return entries
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return numbers[e.Number] })
}

// recordedStart returns what the ledger has of the start; without a ledger the visit is the first.
func (x *Matcher) recordedStart(ctx context.Context) (ledger.Start, error) {
	if x.Ledger == nil {
		return ledger.Start{First: true}, nil
	}
	start, err := x.Ledger.Start(ctx, x.Account.Name)
	start.First = start.First && !x.Visited.Ever
	return start, err
}

// mayBeSkipped returns the new messages that may be skipped ones under another key.
func (x *Matcher) mayBeSkipped(ctx context.Context, start ledger.Start) ([]Entry, error) {
	d, l := &x.Difference, x.Listing
	moved := len(d.Unseen) >= changedLeast && float64(len(d.Unseen)) >= changedShare*float64(len(l.Entries))
	switch {
	case x.Mailbox.Traits().Batches:
		return d.Unseen, nil
	case start.Skipped <= d.skipped || len(d.Unseen) == 0:
		return nil, nil
	case moved:
		return d.Unseen, nil
	}
	keys, err := x.Ledger.Skipped(ctx, x.Account.Name)
	if err != nil {
		return nil, err
	}
	sizes := make(map[int64]bool)
	for _, k := range l.unlisted(keys) {
		sizes[k.Size] = true
	}
	return slices.DeleteFunc(slices.Clone(d.Unseen), func(e Entry) bool { return !sizes[e.Size] && !sizes[unsizedKey] && e.Size >= 0 }), nil
}

// arrivedBefore asks for the headers of messages, and returns the numbers of those that have
// arrived before a time. It is given those of each chunk at once. A message without a date, or that
// the server does not give the header of, is not one of them.
func (x *Matcher) arrivedBefore(entries []Entry, limit time.Time, each func([]Entry) error) (map[int]bool, error) {
	old := make(map[int]bool)
	for chunk := range startChunks(entries) {
		if x.Manner.WithoutHeaders || x.doubts.noHeaders {
			break
		}
		at, err := x.arrivals(chunk)
		if err != nil {
			return nil, fmt.Errorf("read when messages of %s arrived: %w", x.Account.Addr, err)
		}
		var found []Entry
		for _, e := range chunk {
			if t, dated := at[e.Number]; dated && t.Before(limit) {
				old[e.Number] = true
				found = append(found, e)
			}
		}
		if len(found) > 0 {
			if err := each(found); err != nil {
				return nil, err
			}
		}
	}
	return old, nil
}

// startChunks begins with a small chunk: servers hang up after many refusals in a row.
func startChunks(entries []Entry) iter.Seq[[]Entry] {
	return func(yield func([]Entry) bool) {
		first := min(len(entries), foundChunk)
		if first > 0 && !yield(entries[:first]) {
			return
		}
		for chunk := range slices.Chunk(entries[first:], examineChunk) {
			if !yield(chunk) {
				return
			}
		}
	}
}

// arrivals asks when messages have arrived, by number, as far as their headers say it.
func (x *Matcher) arrivals(entries []Entry) (map[int]time.Time, error) {
	at := make(map[int]time.Time, len(entries))
	x.AtHeaders = true
	ids, refused, err := ShowHeaders(x.Mailbox, Numbers(entries), func(n int, header []byte) {
		if t, ok := arrival(header); ok {
			at[n] = t
		}
	})
	if err != nil {
		return nil, err
	}
	x.AtHeaders = false
	if len(ids) == 0 && len(refused) > 0 {
		x.doubts.noHeaders = true // TOP is optional
	}
	return at, nil
}

// examineSkipped finds out by the date of their arrival which suspects are the skipped messages
// that have these keys. The record of any other is removed, so that the message is fetched. Without
// a date, one that listings lacked for long is another one.
func (x *Matcher) examineSkipped(ctx context.Context, suspects []Lookalike) (others int, err error) {
	if len(suspects) == 0 {
		return 0, nil
	}
	start, err := x.recordedStart(ctx)
	if err != nil {
		return 0, err
	}
	at := make(map[int]time.Time)
	if !x.doubts.noHeaders {
		entries := make([]Entry, len(suspects))
		for i, s := range suspects {
			entries[i] = s.Entry
		}
		if at, err = x.arrivals(entries); err != nil {
			return 0, err
		}
	}
	var known, reused []ledger.Key
	for _, s := range suspects {
		t, dated := at[s.Entry.Number]
		gone := s.Record.Missed > 1
		switch {
		case dated && !t.Before(start.Before.Add(startMargin)), gone && !dated && s.Record.Missed > 2:
			reused = append(reused, s.Record.Key)
		case gone:
			known = append(known, s.Record.Key)
		}
	}
	if _, err := x.Ledger.Forget(ctx, x.Account.Name, reused); err != nil {
		return 0, err
	}
	return len(reused), x.NoteListedAgain(ctx, known)
}

// ListedSkipped returns the listed messages that are recorded as skipped.
func (x *Matcher) ListedSkipped(ctx context.Context) (skipped []Entry, err error) {
	err = x.lookup(ctx, func(e Entry, r ledger.Record, recorded bool) {
		if recorded && r.Skipped {
			skipped = append(skipped, e)
		}
	})
	return skipped, err
}
