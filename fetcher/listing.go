package fetcher

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

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
