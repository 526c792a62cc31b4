package fetcher

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// listing is a maildrop's messages as UIDL and LIST give them. The UIDLs stand
// one behind the other in a single buffer, as a mailbox may hold hundreds of
// thousands of messages: an entry costs its UIDL and 24 bytes.
type listing struct {
	entries []entry
	uidls   []byte
	// nameless are the messages for which the server names no UIDL of any use. What they are
	// called is known once they have been retrieved.
	nameless   []entry
	identified map[int]ledger.Key // of these, by number
	unfetchable
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

func emptyListing() *listing { return &listing{identified: make(map[int]ledger.Key)} }

// readUIDLs asks UIDL. hold, unless nil, is asked for leave to hold so many bytes, and for more as the list grows.
func readUIDLs(box mailbox.Mailbox, hold func(bytes int64) error) (*listing, error) {
	l := emptyListing()
	var held int64
	odd, err := box.Keys(func(n int, uidl string) error {
		l.add(n, uidl)
		if bytes := int64(len(l.uidls) + 24*(len(l.entries)+len(l.nameless))); hold != nil && bytes > held {
			held = bytes + holdStep
			return hold(held)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	l.note(odd...)
	l.separateNumbers()
	l.separateDuplicates()
	return l, nil
}

// add adds a message, whose UIDL may be "".
func (l *listing) add(number int, uidl string) {
	if uidl == "" {
		l.nameless = append(l.nameless, entry{number: number, size: unsizedKey})
		return
	}
	from := len(l.uidls)
	l.uidls = append(l.uidls, uidl...)
	l.entries = append(l.entries, entry{number, unsizedKey, uint32(from), uint32(len(l.uidls))})
}

// separateNumbers leaves each number once, in their order. Of two lines with one number and two UIDLs nobody knows which holds:
// the message is without a UIDL then, and what is known under either is neither fetched nor deleted.
func (l *listing) separateNumbers() {
	sortByNumber(l.entries)
	sortByNumber(l.nameless)
	l.nameless = slices.CompactFunc(l.nameless, sameNumber)
	whole := l.entries[:0]
	for rest := l.entries; len(rest) > 0; {
		n := 1
		for n < len(rest) && sameNumber(rest[0], rest[n]) {
			n++
		}
		e, _, more := rest[0], rest[1:n], rest[n:]
		differs := slices.ContainsFunc(rest[1:n], func(other entry) bool { return !bytes.Equal(l.uidls[e.from:e.to], l.uidls[other.from:other.to]) })
		i, nameless := slices.BinarySearchFunc(l.nameless, e, byNumber)
		switch {
		case differs && !nameless:
			l.nameless = slices.Insert(l.nameless, i, entry{number: e.number, size: unsizedKey})
			fallthrough
		case nameless:
			l.note(fmt.Sprintf("message %d has two UIDLs", e.number))
		default:
			whole = append(whole, e)
		}
		rest = more
	}
	l.entries = whole
}

func sortByNumber(entries []entry) {
	if !slices.IsSortedFunc(entries, byNumber) {
		slices.SortStableFunc(entries, byNumber)
	}
}

func sameNumber(a, b entry) bool { return a.number == b.number }

func byNumber(a, b entry) int { return a.number - b.number }

// readNumbers asks LIST in the place of UIDL, of a server that does not know that.
func readNumbers(box mailbox.Mailbox) (*listing, error) {
	l := emptyListing()
	odd, err := box.Sizes(func(n int, size int64) error {
		l.nameless = append(l.nameless, entry{number: n, size: size})
		return nil
	})
	l.note(odd...)
	sortByNumber(l.nameless)
	l.nameless = slices.CompactFunc(l.nameless, sameNumber)
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

// setSizes notes the octets of some messages, by UIDL, that are known without LIST.
func (l *listing) setSizes(octets map[string]int64) {
	if len(octets) == 0 {
		return
	}
	for i, e := range l.entries {
		if size, ok := octets[string(l.uidls[e.from:e.to])]; ok {
			l.entries[i].size = size
		}
	}
}

// readSizes asks LIST and notes the octets of each message, and which messages UIDL left out. Of two sizes none holds.
func (l *listing) readSizes(box mailbox.Mailbox) error {
	for _, entries := range [][]entry{l.entries, l.nameless} {
		sortByNumber(entries)
		for i := range entries {
			entries[i].size = unsizedKey
		}
	}
	l.extra = nil
	doubtful := make(map[int]bool)
	_, err := box.Sizes(func(n int, size int64) error {
		for _, entries := range [][]entry{l.entries, l.nameless} {
			i, ok := slices.BinarySearchFunc(entries, entry{number: n}, byNumber)
			if !ok {
				continue
			}
			if e := &entries[i]; doubtful[n] || e.size >= 0 && e.size != size {
				e.size, doubtful[n] = unsizedKey, true
			} else {
				e.size = size
			}
			return nil
		}
		if _, left := slices.BinarySearch(l.left, n); !left {
			l.extra = append(l.extra, entry{number: n, size: size})
		}
		return nil
	})
	sortByNumber(l.extra)
	l.extra = slices.CompactFunc(l.extra, sameNumber)
	return err
}
