package identity

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Listing is the messages of a maildrop as UIDL and LIST give them (RFC 1939 sections 5 and 7).
// All UIDLs stand in a single buffer, because a mailbox may hold hundreds of thousands of
// messages: an entry costs its UIDL and 24 bytes.
type Listing struct {
	Entries []Entry
	uidls   []byte
	// Nameless are the messages without a usable UIDL. Their keys are known once they have been
	// retrieved.
	Nameless   []Entry
	identified map[int]ledger.Key // keys of the nameless messages, by number
	unfetchable
}

// Entry is one message of a listing.
type Entry struct {
	Number   int
	Size     int64 // -1 if unknown
	from, to uint32
}

// unsizedKey is the size in the key of a message of unknown size.
const unsizedKey = -1

// IsNameless reports whether the message has no usable UIDL.
func (e Entry) IsNameless() bool { return e.from == e.to }

// UIDL returns the UIDL in the message's key. A mark stands behind it where several messages
// have that UIDL (see [ledger.OtherMark]).
func (l *Listing) UIDL(e Entry) string { return l.Key(e).UIDL }

// Key returns the message's key in the ledger: the zero key for a message without a UIDL that
// has not been retrieved yet.
func (l *Listing) Key(e Entry) ledger.Key {
	if e.IsNameless() {
		return l.identified[e.Number]
	}
	return ledger.Key{UIDL: string(l.uidls[e.from:e.to]), Size: e.Size}
}

func emptyListing() *Listing { return &Listing{identified: make(map[int]ledger.Key)} }

// holdStep is how many bytes a listing grows by before readUIDLs asks for memory again.
const holdStep = 1 << 20

