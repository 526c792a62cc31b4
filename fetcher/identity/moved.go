package identity

import (
	"context"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Servers change what a message is known by:
//
//   - They give messages other UIDLs, after a move or when an index was rebuilt.
//   - They give messages other sizes, when they begin to count CR.
//   - They give UIDLs to other messages: those that are numbers, when a mailbox was rebuilt.
//
// A message is the same if the telling fields of its header and its attachments are. Its
// Message-ID alone (RFC 5322 section 3.6.4) does not do: a mail that is sent a second time has
// it, too.

// noteMoved finds out whether messages that should still be there are not listed. Each new
// message may be one of them.
func (x *Matcher) noteMoved(ctx context.Context) error {
	if len(x.Difference.Unseen)+len(x.Listing.Nameless) == 0 || x.Account.FetchChangedUIDLs {
		return nil
	}
	kept, _, err := x.Ledger.Kept(ctx, x.Account.Name)
	x.missing.some = kept > x.Difference.kept
	if err == nil && x.missing.some {
		x.missing.byBytes, err = x.Ledger.Nameless(ctx, x.Account.Name)
	}
	if err != nil {
		return x.notListed("read the record", err)
	}
	return nil
}

// leaveOutMoved takes the attachments from a message that was delivered under another UIDL or
// size, and returns them. It returns none for any other message.
func (x *Matcher) leaveOutMoved(ctx context.Context, e Entry, read Read, m *ledger.Message) (drop []ledger.Attachment, err error) {
	before, found, err := x.before(ctx, e, read, m)
	if !found || err != nil {
		return nil, err
	}
	// Nobody knows whether the message under the other key has a copy in quarantine, so this
	// one's stays.
	drop = m.NotKept()
	m.Before, m.Attachments, m.LeftOut = m.Files(), m.Kept(), nil
	x.Log.Info().Str("uidl", foreign.UIDL(m.UIDL)).Str("before", foreign.UIDL(before.UIDL)).Int64("octets", m.Size).Int64("octets_before", before.Size).Msg("message was delivered before, under another UIDL or size")
	return drop, nil
}

// before returns the key of the unlisted message as which this one was delivered, if there is
// one.
func (x *Matcher) before(ctx context.Context, e Entry, read Read, m *ledger.Message) (_ ledger.Key, found bool, err error) {
	if x.missing.byBytes && !e.IsNameless() {
		if k, found, err := x.deliveredWithoutUIDL(ctx, read); found || err != nil {
			if found {
				x.missing.renamed = append(x.missing.renamed, k)
			}
			return k, found, err
		}
	}
	same, err := x.Ledger.Same(ctx, x.Account.Name, []*ledger.Message{m})
	if err != nil {
		return ledger.Key{}, false, err
	}
	var listed []ledger.Key
	for _, k := range same[m] {
		switch {
		case Undated(m, read.Header) && k.UIDL != m.UIDL && k.Size != m.Size:
		case x.Listing.lists(k):
			listed = append(listed, k)
		default:
			return k, true, nil
		}
	}
	if len(listed) == 0 {
		return ledger.Key{}, false, nil
	}
	// A listed message is still there, unless another one has its UIDL now.
	replaced, err := x.Ledger.Others(ctx, x.Account.Name, listed, ledger.OtherMark)
	for _, k := range listed {
		if replaced[k] {
			return k, true, err
		}
	}
	return ledger.Key{}, false, err
}
