package poll

import (
	"context"
	"slices"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// A delivered message is deleted only if all of it could be read right, or a copy of it lies in
// quarantine. If that has no room, the message stays on the server, and is fetched again for
// the copy alone once there is room.

// uncopied is a message without its copy, and the record of it.
type uncopied struct {
	identity.Lookalike
	message *ledger.Message
}

// retrieveUncopied fetches messages for their copies, as many as find room in quarantine.
func (p *poll) retrieveUncopied(ctx context.Context) error {
	var wanted []identity.Lookalike
	for _, u := range p.matcher.Difference.Uncopied {
		if p.isSpared(u.Record.Key) {
			continue
		}
		takes, err := p.delivery.Takes(ctx, u.Record.Size)
		if err != nil {
			return err
		}
		if takes {
			wanted = append(wanted, u)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	messages, err := p.Ledger.Unread(ctx, p.Account.Name)
	if err != nil {
		return err
	}
	byKey := make(map[ledger.Key]*ledger.Message, len(messages))
	for _, m := range messages {
		byKey[m.Key] = m
	}
	var entries []identity.Entry
	p.fetch.copying = make(map[int]uncopied, len(wanted))
	for _, u := range wanted {
		if m := byKey[u.Record.Key]; m != nil {
			u.Entry.Size = u.Record.Size // LIST may not have been asked
			entries = append(entries, u.Entry)
			p.fetch.copying[u.Entry.Number] = uncopied{u, m}
		}
	}
	return p.retrieveEach(ctx, entries, p.stageCopy)
}

// stageCopy stages the copy of a delivered message, if the server still has that message under
// its UIDL.
func (p *poll) stageCopy(ctx context.Context, e identity.Entry, body *boundedReader) (*ledger.Message, error) {
	was := p.fetch.copying[e.Number]
	reason, _ := ledger.IsWithoutCopy(was.message.Reason)
	files, err := p.delivery.StageQuarantined(ctx, was.message.UIDL, reason, body)
	if err != nil {
		return nil, p.blame(ctx, e, body, err)
	}
	if !identity.Same(was.message.Identity(), identity.Identify(p.fetch.header.Header())) {
		p.putOffCopy(was)
		p.log.Warn().Str("uidl", foreign.UIDL(was.message.UIDL)).Msg("no copy is kept of a message that was delivered: the server may give its UIDL to another one now")
		return nil, p.delivery.Discard(ctx, files)
	}
	m := &ledger.Message{
		Key: was.message.Key, State: ledger.Delivered, MessageID: was.message.MessageID, Retried: true, Reason: reason,
		Attachments: slices.Clone(was.message.Attachments), Envelope: p.poller.envelope(p.fetch.header.Header()),
	}
	m.Before = max(was.Record.Files-m.Files(), 0)
	m.Attachments = append(m.Attachments, files...)
	return m, nil
}

// putOffCopy leaves a message alone for longestWait.
func (p *poll) putOffCopy(u uncopied) { p.Past.spared[u.message.Key] = p.poller.now().Add(longestWait) }
