package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Adopted is what [Matcher.Adopt] found.
type Adopted struct {
	// Messages is how many messages are on the server, with and without a UIDL.
	Messages int
	// Recorded is how many messages were recorded as delivered.
	Recorded int
	// New is how many messages were never delivered, and are left to be fetched.
	New int
	// Again is how many of the new messages an earlier Adopt had recorded.
	Again int
	// Nameless is how many messages have no UIDL. Only retrieving them identifies them, so they
	// stay unknown.
	Nameless int
}

// Adoption says what to make of the messages that a server lists and the ledger does not know.
type Adoption struct {
	// Delivered, unless zero, counts as the time of their delivery. With the zero time they are
	// never deleted on the server, because nobody knows whether they were delivered.
	Delivered time.Time
	// UpToDate means that the ledger knows all deliveries. If the server has changed its UIDLs,
	// new messages are then told from delivered ones by their headers.
	UpToDate bool
	// Look, unless nil, is shown every message before it is recorded, and says whether it was
	// delivered. A message that was not is left to be fetched.
	Look func(Found) (delivered bool)
	// Again also shows Look the messages that an earlier Adopt recorded without Delivered.
	Again bool
}

// Adopt lists the mailbox and returns the messages to be recorded as delivered, for the caller
// to record: all that the ledger does not know. Without that, mail would be delivered a second
// time after a ledger was lost or the server changed its UIDLs. Nothing is retrieved, and
// done.Recorded is left to the caller.
//
// whole is false if the line broke while messages were shown to how.Look. That is no error: the
// rest was shown without headers.
func (x *Matcher) Adopt(ctx context.Context, how Adoption) (adopt []ledger.Listed, done Adopted, whole bool, err error) {
	if err := x.listForAdoption(); err != nil {
		return nil, done, false, err
	}
	l := x.Listing
	done.Nameless = len(l.Nameless)
	done.Messages = len(l.Entries) + done.Nameless
	messages, err := x.unknown(ctx)
	if err != nil {
		return nil, done, false, err
	}
	moved := false
	if how.UpToDate {
		if moved, err = mayBeMoved(ctx, x.Ledger, x.Account.Name, len(messages), len(l.Entries)); err != nil {
			return nil, done, false, err
		}
	}
	adopt = listed(l, messages, nil)
	if moved {
		if adopt, err = x.deliveredBefore(ctx, messages); err != nil {
			return nil, done, false, fmt.Errorf("read the headers of the messages of %s: %w", x.Account.Addr, err)
		}
		done.New = len(messages) - len(adopt)
	}
	whole = true
	if how.Look != nil {
		if adopt, done.Again, whole, err = x.show(ctx, messages, adopt, how); err != nil {
			return nil, done, false, err
		}
		done.New = len(messages) - len(adopt) + done.Again
	}
	return adopt, done, whole, nil
}

// listForAdoption asks what the mailbox holds.
func (x *Matcher) listForAdoption() error {
	count, _, err := x.Mailbox.Stat()
	if err != nil {
		return x.notListed("ask the size", err)
	}
	x.Listing, err = readUIDLs(x.Mailbox, nil)
	if nothingThere(err, count) {
		x.Listing = emptyListing()
		return nil
	}
	if err != nil {
		return x.notListed("list the UIDLs", err)
	}
	if err := x.Listing.readSizes(x.Mailbox); err != nil && !nothingThere(err, count) {
		return x.notListed("list the sizes", err)
	}
	x.Listing.complete(count)
	return nil
}

func listed(l *Listing, entries []Entry, ids map[int]ledger.Identity) []ledger.Listed {
	all := make([]ledger.Listed, len(entries))
	for i, e := range entries {
		all[i] = ledger.Listed{Key: l.Key(e), Identity: ids[e.Number]}
	}
	return all
}

// deliveredBefore returns the messages that may have been delivered. These are all of them,
// unless at least half of those with an identifying header are known; then they are the known
// ones and those without such a header.
func (x *Matcher) deliveredBefore(ctx context.Context, entries []Entry) ([]ledger.Listed, error) {
	all := make([]ledger.Listed, 0, len(entries))
	known := ledger.Known{Headers: make(map[[32]byte]bool), MessageIDs: make(map[string]bool)}
	for chunk := range slices.Chunk(entries, examineChunk) {
		ids, _, err := AskHeaders(x.Mailbox, Numbers(chunk))
		if err != nil {
			return nil, err
		}
		more, err := x.Ledger.Known(ctx, x.Account.Name, slices.Collect(maps.Values(ids)))
		if err != nil {
			return nil, err
		}
		maps.Copy(known.Headers, more.Headers)
		maps.Copy(known.MessageIDs, more.MessageIDs)
		all = append(all, listed(x.Listing, chunk, ids)...)
	}
	return knownOf(all, known), nil
}

// knownOf returns those of all that deliveredBefore must return. The same Message-ID with
// another header is another message, unless most of the known ones have other headers than
// before: a server may add fields to them.
func knownOf(all []ledger.Listed, known ledger.Known) (before []ledger.Listed) {
	identified, byHeader, byID := 0, 0, 0
	for _, m := range all {
		if m.Identity != (ledger.Identity{}) {
			identified++
		}
		if _, ok := known.MessageIDs[m.MessageID]; known.Headers[m.Header] {
			byHeader++
		} else if ok {
			byID++
		}
	}
	if float64(byHeader+byID) < changedKnown*float64(identified) {
		return all
	}
	telling := byHeader >= byID
	for _, m := range all {
		unknownHeader, ok := known.MessageIDs[m.MessageID]
		switch {
		case known.Headers[m.Header], m.Identity == ledger.Identity{}, ok && (unknownHeader || !telling), m.MessageID == "" && !telling:
			before = append(before, m)
		}
	}
	return before
}

// unknown returns the messages that the ledger has no record of, not even of a failure.
func (x *Matcher) unknown(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	err := x.lookup(ctx, func(e Entry, _ ledger.Record, recorded bool) {
		if !recorded {
			entries = append(entries, e)
		}
	})
	return entries, err
}
