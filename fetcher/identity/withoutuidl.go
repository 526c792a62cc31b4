package identity

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Some servers do not know UIDL (RFC 1939 section 7 makes it optional), and some leave it out
// of a line. A message without a UIDL is known by its digest, and so only once it has been
// retrieved: at every poll. That will do where messages are deleted as soon as they are
// delivered, and nowhere else.

// readListing lists the mailbox by UIDL or, if the server does not know that, by number. count
// is the answer to STAT.
func (x *Matcher) readListing(ctx context.Context, count int) (*Listing, error) {
	if x.Manner.OneByOne {
		l, err := x.readOneByOne()
		if err == nil {
			x.Account.leaveWithoutUIDL(l)
		}
		return l, err
	}
	l, err := readUIDLs(x.Mailbox, x.Hold)
	x.noteEndless(err, Endless{List: "UIDL"})
	if nothingThere(err, count) {
		return emptyListing(), nil
	}
	if reply, ok := mailbox.Refused(err); ok && reply.Unexplained() {
		// Its messages are recorded by UIDL. By their digests they would be delivered again.
		named := false
		if x.Ledger != nil {
			var lookupErr error
			if named, lookupErr = x.Ledger.NamesUIDLs(ctx, x.Account.Name); lookupErr != nil {
				return nil, lookupErr
			}
		}
		if named {
			return nil, fmt.Errorf("%w (although it knows UIDL; if it does no more: attachd state forget %s)", err, x.Account.Name)
		}
		if !x.Account.DeletesAtOnce() {
			return nil, withoutUIDL(err)
		}
		l, err = readNumbers(x.Mailbox)
	}
	if err != nil {
		return nil, err
	}
	x.Account.leaveWithoutUIDL(l)
	return l, nil
}

// withoutUIDL explains the refusal of UIDL.
func withoutUIDL(err error) error {
	return fmt.Errorf("%w (without UIDL, messages that stay on the server can't be told from new ones: only after: delete without delete_after will do)", err)
}

// nothingThere reports whether a server refused UIDL or LIST because the mailbox is empty.
// Servers say that in any words, so the text is not looked at; a response code that tells of a
// fault is believed.
func nothingThere(err error, count int) bool {
	reply, ok := mailbox.Refused(err)
	return ok && count == 0 && !reply.Trouble()
}

// Turns returns the order in which to fetch messages without a UIDL: a random one. Nothing can
// be recorded against a message that breaks the line, so another one comes first each time.
func Turns(entries []Entry) []Entry {
	shuffled := make([]Entry, len(entries))
	for i, j := range rand.Perm(len(entries)) {
		shuffled[i] = entries[j]
	}
	return shuffled
}

// nameByDigest gives a message the key that its digest makes, and returns its standing. Of two
// messages with the same bytes the second counts as another one: somebody sent it twice.
func (x *Matcher) nameByDigest(ctx context.Context, e Entry, read Read, m *ledger.Message) (Standing, error) {
	name, is, err := x.recorded(ctx, x.digestNames(read), read.Octets)
	if err != nil {
		return Unknown, fmt.Errorf("read the record of a message without a UIDL: %w", err)
	}
	m.Key = ledger.Key{UIDL: name, Size: read.Octets}
	x.Listing.identified[e.Number] = m.Key
	return is, nil
}

// digestNames returns what may stand for the UIDL of a message without one in its key, one for each
// digest, that of the own kind first.
func (x *Matcher) digestNames(read Read) (names []string) {
	if x.missing.twins == nil {
		x.missing.twins = make(map[string]int)
	}
	for d := range read.Digests.All() {
		name := ledger.DigestUIDL(d)
		n := x.missing.twins[name]
		x.missing.twins[name]++
		if n > 0 {
			name += "-" + strconv.Itoa(n+1)
		}
		names = append(names, name)
	}
	return names
}

// deliveredWithoutUIDL reports whether a message with a UIDL was delivered when the server gave
// none, and was not deleted: the server may have refused UIDL for once, and the answer to QUIT
// been lost. It returns the key of that delivery.
func (x *Matcher) deliveredWithoutUIDL(ctx context.Context, read Read) (_ ledger.Key, found bool, err error) {
	names := x.digestNames(read)
	records, err := x.Ledger.Lookup(ctx, x.Account.Name, names)
	if err != nil {
		return ledger.Key{}, false, err
	}
	for _, name := range names {
		r, _ := ledger.Match(under(records, name), read.Octets)
		if r.State == ledger.Delivered || r.State == ledger.DeletePending {
			return r.Key, true, nil
		}
	}
	return ledger.Key{}, false, nil
}
