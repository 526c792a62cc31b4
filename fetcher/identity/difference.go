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

// Difference is the listing, sorted by what the ledger knows of each message.
type Difference struct {
	// Unseen are to be retrieved.
	Unseen []Entry
	// Octets is the sum of the sizes of Unseen, as far as these are known.
	Octets int64
	// Expired were delivered and are due to be deleted.
	Expired []Lookalike
	// Staying is how many messages are due to be deleted and stay on the server, because no
	// file of them was delivered.
	Staying int
	// Unread is how many messages are due to be deleted and stay on the server, because
	// something of them could not be read right and no copy is kept elsewhere.
	Unread int
	// Uncopied are the unread messages without a copy, as the quarantine had no room for one.
	Uncopied []Lookalike
	// Pending is how many messages failed before and wait for their next attempt.
	Pending int
	// Unstuffed has the octets, by number, of messages that ended at an unstuffed dot at an
	// earlier attempt (RFC 1939 section 3).
	Unstuffed map[int]int64

	again   []Entry // messages that failed before: retrieved last, as they may break the line again
	reused  int     // UIDLs that the ledger has with another size
	kept    int     // messages delivered or in quarantine, and not deleted
	skipped int     // messages that were there before the account's start, or may have been
	present int     // those of the kept ones that the ledger takes to be on the server
	// suspects have the UIDL and size of messages that the server no longer had.
	suspects []Lookalike
	found    []ledger.Key // messages that one listing lacked by mistake
	numbers  numbering
	// undecided, by number, may have been there before the account's start.
	undecided map[int]bool
}

// numbering tells of a mailbox whether its UIDLs are small numbers, given out in order.
type numbering struct {
	named           bool // some UIDL is no small number
	lowest, highest int  // lowest UIDL of a new message, highest of a known one
	last            Lookalike
}

// compare sorts the listing's messages by what the ledger knows of them. The same UIDL with
// another size is another message, because some servers use UIDLs again. Without a ledger all
// messages are new. cut is the store's word for a message that ended at an unstuffed dot.
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

// smallNumber is the most digits of a UIDL that counts messages. A longer number may mean
// anything, such as a time.
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

// anew reports whether a new message has a lower number than a known one. Numbers that are
// given out in order only rise, so the known number may belong to another message now.
func (d *numbering) anew() bool {
	return !d.named && d.lowest > 0 && d.lowest < d.highest
}

// known returns what the ledger knows of the entries' UIDLs, by UIDL as listed.
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
	if r.Skipped {
		d.skipped++
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
		if r.Skipped {
			note(&d.undecided, e.Number)
		}
		if ledger.Waits(now, r.NextAttempt) {
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
		// It stays on the server: only delivered messages are deleted.
	case r.Skipped, r.Delivered.IsZero():
		// It was recorded by Adopt without a time, so nobody knows whether it was delivered, or it
		// was there before the start.
	case !a.Delete, now.Before(r.Delivered.Add(a.DeleteAfter)):
	case r.Unread:
		d.Unread++
		if _, is := ledger.IsWithoutCopy(r.Reason); is {
			d.Uncopied = append(d.Uncopied, Lookalike{e, r})
		}
	case !r.Deletable(a.DeleteEmpty):
		d.Staying++
	case ledger.Waits(now, r.NextAttempt): // the connection broke at its deletion
	default:
		d.Expired = append(d.Expired, Lookalike{e, r})
	}
}

func (d *Difference) want(e Entry) {
	d.Unseen = append(d.Unseen, e)
	d.Octets += max(e.Size, 0)
}

// lookup calls fn with each listed message that has a UIDL, and with its record if it has one.
func (x *Matcher) lookup(ctx context.Context, fn func(e Entry, r ledger.Record, recorded bool)) error {
	for chunk := range slices.Chunk(x.Listing.Entries, lookupChunk) {
		known, err := x.Account.known(ctx, x.Ledger, x.Listing, chunk)
		if err != nil {
			return err
		}
		for _, e := range chunk {
			r, recorded := ledger.Match(known[x.Listing.UIDL(e)], e.Size)
			fn(e, r, recorded)
		}
	}
	return nil
}

// Recorded returns the ledger's records of listed messages, by their numbers. A message without
// a record has the zero [ledger.Record].
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
