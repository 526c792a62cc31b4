package fetcher

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

// noteMoved finds out whether messages that should still be there are not listed. Each new one may be one of
// them.
func (p *poll) noteMoved(ctx context.Context, l *listing, d difference) error {
	if len(d.unseen)+len(l.nameless) == 0 || p.account.FetchChangedUIDLs {
		return nil
	}
	kept, _, err := p.ledger.Kept(ctx, p.account.Name)
	p.moved = kept > d.kept
	if err == nil && p.moved {
		p.byBytes, err = p.ledger.Nameless(ctx, p.account.Name)
	}
	return err
}

// recognize finds out whether a message is one that was delivered. One that was is settled where it is
// known under this key; under another one, its attachments are left out.
func (p *poll) recognize(ctx context.Context, l *listing, e entry, counted *boundedReader, m *ledger.Message) (standing, error) {
	if m.State != ledger.Delivered || m.Retried {
		return unknown, nil
	}
	fail := func(err error) (standing, error) {
		p.delivery.Discard(ctx, m.Attachments)
		return unknown, err
	}
	if before, ok := p.doubtful[e.number]; ok {
		is, err := p.ledger.Is(ctx, p.account.Name, map[*ledger.Message]ledger.Key{m: before})
		if err != nil {
			return fail(err)
		}
		if is[m] {
			m.Key = before
			l.rename(e.number, before.UIDL)
			return settled, nil
		}
		m.UIDL = otherUIDL(before.UIDL, m.Identity(), m.Attachments)
		l.rename(e.number, m.UIDL)
		p.log.Warn().Str("uidl", foreign.UIDL(before.UIDL)).Msg("server uses a UIDL again for another message")
		records, err := p.ledger.Lookup(ctx, p.account.Name, []string{m.UIDL})
		if err != nil {
			return fail(err)
		}
		if known := standingOf(records, m.Size); known != unknown {
			return known, nil
		}
	}
	if p.moved {
		return unknown, p.leaveOutMoved(ctx, l, e, counted, m)
	}
	return unknown, nil
}

// undated reports whether nothing in the header of the message that was read last is its own, as a device may send any number
// of mails with the same few fields. Such a one is another's only if it has its octets, too.
func (p *poll) undated(m *ledger.Message) bool { return m.MessageID == "" && !dated(p.header.header) }

// findPutBack finds out which of the messages that are to be delivered were delivered before and deleted.
func (p *poll) findPutBack(ctx context.Context, staged []received) error {
	if p.account.FetchChangedUIDLs {
		return nil
	}
	var messages []*ledger.Message
	for _, r := range staged {
		if r.known == unknown && r.message.State == ledger.Delivered && !r.message.Retried {
			messages = append(messages, r.message)
		}
	}
	gone, err := p.ledger.Gone(ctx, p.account.Name, messages)
	for i, r := range staged {
		if before, found := gone[r.message]; found && (!r.undated || before.Size == r.message.Size) {
			staged[i].known = putBack
			p.log.Warn().Str("uidl", foreign.UIDL(r.message.UIDL)).Str("before", foreign.UIDL(before.UIDL)).
				Msg("message was delivered before and deleted, and is there again: it is left on the server")
		}
	}
	return err
}

// noteRecognized records messages that are there again, and others that were put back: these are not delivered again, nor
// deleted, as whoever put them back may need them.
func (p *poll) noteRecognized(ctx context.Context, again []ledger.Key, back []ledger.Listed) error {
	err := p.noteListedAgain(ctx, again)
	if err == nil && len(back) > 0 {
		_, err = p.ledger.Adopt(ctx, p.account.Name, back, time.Time{})
	}
	return err
}

// leaveOutMoved takes the attachments from a message if it was delivered under another UIDL or size.
func (p *poll) leaveOutMoved(ctx context.Context, l *listing, e entry, counted *boundedReader, m *ledger.Message) error {
	before, found, err := p.before(ctx, l, e, counted, m)
	if !found && err == nil {
		return nil
	}
	if err != nil {
		p.delivery.Discard(ctx, m.Attachments)
		return err
	}
	// Whether the other one has a copy in quarantine is not known.
	kept := m.Kept()
	p.delivery.Discard(ctx, slices.DeleteFunc(slices.Clone(m.Attachments), func(a ledger.Attachment) bool { return a.Quarantine }))
	m.Before, m.Attachments = m.Files(), kept
	p.log.Info().Str("uidl", foreign.UIDL(m.UIDL)).Str("before", foreign.UIDL(before.UIDL)).Int64("octets", m.Size).Int64("octets_before", before.Size).Msg("message was delivered before, under another UIDL or size")
	return nil
}

// before looks for the message as which another one was delivered that is not listed any more.
func (p *poll) before(ctx context.Context, l *listing, e entry, counted *boundedReader, m *ledger.Message) (_ ledger.Key, found bool, err error) {
	if p.byBytes && !e.nameless() {
		if k, found, err := p.namelessBefore(ctx, counted); found || err != nil {
			if found {
				p.renamed = append(p.renamed, k)
			}
			return k, found, err
		}
	}
	same, err := p.ledger.Same(ctx, p.account.Name, []*ledger.Message{m})
	if err != nil {
		return ledger.Key{}, false, err
	}
	var listed []ledger.Key
	for _, k := range same[m] {
		switch {
		case p.undated(m) && k.UIDL != m.UIDL && k.Size != m.Size:
		case l.lists(k):
			listed = append(listed, k)
		default:
			return k, true, nil
		}
	}
	if len(listed) == 0 {
		return ledger.Key{}, false, nil
	}
	// One that is listed is there still, unless another message stands in its place.
	replaced, err := p.ledger.Others(ctx, p.account.Name, listed, ledger.OtherMark)
	for _, k := range listed {
		if replaced[k] {
			return k, true, err
		}
	}
	return ledger.Key{}, false, err
}

// lists reports whether the listing has a message of this key, as far as it is known what they are called.
func (l *listing) lists(k ledger.Key) bool {
	for _, identified := range l.identified {
		if identified == k {
			return true
		}
	}
	for _, e := range l.entries {
		if string(l.uidls[e.from:e.to]) == k.UIDL && (e.size == k.Size || e.size < 0 || k.Size < 0) {
			return true
		}
	}
	return false
}

// rename gives a message another UIDL. The listing is in the order of the numbers, as it is once sizes were asked.
func (l *listing) rename(number int, uidl string) {
	if i, ok := slices.BinarySearchFunc(l.entries, number, func(e entry, n int) int { return e.number - n }); ok {
		from := len(l.uidls)
		l.uidls = append(l.uidls, uidl...)
		l.entries[i].from, l.entries[i].to = uint32(from), uint32(len(l.uidls))
	}
}
