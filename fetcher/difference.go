package fetcher

import (
	"context"
	"strconv"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// lookupChunk is how many UIDLs one question to the ledger names.
const lookupChunk = 500

// difference is what a listing and the ledger make of each other.
type difference struct {
	unseen  []entry     // to be retrieved
	expired []lookalike // delivered, and due to be deleted
	again   []entry     // that failed before: to be retrieved behind the others, should they break the line once more
	octets  int64       // of unseen, as far as known
	reused  int         // UIDLs that the ledger knows with another size
	staying int         // delivered and due, of which nothing was delivered that would let them be deleted
	unread  int         // delivered and due, but not read right, and kept nowhere else
	// uncopied are those of them of which the quarantine had no room for a copy.
	uncopied []lookalike
	pending  int // messages whose last retrieval failed and whose wait is not over
	kept     int // delivered or in quarantine, and left on the server so far
	present  int // of these, those that are thought to be there
	// suspects have the UIDL and the size of messages that the server no longer had.
	suspects []lookalike
	found    []ledger.Key // once missed by chance, and listed
	// Of a mailbox whose UIDLs are small numbers, lowest is the least of one that is new and highest the greatest
	// of one that is not; last is that one. named says that they aren't.
	lowest, highest int
	last            lookalike
	named           bool
	// unstuffed are the octets, by number, of messages that were cut at a lone dot before.
	unstuffed map[int]int64
}

// compare sorts the listing's messages by what the ledger knows of them. The
// same UIDL with another size is another message: some servers use UIDLs again. Without a ledger all are new.
func (a *Account) compare(ctx context.Context, led *sqlite.Ledger, l *listing, now time.Time) (difference, error) {
	var d difference
	if led == nil {
		return difference{unseen: l.entries, octets: octetsOf(l.entries)}, nil
	}
	for from := 0; from < len(l.entries); from += lookupChunk {
		chunk := l.entries[from:min(from+lookupChunk, len(l.entries))]
		known, err := a.known(ctx, led, l, chunk)
		if err != nil {
			return d, err
		}
		for _, e := range chunk {
			records := known[string(l.uidls[e.from:e.to])]
			a.sort(&d, e, records, now)
			if !a.skips(e.size) {
				d.noteNumber(l.uidls[e.from:e.to], e, records)
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

func (d *difference) noteNumber(uidl []byte, e entry, records []ledger.Record) {
	n, err := strconv.Atoi(string(uidl))
	switch {
	case d.named:
	case err != nil, len(uidl) > smallNumber, n <= 0:
		d.named = true
	case len(records) > 0 && n > d.highest:
		r, _ := ledger.Match(records, e.size)
		d.highest, d.last = n, lookalike{e, r}
	case len(records) > 0:
	case d.lowest == 0 || n < d.lowest:
		d.lowest = n
	}
}

// numberedAnew reports whether a message is new although its number is below one that is known, as numbers that are
// given out rise: the known one may be another message now.
func (d *difference) numberedAnew() bool {
	return !d.named && d.lowest > 0 && d.lowest < d.highest
}

// known returns what the ledger knows of some entries' UIDLs, by UIDL.
func (a *Account) known(ctx context.Context, led *sqlite.Ledger, l *listing, chunk []entry) (map[string][]ledger.Record, error) {
	uidls := make([]string, len(chunk))
	for i, e := range chunk {
		uidls[i] = l.uidl(e)
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

func (a *Account) sort(d *difference, e entry, known []ledger.Record, now time.Time) {
	r, ok := ledger.Match(known, e.size)
	if r.State == ledger.Delivered || r.State == ledger.DeletePending || r.State == ledger.Quarantined {
		d.kept++
		if r.Missed < 3 {
			d.present++
		}
	}
	switch {
	case r.State == ledger.Deleted, r.Missed > 1:
		d.suspects = append(d.suspects, lookalike{e, r})
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
			d.pending++
			return
		}
		if wasCut(r.Reason) && e.size > 0 {
			if d.unstuffed == nil {
				d.unstuffed = make(map[int]int64)
			}
			d.unstuffed[e.number] = e.size
		}
		d.again = append(d.again, e)
	case r.State == ledger.Quarantined:
		// Left on the server: deleting is for what was delivered.
	case r.Delivered.IsZero():
		// Only taken for delivered, when the ledger was rebuilt: nobody knows.
	case !a.Delete, now.Before(r.Delivered.Add(a.DeleteAfter)):
	case r.Unread:
		d.unread++
		if _, is := delivery.IsWithoutCopy(r.Reason); is {
			d.uncopied = append(d.uncopied, lookalike{e, r})
		}
	case !r.Deletable(a.DeleteEmpty):
		d.staying++
	default:
		d.expired = append(d.expired, lookalike{e, r})
	}
}

func (d *difference) want(e entry) {
	d.unseen = append(d.unseen, e)
	d.octets += max(e.size, 0)
}
