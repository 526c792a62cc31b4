package identity

import (
	"context"
	"slices"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Servers give messages other UIDLs (after a move, or when an index was built anew), other sizes (when
// they begin to count CR), and UIDLs to other messages (those with numbers in their place, when a mailbox
// was made anew). A message is the same where its header, as far as that tells messages apart, and its attachments are: its
// Message-ID alone (RFC 5322 section 3.6.4) is that of a mail that is sent a second time, too.

// noteMoved finds out whether messages that should still be there are not listed. Each new one may be one of
// them.
func (x *Matcher) noteMoved(ctx context.Context) error {
	if len(x.Difference.Unseen)+len(x.Listing.Nameless) == 0 || x.Account.FetchChangedUIDLs || x.Mailbox.Traits().StableKeys {
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

// leaveOutMoved takes the attachments from a message if it was delivered under another UIDL or size, and returns them.
func (x *Matcher) leaveOutMoved(ctx context.Context, e Entry, read Read, m *ledger.Message) (drop []ledger.Attachment, err error) {
	before, found, err := x.before(ctx, e, read, m)
	if !found || err != nil {
		return nil, err
	}
	// Whether the other one has a copy in quarantine is not known.
	kept := m.Kept()
	drop = slices.DeleteFunc(slices.Clone(m.Attachments), func(a ledger.Attachment) bool { return a.Quarantine })
	m.Before, m.Attachments = m.Files(), kept
	x.Log.Info().Str("uidl", foreign.UIDL(m.UIDL)).Str("before", foreign.UIDL(before.UIDL)).Int64("octets", m.Size).Int64("octets_before", before.Size).Msg("message was delivered before, under another UIDL or size")
	return drop, nil
}

// before looks for the message as which another one was delivered that is not listed any more.
func (x *Matcher) before(ctx context.Context, e Entry, read Read, m *ledger.Message) (_ ledger.Key, found bool, err error) {
	if x.missing.byBytes && !e.IsNameless() {
		if k, found, err := x.namelessBefore(ctx, read); found || err != nil {
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
	// One that is listed is there still, unless another message stands in its place.
	replaced, err := x.Ledger.Others(ctx, x.Account.Name, listed, ledger.OtherMark)
	for _, k := range listed {
		if replaced[k] {
			return k, true, err
		}
	}
	return ledger.Key{}, false, err
}
