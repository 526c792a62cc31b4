package identity

import (
	"context"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Servers give messages other UIDLs (after a move, or when an index was built anew), other sizes (when
// they begin to count CR), and UIDLs to other messages (those with numbers in their place, when a mailbox
// was made anew). A message is the same where its header, as far as that tells messages apart, and its attachments are: its
// Message-ID alone (RFC 5322 section 3.6.4) is that of a mail that is sent a second time, too.

// Standing is what the ledger makes of a message that was retrieved.
type Standing int

// The standings of a message.
const (
	// Unknown is to be delivered.
	Unknown Standing = iota
	// Settled was delivered before.
	Settled
	// Kept is in quarantine: neither delivered nor deleted.
	Kept
	// PutBack was delivered before and deleted, and is there again under another UIDL.
	PutBack
)

// Read is what was read of a message.
type Read struct {
	Octets int64
	// Digest is SHA-256 of its bytes, where [Matcher.NeedsDigest] asks for it.
	Digest []byte
	// Header is its header, and perhaps more.
	Header []byte
}

// NeedsDigest reports whether a message is told from others by the digest of its bytes.
func (x *Matcher) NeedsDigest(e Entry) bool { return e.IsNameless() || x.missing.byBytes }

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

// Identify finds out which message it is that was retrieved and staged as m, which
// gets the key that it is known by. Of one that was delivered under another key, m
// keeps what it needs, and drop is what was staged in vain.
func (x *Matcher) Identify(ctx context.Context, e Entry, read Read, m *ledger.Message) (is Standing, drop []ledger.Attachment, err error) {
	if e.IsNameless() {
		if is, err = x.nameIt(ctx, e, read, m); err != nil || is != Unknown {
			return is, nil, err
		}
	}
	return x.recognize(ctx, e, read, m)
}

// recognize finds out whether a message is one that was delivered. One that was is settled where it is
// known under this key; under another one, its attachments are left out.
func (x *Matcher) recognize(ctx context.Context, e Entry, read Read, m *ledger.Message) (Standing, []ledger.Attachment, error) {
	if m.State != ledger.Delivered || m.Retried {
		return Unknown, nil, nil
	}
	if before, ok := x.doubts.same[e.Number]; ok {
		is, err := x.Ledger.Is(ctx, x.Account.Name, map[*ledger.Message]ledger.Key{m: before})
		if err != nil {
			return Unknown, nil, err
		}
		if is[m] {
			m.Key = before
			x.Listing.rename(e.Number, before.UIDL)
			return Settled, nil, nil
		}
		m.UIDL = OtherUIDL(before.UIDL, m.Identity(), m.Attachments)
		x.Listing.rename(e.Number, m.UIDL)
		x.Log.Warn().Str("uidl", foreign.UIDL(before.UIDL)).Msg("server uses a UIDL again for another message")
		records, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{m.UIDL})
		if err != nil {
			return Unknown, nil, err
		}
		if known := standingOf(records, m.Size); known != Unknown {
			return known, nil, nil
		}
	}
	if x.missing.some {
		drop, err := x.leaveOutMoved(ctx, e, read, m)
		return Unknown, drop, err
	}
	return Unknown, nil, nil
}

// Undated reports whether nothing in the header of a message is its own, as a device may send any number
// of mails with the same few fields. Such a one is another's only if it has its octets, too.
func Undated(m *ledger.Message, header []byte) bool { return m.MessageID == "" && !dated(header) }

// FindPutBack returns those of the messages about to be delivered that were delivered
// before and deleted. undated is asked of them what [Undated] says.
func (x *Matcher) FindPutBack(ctx context.Context, messages []*ledger.Message, undated func(*ledger.Message) bool) (map[*ledger.Message]bool, error) {
	if x.Account.FetchChangedUIDLs {
		return nil, nil
	}
	messages = slices.DeleteFunc(slices.Clone(messages), func(m *ledger.Message) bool { return m.State != ledger.Delivered || m.Retried })
	gone, err := x.Ledger.Gone(ctx, x.Account.Name, messages)
	back := make(map[*ledger.Message]bool, len(gone))
	for _, m := range messages {
		if before, found := gone[m]; found && (!undated(m) || before.Size == m.Size) {
			back[m] = true
			x.Log.Warn().Str("uidl", foreign.UIDL(m.UIDL)).Str("before", foreign.UIDL(before.UIDL)).
				Msg("message was delivered before and deleted, and is there again: it is left on the server")
		}
	}
	return back, err
}

// NoteRecognized records messages that are there again, and others that were put back: these are not delivered again, nor
// deleted, as whoever put them back may need them.
func (x *Matcher) NoteRecognized(ctx context.Context, again []ledger.Key, back []ledger.Listed) error {
	err := x.NoteListedAgain(ctx, again)
	if err == nil && len(back) > 0 {
		_, err = x.Ledger.Adopt(ctx, x.Account.Name, back, time.Time{})
	}
	return err
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
