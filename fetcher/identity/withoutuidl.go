package identity

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Some servers know no UIDL (RFC 1939 section 7 makes it optional), and some leave it out
// of a line. Such a message is known by its digest, and thus only once it has been
// retrieved: at every poll. That will do where messages are deleted as soon as they are
// delivered, and nowhere else.

// readListing asks what there is, by UIDL or, if there is no such thing, by number. count is the answer to STAT.
func (x *Matcher) readListing(ctx context.Context, count int) (*Listing, error) {
	if x.Manner.OneByOne {
		l, err := x.readOneByOne()
		if err == nil {
			x.Account.leaveNameless(l)
		}
		return l, err
	}
	l, err := readUIDLs(x.Mailbox, x.Hold)
	x.noteEndless(err, Endless{List: "UIDL"})
	if nothingThere(err, count) {
		return emptyListing(), nil
	}
	if reply, ok := mailbox.Refused(err); ok && reply.Unexplained() {
		// Its messages have names, and by others they would be fetched again.
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
	x.Account.leaveNameless(l)
	return l, nil
}

// withoutUIDL explains the refusal of UIDL.
func withoutUIDL(err error) error {
	return fmt.Errorf("%w (without UIDL, messages that stay on the server can't be told from new ones: only after: delete without delete_after will do)", err)
}

// nothingThere reports whether a server refused UIDL or LIST as the mailbox is empty, for which there are as many words as servers; but a
// code that says that something is wrong is believed.
func nothingThere(err error, count int) bool {
	reply, ok := mailbox.Refused(err)
	return ok && count == 0 && !reply.Trouble()
}

// Turns is the order in which messages without a UIDL are fetched. As nothing can be
// noted against one that breaks the line, another one comes first each time.
func Turns(nameless []Entry) []Entry {
	shuffled := make([]Entry, len(nameless))
	for i, j := range rand.Perm(len(nameless)) {
		shuffled[i] = nameless[j]
	}
	return shuffled
}

// nameIt gives a message its name, by what was read of it, and says what the ledger
// makes of it. Of messages that are the same byte for byte the
// second one is another one, as somebody has sent it twice.
func (x *Matcher) nameIt(ctx context.Context, e Entry, read Read, m *ledger.Message) (Standing, error) {
	name := x.digestName(read)
	m.Key = ledger.Key{UIDL: name, Size: read.Octets}
	x.Listing.identified[e.Number] = m.Key
	records, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{name})
	if err != nil {
		return Unknown, fmt.Errorf("read the record of a message without a UIDL: %w", err)
	}
	return standingOf(records, read.Octets), nil
}

// digestName is what stands for the UIDL of the message that was read.
func (x *Matcher) digestName(read Read) string {
	name := ledger.DigestMark + hex.EncodeToString(read.Digest)
	if x.missing.twins == nil {
		x.missing.twins = make(map[string]int)
	}
	n := x.missing.twins[name]
	x.missing.twins[name]++
	if n > 0 {
		name += "-" + strconv.Itoa(n+1)
	}
	return name
}

// namelessBefore finds out whether a message that has a UIDL was delivered when the server gave none, and is not
// deleted: the server may have refused UIDL for once, and the answer to QUIT been lost.
func (x *Matcher) namelessBefore(ctx context.Context, read Read) (_ ledger.Key, found bool, err error) {
	name := x.digestName(read)
	records, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{name})
	if err != nil {
		return ledger.Key{}, false, err
	}
	r, _ := ledger.Match(records, read.Octets)
	return r.Key, r.State == ledger.Delivered || r.State == ledger.DeletePending, nil
}
