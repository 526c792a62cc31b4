package fetcher

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
)

// listing is a maildrop's messages as UIDL and LIST give them. The UIDLs stand
// one behind the other in a single buffer, as a mailbox may hold hundreds of
// thousands of messages: an entry costs its UIDL and 24 bytes.
type listing struct {
	entries []entry
	uidls   []byte
	// nameless are the messages for which the server names no UIDL. What they are
	// called is known once they have been retrieved.
	nameless   []entry
	identified map[int]ledger.Key // of these, by number
}

type entry struct {
	number   int
	size     int64 // octets, -1 unknown
	from, to uint32
}

// unsizedKey is the size in the key of a message whose octets are not known.
const unsizedKey = -1

func (e entry) nameless() bool { return e.from == e.to }

func (l *listing) uidl(e entry) string { return l.key(e).UIDL }

func (l *listing) key(e entry) ledger.Key {
	if e.nameless() {
		return l.identified[e.number]
	}
	return ledger.Key{UIDL: string(l.uidls[e.from:e.to]), Size: e.size}
}

// readUIDLs asks UIDL.
func readUIDLs(c *pop3.Client) (*listing, error) {
	l := &listing{identified: make(map[int]ledger.Key)}
	err := c.Uidl(func(n int, uidl string) error {
		if uidl == "" {
			l.nameless = append(l.nameless, entry{number: n, size: unsizedKey})
			return nil
		}
		from := len(l.uidls)
		l.uidls = append(l.uidls, uidl...)
		l.entries = append(l.entries, entry{n, unsizedKey, uint32(from), uint32(len(l.uidls))})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n, twice := l.numberTwice(); twice {
		return nil, fmt.Errorf("server lists message %d twice: %w", n, pop3.ErrDesync)
	}
	l.separateDuplicates()
	return l, nil
}

// numberTwice finds a number that two lines have: nobody knows, then, which of them holds. It leaves the
// entries in the order of their numbers.
func (l *listing) numberTwice() (int, bool) {
	if !slices.IsSortedFunc(l.entries, byNumber) {
		slices.SortStableFunc(l.entries, byNumber)
	}
	for i := 1; i < len(l.entries); i++ {
		if l.entries[i].number == l.entries[i-1].number {
			return l.entries[i].number, true
		}
	}
	return 0, false
}

func byNumber(a, b entry) int { return a.number - b.number }

// readNumbers asks LIST in the place of UIDL, of a server that does not know that.
func readNumbers(c *pop3.Client) (*listing, error) {
	l := &listing{identified: make(map[int]ledger.Key)}
	err := c.List(func(n int, size int64) error {
		l.nameless = append(l.nameless, entry{number: n, size: size})
		return nil
	})
	return l, err
}

// separateDuplicates gives the second and later messages that share a UIDL a
// number behind a NUL, which no server can send. RFC 1939 section 7 forbids such
// twins, but Dovecot sends them by default (pop3_uidl_duplicates = allow), and
// taking one for the other would lose mail.
func (l *listing) separateDuplicates() {
	seed := maphash.MakeSeed()
	first := make(map[uint64]int32, len(l.entries)) // by hash, as the UIDLs themselves would double the listing
	twins := make(map[string]int)
	for i, e := range l.entries {
		uidl := l.uidls[e.from:e.to]
		hash := maphash.Bytes(seed, uidl)
		j, seen := first[hash]
		if !seen {
			first[hash] = int32(i)
			continue
		}
		if twin := l.entries[j]; !bytes.Equal(uidl, l.uidls[twin.from:twin.to]) {
			continue
		}
		twins[string(uidl)]++
		from := len(l.uidls)
		l.uidls = append(l.uidls, uidl...)
		l.uidls = append(l.uidls, 0)
		l.uidls = strconv.AppendInt(l.uidls, int64(twins[string(uidl)]+1), 10)
		l.entries[i].from, l.entries[i].to = uint32(from), uint32(len(l.uidls))
	}
}

// readSizes asks LIST and notes the octets of each message.
func (l *listing) readSizes(c *pop3.Client) error {
	for _, entries := range [][]entry{l.entries, l.nameless} {
		if !slices.IsSortedFunc(entries, byNumber) {
			slices.SortStableFunc(entries, byNumber)
		}
	}
	err := c.List(func(n int, size int64) error {
		for _, entries := range [][]entry{l.entries, l.nameless} {
			if i, ok := slices.BinarySearchFunc(entries, entry{number: n}, byNumber); ok {
				entries[i].size = size
			}
		}
		return nil
	})
	return err
}

// lookupChunk is how many UIDLs one question to the ledger names.
const lookupChunk = 500

// difference is what a listing and the ledger make of each other.
type difference struct {
	unseen  []entry     // to be retrieved
	expired []lookalike // delivered, and due to be deleted
	octets  int64       // of unseen, as far as known
	reused  int         // UIDLs that the ledger knows with another size
	pending int         // messages whose last retrieval failed and whose wait is not over
	kept    int         // delivered or in quarantine, and left on the server so far
	present int         // of these, those that are thought to be there
	// suspects have the UIDL and the size of messages that the server no longer had.
	suspects []lookalike
	found    []ledger.Key // once missed by chance, and listed
	// Of a mailbox whose UIDLs are small numbers, lowest is the least of one that is new and highest the greatest
	// of one that is not. named says that they aren't.
	lowest, highest int
	named           bool
	// unstuffed are the octets, by number, of messages that were cut at a lone dot before.
	unstuffed map[int]int64
}

// compare sorts the listing's messages by what the ledger knows of them. The
// same UIDL with another size is another message: some servers use UIDLs again.
func (a *Account) compare(ctx context.Context, led *ledger.Ledger, l *listing, now time.Time) (difference, error) {
	var d difference
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
				d.noteNumber(l.uidls[e.from:e.to], len(records) > 0)
			}
		}
	}
	return d, nil
}

// smallNumber is the most digits of a UIDL that counts messages. What is longer may mean anything.
const smallNumber = 7

func (d *difference) noteNumber(uidl []byte, known bool) {
	n, err := strconv.Atoi(string(uidl))
	switch {
	case d.named:
	case err != nil, len(uidl) > smallNumber, n <= 0:
		d.named = true
	case known:
		d.highest = max(d.highest, n)
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
func (a *Account) known(ctx context.Context, led *ledger.Ledger, l *listing, chunk []entry) (map[string][]ledger.Record, error) {
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
		if strings.Contains(r.Reason, pop3.CutAtLoneDot) && e.size > 0 {
			if d.unstuffed == nil {
				d.unstuffed = make(map[int]int64)
			}
			d.unstuffed[e.number] = e.size
		}
		d.want(e)
	case r.State == ledger.Quarantined:
		// Left on the server: deleting is for what was delivered.
	case r.Delivered.IsZero():
		// Only taken for delivered, when the ledger was rebuilt: nobody knows.
	case a.Delete && !now.Before(r.Delivered.Add(a.DeleteAfter)):
		d.expired = append(d.expired, lookalike{e, r})
	}
}

func (d *difference) want(e entry) {
	d.unseen = append(d.unseen, e)
	d.octets += max(e.size, 0)
}

// LoginError says that the server refused the login.
type LoginError struct {
	Addr, Mechanism string
	Err             error
}

// Error returns the step, the mechanism and the server's words.
func (e *LoginError) Error() string {
	return fmt.Sprintf("log in to %s with %s: %v", e.Addr, e.Mechanism, e.Err)
}

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }
