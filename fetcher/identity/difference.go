package identity

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// lookupChunk is how many UIDLs one question to the ledger names.
const lookupChunk = 500

// Difference is what a listing and the ledger make of each other.
type Difference struct {
	// Unseen are to be retrieved, Octets of them as far as is known.
	Unseen []Entry
	Octets int64
	// Expired were delivered, and are due to be deleted.
	Expired []Lookalike
	// Staying were delivered and are due, and nothing was delivered of them that would
	// let them be deleted. Unread could not be read right, and are kept nowhere else;
	// Uncopied are those of them for whose copy the quarantine had no room.
	Staying, Unread int
	Uncopied        []Lookalike
	// Pending failed before, and their wait is not over.
	Pending int
	// Unstuffed are the octets, by number, of messages that were cut at a lone dot before.
	Unstuffed map[int]int64

	again   []Entry // failed before: retrieved behind the others, should they break the line once more
	reused  int     // UIDLs that the ledger knows with another size
	kept    int     // delivered or in quarantine, and left on the server so far
	present int     // of these, those that are thought to be there
	// suspects have the UIDL and the size of messages that the server no longer had.
	suspects []Lookalike
	found    []ledger.Key // once missed by chance, and listed
	numbers  numbering
}

// numbering is about a mailbox whose UIDLs are small numbers.
type numbering struct {
	named           bool // they aren't
	lowest, highest int  // the least of one that is new, the greatest of one that is not
	last            Lookalike
}

// compare sorts the listing's messages by what the ledger knows of them. The same
// UIDL with another size is another message: some servers use UIDLs again. Without a
// ledger all are new. cut is what the store's errors say of a message that was cut.
func (a *Account) compare(ctx context.Context, led Ledger, l *Listing, now time.Time, cut string) (Difference, error) {
	var d Difference
	if led == nil {
		return Difference{Unseen: l.Entries, Octets: OctetsOf(l.Entries)}, nil
	}
	for chunk := range slices.Chunk(l.Entries, lookupChunk) {
		known, err := a.known(ctx, led, l, chunk)
		if err != nil {
			return d, err
		}
		for _, e := range chunk {
			records := known[string(l.uidls[e.from:e.to])]
			a.sort(&d, e, records, now, cut)
			if !a.Skips(e.Size) {
				d.numbers.note(l.uidls[e.from:e.to], e, records)
			}
		}
	}
	for _, e := range d.again {
		d.want(e)
	}
	return d, nil
}

// smallNumber is the most digits of a UIDL that counts messages. What is longer may mean anything.
const smallNumber = 7

func (d *numbering) note(uidl []byte, e Entry, records []ledger.Record) {
	n, err := strconv.Atoi(string(uidl))
	switch {
	case d.named:
	case err != nil, len(uidl) > smallNumber, n <= 0:
		d.named = true
	case len(records) > 0 && n > d.highest:
		r, _ := ledger.Match(records, e.Size)
		d.highest, d.last = n, Lookalike{e, r}
	case len(records) > 0:
	case d.lowest == 0 || n < d.lowest:
		d.lowest = n
	}
}

// anew reports whether a message is new although its number is below one that is known, as numbers that are
// given out rise: the known one may be another message now.
func (d *numbering) anew() bool {
	return !d.named && d.lowest > 0 && d.lowest < d.highest
}

// known returns what the ledger knows of some entries' UIDLs, by UIDL.
func (a *Account) known(ctx context.Context, led Records, l *Listing, chunk []Entry) (map[string][]ledger.Record, error) {
	uidls := make([]string, len(chunk))
	for i, e := range chunk {
		uidls[i] = l.UIDL(e)
	}
	records, err := led.Lookup(ctx, a.Name, uidls)
	if err != nil {
		return nil, err
	}
	known := make(map[string][]ledger.Record, len(records))
	for _, r := range records {
		known[r.UIDL] = append(known[r.UIDL], r)
	}
	return known, nil
}

func (a *Account) sort(d *Difference, e Entry, known []ledger.Record, now time.Time, cut string) {
	r, ok := ledger.Match(known, e.Size)
	if r.State == ledger.Delivered || r.State == ledger.DeletePending || r.State == ledger.Quarantined {
		d.kept++
		if r.Missed < 3 {
			d.present++
		}
	}
	switch {
	case r.State == ledger.Deleted, r.Missed > 1:
		d.suspects = append(d.suspects, Lookalike{e, r})
		return
	case r.Missed > 0:
		d.found = append(d.found, r.Key)
	}
	switch {
	case !ok:
		if len(known) > 0 {
			d.reused++
		}
		d.want(e)
	case r.State == ledger.Failed:
		if now.Before(r.NextAttempt) {
			d.Pending++
			return
		}
		if cut != "" && strings.Contains(r.Reason, cut) && e.Size > 0 {
			if d.Unstuffed == nil {
				d.Unstuffed = make(map[int]int64)
			}
			d.Unstuffed[e.Number] = e.Size
		}
		d.again = append(d.again, e)
	case r.State == ledger.Quarantined:
		// Left on the server: deleting is for what was delivered.
	case r.Delivered.IsZero():
		// Only taken for delivered, when the ledger was rebuilt: nobody knows.
	case !a.Delete, now.Before(r.Delivered.Add(a.DeleteAfter)):
	case r.Unread:
		d.Unread++
		if _, is := ledger.IsWithoutCopy(r.Reason); is {
			d.Uncopied = append(d.Uncopied, Lookalike{e, r})
		}
	case !r.Deletable(a.DeleteEmpty):
		d.Staying++
	default:
		d.Expired = append(d.Expired, Lookalike{e, r})
	}
}

func (d *Difference) want(e Entry) {
	d.Unseen = append(d.Unseen, e)
	d.Octets += max(e.Size, 0)
}

// Recorded returns what the ledger has of messages that are listed, by their numbers.
func (x *Matcher) Recorded(ctx context.Context, entries []Entry) (map[int]ledger.Record, error) {
	known, err := x.Account.known(ctx, x.Ledger, x.Listing, entries)
	if err != nil {
		return nil, err
	}
	records := make(map[int]ledger.Record, len(entries))
	for _, e := range entries {
		records[e.Number], _ = ledger.Match(known[x.Listing.UIDL(e)], e.Size)
	}
	return records, nil
}
