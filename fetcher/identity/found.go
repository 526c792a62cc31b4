package identity

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Found is a message unknown to the ledger, or one that an earlier Adopt recorded.
type Found struct {
	UIDL   string
	Octets int64 // -1 if unknown
	// Header is the beginning of the message, of 64 KiB at most. It is nil where the server
	// does not give it, and good until Look returns.
	Header []byte
}

// foundChunk is how many headers are asked for before it is seen whether the server gives any.
// TOP is optional (RFC 1939 section 7), and servers hang up after many refusals in a row.
const foundChunk = 20

// look shows messages to how.Look, in the order of their numbers, and returns those that are to
// be fetched. whole is false if the line broke; the rest is then shown without headers.
func look(box mailbox.Mailbox, l *Listing, entries []Entry, how Adoption) (fetch map[ledger.Key]bool, whole bool) {
	slices.SortFunc(entries, byNumber)
	fetch = make(map[ledger.Key]bool)
	show := func(e Entry, header []byte) {
		if k := l.Key(e); !how.Look(Found{UIDL: k.UIDL, Octets: k.Size, Header: header}) {
			fetch[k] = true
		}
	}
	var h HeaderReader
	chunk := make([]byte, 4<<10)
	whole = true
	asks := true
	for part := range slices.Chunk(entries, foundChunk) {
		given, shown := 0, make(map[int]bool, len(part))
		if asks {
			err := box.Headers(Numbers(part), func(number int, header io.Reader, err error) error {
				i := slices.IndexFunc(part, func(e Entry) bool { return e.Number == number })
				if i < 0 || shown[number] {
					return &mailbox.StepError{Detail: fmt.Sprintf("the header of message %d came, which was not asked for", number)}
				}
				if err == nil {
					err = h.read(header, chunk)
				}
				switch _, refused := mailbox.Refused(err); {
				case refused:
					show(part[i], nil)
				case err == nil:
					given++
					show(part[i], h.header)
				default:
					return err
				}
				shown[number] = true
				return nil
			})
			whole = err == nil
			asks = whole && given > 0
		}
		for _, e := range part {
			if !shown[e.Number] {
				show(e, nil)
			}
		}
	}
	return fetch, whole
}

// show shows how.Look those of the messages that are about to be adopted. It returns the ones
// that it says were delivered, and how many of an earlier Adopt it forgot, because they are to
// be fetched after all.
func (x *Matcher) show(ctx context.Context, messages []Entry, adopt []ledger.Listed, how Adoption) (delivered []ledger.Listed, forgotten int, whole bool, err error) {
	l := x.Listing
	about := make(map[ledger.Key]bool, len(adopt))
	for _, m := range adopt {
		about[m.Key] = true
	}
	shown := slices.DeleteFunc(slices.Clone(messages), func(e Entry) bool { return !about[l.Key(e)] })
	if how.Again {
		before, err := x.takenForDelivered(ctx)
		if err != nil {
			return nil, 0, false, err
		}
		shown = append(shown, before...)
	}
	fetch, whole := look(x.Mailbox, l, shown, how)
	var again []ledger.Key
	for k := range fetch {
		if !about[k] {
			again = append(again, k)
		}
	}
	if forgotten, err = x.Ledger.Forget(ctx, x.Account.Name, again); err != nil {
		return nil, 0, false, err
	}
	return slices.DeleteFunc(adopt, func(m ledger.Listed) bool { return fetch[m.Key] }), forgotten, whole, nil
}

// takenForDelivered returns the messages that an earlier Adopt recorded without a time of
// delivery.
func (x *Matcher) takenForDelivered(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	err := x.lookup(ctx, func(e Entry, r ledger.Record, recorded bool) {
		if recorded && !r.Skipped && r.State == ledger.Delivered && r.Delivered.IsZero() {
			entries = append(entries, e)
		}
	})
	return entries, err
}