// readUIDLs asks UIDL. hold, unless nil, is asked for leave to hold the bytes of the listing,
// and again as it grows; its error ends the list.
func readUIDLs(box mailbox.Mailbox, hold func(bytes int64) error) (*Listing, error) {
	l := emptyListing()
	var held int64
	odd, err := box.Keys(func(n int, uidl string) error {
		l.add(n, uidl)
		if bytes := int64(len(l.uidls) + 24*(len(l.Entries)+len(l.Nameless))); hold != nil && bytes > held {
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

// add adds a message. uidl is "" for one without.
func (l *Listing) add(number int, uidl string) {
	if uidl == "" {
		l.Nameless = append(l.Nameless, Entry{Number: number, Size: unsizedKey})
		return
	}
	from := len(l.uidls)
	l.uidls = append(l.uidls, uidl...)
	l.Entries = append(l.Entries, Entry{number, unsizedKey, uint32(from), uint32(len(l.uidls))})
}

// separateNumbers leaves each number once, in ascending order. Where two lines give one number
// two UIDLs, nobody knows which is right: the message counts as one without a UIDL, and
// messages recorded under either are neither fetched nor deleted.
func (l *Listing) separateNumbers() {
	sortByNumber(l.Entries)
	sortByNumber(l.Nameless)
	l.Nameless = slices.CompactFunc(l.Nameless, sameNumber)
	whole := l.Entries[:0]
	for rest := l.Entries; len(rest) > 0; {
		n := 1
		for n < len(rest) && sameNumber(rest[0], rest[n]) {
			n++
		}
		e, _, more := rest[0], rest[1:n], rest[n:]
		differs := slices.ContainsFunc(rest[1:n], func(other Entry) bool { return !bytes.Equal(l.uidls[e.from:e.to], l.uidls[other.from:other.to]) })
		i, withoutUIDL := slices.BinarySearchFunc(l.Nameless, e, byNumber)
		switch {
		case differs && !withoutUIDL:
			l.Nameless = slices.Insert(l.Nameless, i, Entry{Number: e.Number, Size: unsizedKey})
			fallthrough
		case withoutUIDL:
			l.note(fmt.Sprintf("message %d has two UIDLs", e.Number))
		default:
			whole = append(whole, e)
		}
		rest = more
	}
	l.Entries = whole
}

func sortByNumber(entries []Entry) {
	if !slices.IsSortedFunc(entries, byNumber) {
		slices.SortStableFunc(entries, byNumber)
	}
}

func sameNumber(a, b Entry) bool { return a.Number == b.Number }

func byNumber(a, b Entry) int { return a.Number - b.Number }

// readNumbers asks LIST instead of UIDL, from a server that does not know UIDL.
func readNumbers(box mailbox.Mailbox) (*Listing, error) {
	l := emptyListing()
	odd, err := box.Sizes(func(n int, size int64) error {
		l.Nameless = append(l.Nameless, Entry{Number: n, Size: size})
		return nil
	})
	l.note(odd...)
	sortByNumber(l.Nameless)
	l.Nameless = slices.CompactFunc(l.Nameless, sameNumber)
	return l, err
}

// separateDuplicates marks the second and later messages that share a UIDL: NUL, which no
// server can send, and a number are put behind it. RFC 1939 section 7 forbids such twins, but
// Dovecot sends them by default (pop3_uidl_duplicates = allow), and mail would be lost if one
// passed for the other.
func (l *Listing) separateDuplicates() {
	seed := maphash.MakeSeed()
	first := make(map[uint64]int32, len(l.Entries)) // by hash: UIDLs would double the listing
	twins := make(map[string]int)
	for i, e := range l.Entries {
		uidl := l.uidls[e.from:e.to]
		hash := maphash.Bytes(seed, uidl)
		j, seen := first[hash]
		if !seen {
			first[hash] = int32(i)
			continue
		}
		if twin := l.Entries[j]; !bytes.Equal(uidl, l.uidls[twin.from:twin.to]) {
			continue
		}
		twins[string(uidl)]++
		from := len(l.uidls)
		l.uidls = append(l.uidls, uidl...)
		l.uidls = append(l.uidls, 0)
		l.uidls = strconv.AppendInt(l.uidls, int64(twins[string(uidl)]+1), 10)
		l.Entries[i].from, l.Entries[i].to = uint32(from), uint32(len(l.uidls))
	}
}

// setSizes notes sizes that are known without LIST, in octets by UIDL.
func (l *Listing) setSizes(octets map[string]int64) {
	if len(octets) == 0 {
		return
	}
	for i, e := range l.Entries {
		if size, ok := octets[string(l.uidls[e.from:e.to])]; ok {
			l.Entries[i].Size = size
		}
	}
}

// readSizes asks LIST and notes the octets of each message, and which messages UIDL left out. A
// message that LIST gives two sizes has none.
func (l *Listing) readSizes(box mailbox.Mailbox) error {
	for _, entries := range [][]Entry{l.Entries, l.Nameless} {
		sortByNumber(entries)
		for i := range entries {
			entries[i].Size = unsizedKey
		}
	}
	l.extra = nil
	doubtful := make(map[int]bool)
	_, err := box.Sizes(func(n int, size int64) error {
		for _, entries := range [][]Entry{l.Entries, l.Nameless} {
			i, ok := slices.BinarySearchFunc(entries, Entry{Number: n}, byNumber)
			if !ok {
				continue
			}
			if e := &entries[i]; doubtful[n] || e.Size >= 0 && e.Size != size {
				e.Size, doubtful[n] = unsizedKey, true
			} else {
				e.Size = size
			}
			return nil
		}
		if _, left := slices.BinarySearch(l.left, n); !left {
			l.extra = append(l.extra, Entry{Number: n, Size: size})
		}
		return nil
	})
	sortByNumber(l.extra)
	l.extra = slices.CompactFunc(l.extra, sameNumber)
	return err
}

// unlisted returns those of the keys that the listing lacks.
func (l *Listing) unlisted(keys []ledger.Key) []ledger.Key {
	missed := make(map[string][]ledger.Key)
	for _, k := range keys {
		missed[k.UIDL] = append(missed[k.UIDL], k)
	}
	for _, e := range l.Entries {
		if keys := missed[string(l.uidls[e.from:e.to])]; len(keys) > 0 {
			uidl := keys[0].UIDL
			missed[uidl] = slices.DeleteFunc(keys, func(k ledger.Key) bool { return e.Size < 0 || k.Size < 0 || k.Size == e.Size })
		}
	}
	return slices.Concat(slices.Collect(maps.Values(missed))...)
}

// lists reports whether the listing has a message of this key, as far as keys are known by now.
func (l *Listing) lists(k ledger.Key) bool {
	for _, identified := range l.identified {
		if identified == k {
			return true
		}
	}
	for _, e := range l.Entries {
		if string(l.uidls[e.from:e.to]) == k.UIDL && (e.Size == k.Size || e.Size < 0 || k.Size < 0) {
			return true
		}
	}
	return false
}

// rename gives a message another UIDL. The entries must be in the order of their numbers, as
// readSizes leaves them.
func (l *Listing) rename(number int, uidl string) {
	if i, ok := slices.BinarySearchFunc(l.Entries, number, func(e Entry, n int) int { return e.Number - n }); ok {
		from := len(l.uidls)
		l.uidls = append(l.uidls, uidl...)
		l.Entries[i].from, l.Entries[i].to = uint32(from), uint32(len(l.uidls))
	}
}

// Numbers returns the messages' numbers, in the order of entries.
func Numbers(entries []Entry) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, e := range entries {
			if !yield(e.Number) {
				return
			}
		}
	}
}

// OctetsOf returns the sum of the messages' octets. Unknown sizes count as 0.
func OctetsOf(entries []Entry) (octets int64) {
	for _, e := range entries {
		octets += max(e.Size, 0)
	}
	return octets
}
