package identity

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strconv"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Listing is a maildrop's messages as UIDL and LIST give them. The UIDLs stand
// one behind the other in a single buffer, as a mailbox may hold hundreds of
// thousands of messages: an entry costs its UIDL and 24 bytes.
type Listing struct {
	Entries []Entry
	uidls   []byte
	// Nameless are the messages for which the server names no UIDL of any use. What they are
	// called is known once they have been retrieved.
	Nameless   []Entry
	identified map[int]ledger.Key // of these, by number
	unfetchable
}

// Entry is one message of a listing.
type Entry struct {
	Number   int
	Size     int64 // octets, -1 unknown
	from, to uint32
}

// unsizedKey is the size in the key of a message whose octets are not known.
const unsizedKey = -1

// IsNameless reports whether the message has no UIDL of use.
func (e Entry) IsNameless() bool { return e.from == e.to }

// UIDL returns what a message is called: its UIDL, with the mark of one that its UIDL
// alone does not tell apart.
func (l *Listing) UIDL(e Entry) string { return l.Key(e).UIDL }

// Key names a message in the ledger. It is the zero key for one without a UIDL that has
// not been identified.
func (l *Listing) Key(e Entry) ledger.Key {
	if e.IsNameless() {
		return l.identified[e.Number]
	}
	return ledger.Key{UIDL: string(l.uidls[e.from:e.to]), Size: e.Size}
}

func emptyListing() *Listing { return &Listing{identified: make(map[int]ledger.Key)} }

// holdStep is after how much more of a listing it is asked again whether there is memory for it.
const holdStep = 1 << 20

// readUIDLs asks UIDL. hold, unless nil, is asked for leave to hold so many bytes, and for more as the list grows.
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

// add adds a message, whose UIDL may be "".
func (l *Listing) add(number int, uidl string) {
	if uidl == "" {
		l.Nameless = append(l.Nameless, Entry{Number: number, Size: unsizedKey})
		return
	}
	from := len(l.uidls)
	l.uidls = append(l.uidls, uidl...)
	l.Entries = append(l.Entries, Entry{number, unsizedKey, uint32(from), uint32(len(l.uidls))})
}

// separateNumbers leaves each number once, in their order. Of two lines with one number and two UIDLs nobody knows which holds:
// the message is without a UIDL then, and what is known under either is neither fetched nor deleted.
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
		i, nameless := slices.BinarySearchFunc(l.Nameless, e, byNumber)
		switch {
		case differs && !nameless:
			l.Nameless = slices.Insert(l.Nameless, i, Entry{Number: e.Number, Size: unsizedKey})
			fallthrough
		case nameless:
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

// readNumbers asks LIST in the place of UIDL, of a server that does not know that.
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

// separateDuplicates gives the second and later messages that share a UIDL a
// number behind a NUL, which no server can send. RFC 1939 section 7 forbids such
// twins, but Dovecot sends them by default (pop3_uidl_duplicates = allow), and
// taking one for the other would lose mail.
func (l *Listing) separateDuplicates() {
	seed := maphash.MakeSeed()
	first := make(map[uint64]int32, len(l.Entries)) // by hash, as the UIDLs themselves would double the listing
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

// setSizes notes the octets of some messages, by UIDL, that are known without LIST.
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

// readSizes asks LIST and notes the octets of each message, and which messages UIDL left out. Of two sizes none holds.
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

// unlisted returns those of the keys that are not listed.
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

// lists reports whether the listing has a message of this key, as far as it is known what they are called.
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

// rename gives a message another UIDL. The listing is in the order of the numbers, as it is once sizes were asked.
func (l *Listing) rename(number int, uidl string) {
	if i, ok := slices.BinarySearchFunc(l.Entries, number, func(e Entry, n int) int { return e.Number - n }); ok {
		from := len(l.uidls)
		l.uidls = append(l.uidls, uidl...)
		l.Entries[i].from, l.Entries[i].to = uint32(from), uint32(len(l.uidls))
	}
}

// OctetsOf returns the octets of messages together, as far as they are known.
func OctetsOf(entries []Entry) (octets int64) {
	for _, e := range entries {
		octets += max(e.Size, 0)
	}
	return octets
}
