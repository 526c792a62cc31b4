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
	// Undated is how many more may have been there, found out by this visit, too: the server did
	// not give their headers, or no date in them, and Matcher.ByHeader tells once they are retrieved.
	Undated int
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
// A message is not in doubt because the server refuses its header, for this once or always. It is
// recorded as undecided and stays among the new ones. Its header comes with the message itself, and
// ByHeader decides by that.
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
	return x.applyStart(ctx, record{
		skip: func(entries []Entry, before time.Time) error {
			_, err := x.Ledger.Skip(ctx, x.Account.Name, x.keys(entries), before)
			return err
		},
		maybeSkip: func(entries []Entry) error { return x.Ledger.MaybeSkip(ctx, x.Account.Name, x.keys(entries)) },
	})
}

// record is what applyStart does with what it found out.
type record struct {
	// skip records messages as skipped, and before as the start unless it is zero.
	skip func(entries []Entry, before time.Time) error
	// maybeSkip records messages as undecided.
	maybeSkip func([]Entry) error
}

// recordNothing is for a forecast.
func recordNothing() record {
	return record{func([]Entry, time.Time) error { return nil }, func([]Entry) error { return nil }}
}

func (x *Matcher) keys(entries []Entry) []ledger.Key {
	keys := make([]ledger.Key, len(entries))
	for i, e := range entries {
		keys[i] = x.Listing.Key(e)
	}
	return keys
}

// NoteBefore records messages that turned out to have been there before the account's start. One
// without a UIDL is found out anew by each visit.
func (x *Matcher) NoteBefore(ctx context.Context, entries []Entry) error {
	named := slices.DeleteFunc(slices.Clone(entries), Entry.IsNameless)
	if len(named) == 0 {
		return nil
	}
	_, err := x.Ledger.Skip(ctx, x.Account.Name, x.keys(named), time.Time{})
	return err
}

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
	x.doubts.before = before
	old := make(map[int]bool)
	if ask {
		if old, err = x.arrivedBefore(candidates, before, func(chunk []Entry) error { return record.skip(chunk, time.Time{}) }); err != nil {
			return s, err
		}
		undated := slices.DeleteFunc(slices.Clone(candidates), func(e Entry) bool { return !x.doubts.undated[e.Number] || d.undecided[e.Number] })
		if s.Undated = len(undated); s.Undated > 0 {
			if err := record.maybeSkip(undated); err != nil {
				return s, err
			}
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
		return record.skip(nil, before)
	}
	return record.skip(s.Entries, before)
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

// mayBeSkipped returns the new messages that may be skipped ones: those that are undecided, or have
// another key now.
func (x *Matcher) mayBeSkipped(ctx context.Context, start ledger.Start) ([]Entry, error) {
	moved, err := x.mayBeMoved(ctx, start)
	d := &x.Difference
	if err != nil || len(d.undecided) == 0 {
		return moved, err
	}
	may := make(map[int]bool, len(moved))
	for _, e := range moved {
		may[e.Number] = true
	}
	return slices.DeleteFunc(slices.Clone(d.Unseen), func(e Entry) bool {
		return !may[e.Number] && (!d.undecided[e.Number] || x.Account.Skips(e.Size))
	}), nil
}

// mayBeMoved returns the new messages that may be skipped ones under another key.
func (x *Matcher) mayBeMoved(ctx context.Context, start ledger.Start) ([]Entry, error) {
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
// arrived before a time. each is given those of each chunk at once. A message that the server does
// not give the header of, or one without a date, is undated: the header that comes with it may have
// one.
func (x *Matcher) arrivedBefore(entries []Entry, limit time.Time, each func([]Entry) error) (map[int]bool, error) {
	old := make(map[int]bool)
	for chunk := range startChunks(entries) {
		at, err := x.arrivals(chunk)
		if err != nil {
			return nil, fmt.Errorf("read when messages of %s arrived: %w", x.Account.Addr, err)
		}
		var found []Entry
		for _, e := range chunk {
			if t := at[e.Number]; t.IsZero() {
				note(&x.doubts.undated, e.Number)
			} else if t.Before(limit) {
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

// arrivals asks when messages have arrived, by number. It returns the zero time for a header
// without a date, and none for a message that the server does not give the header of.
func (x *Matcher) arrivals(entries []Entry) (map[int]time.Time, error) {
	if x.Manner.WithoutHeaders || x.doubts.noHeaders {
		return nil, nil
	}
	at := make(map[int]time.Time, len(entries))
	x.AtHeaders = true
	ids, refused, err := ShowHeaders(x.Mailbox, Numbers(entries), func(n int, header []byte) {
		at[n], _ = arrival(header)
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
// a date, one that listings lacked for long is another one; without its header it is undecided.
func (x *Matcher) examineSkipped(ctx context.Context, suspects []Lookalike) (others int, err error) {
	if len(suspects) == 0 {
		return 0, nil
	}
	start, err := x.recordedStart(ctx)
	if err != nil {
		return 0, err
	}
	entries := make([]Entry, len(suspects))
	for i, s := range suspects {
		entries[i] = s.Entry
	}
	at, err := x.arrivals(entries)
	if err != nil {
		return 0, err
	}
	var known, reused, undated []ledger.Key
	for _, s := range suspects {
		t, asked := at[s.Entry.Number]
		dated := !t.IsZero()
		gone := s.Record.Missed > 1
		switch {
		case dated && !t.Before(start.Before.Add(startMargin)), gone && !dated && s.Record.Missed > 2:
			if reused = append(reused, s.Record.Key); !asked {
				undated = append(undated, x.Listing.Key(s.Entry))
			}
		case gone:
			known = append(known, s.Record.Key)
		}
	}
	if _, err := x.Ledger.Forget(ctx, x.Account.Name, reused); err != nil {
		return 0, err
	}
	if err := x.Ledger.MaybeSkip(ctx, x.Account.Name, undated); err != nil {
		return 0, err
	}
	return len(reused) - len(undated), x.NoteListedAgain(ctx, known)
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
