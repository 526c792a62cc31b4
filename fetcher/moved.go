package fetcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
)

// Servers give messages other UIDLs (after a move, or when an index was built anew), other sizes (when
// they begin to count CR), and UIDLs to other messages. Where a message that should still be there is
// not listed, each new one is compared with those: one with the same Message-ID and the same attachments is
// the same message (RFC 5322 section 3.6.4), and was delivered.

// renamedMost is how many messages are looked at when a server uses UIDLs again.
const renamedMost = 1000

// noteMoved finds out whether messages that should still be there are not listed.
func (p *poll) noteMoved(ctx context.Context, l *listing, d difference) error {
	if len(d.unseen)+len(l.nameless) == 0 || p.account.FetchChangedUIDLs {
		return nil
	}
	kept, err := p.ledger.Kept(ctx, p.account.Name)
	p.moved = kept > d.kept
	return err
}

// leaveOutMoved drops the attachments of a message that was delivered under another UIDL or size.
func (p *poll) leaveOutMoved(ctx context.Context, l *listing, m *ledger.Message) error {
	if !p.moved || m.State != ledger.Delivered {
		return nil
	}
	same, err := p.ledger.Same(ctx, p.account.Name, m.MessageID, m.Attachments)
	if err != nil {
		p.sink.Discard(m.Attachments)
		return err
	}
	for _, k := range same {
		if l.lists(k) || m.MessageID == "" && k.UIDL != m.UIDL {
			continue
		}
		p.sink.Discard(m.Attachments)
		m.Attachments = nil
		p.log.Info().Str("uidl", printable(m.UIDL)).Str("before", printable(k.UIDL)).Int64("octets", m.Size).Int64("octets_before", k.Size).Msg("message was delivered before, under another UIDL or size")
		return nil
	}
	return nil
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

// renameReused looks at the headers of the messages that seem to be known, on a server that uses UIDLs
// again. Those with another Message-ID than recorded only have the size of the one before; they get
// names of their own. It returns how many these are.
func (p *poll) renameReused(ctx context.Context, l *listing) (renamed int, err error) {
	looked := 0
	for from := 0; from < len(l.entries); from += lookupChunk {
		chunk := l.entries[from:min(from+lookupChunk, len(l.entries))]
		known, err := p.account.known(ctx, p.ledger, l, chunk)
		if err != nil {
			return renamed, err
		}
		for i, e := range chunk {
			key := l.key(e)
			r, ok := ledger.Match(known[key.UIDL], e.size)
			if !ok || r.State == ledger.Failed || e.size < 0 {
				continue
			}
			before, err := p.ledger.MessageID(ctx, p.account.Name, r.Key)
			if err != nil {
				return renamed, err
			}
			if before == "" {
				continue
			}
			if looked++; looked > renamedMost {
				p.log.Warn().Int("messages", renamedMost).Msg("not all messages were looked at, whether their UIDLs stand for others now")
				return renamed, nil
			}
			now, err := p.messageID(e.number)
			if _, refused := errors.AsType[*pop3.Error](err); refused {
				p.log.Warn().Err(err).Msg("server can't tell whether more UIDLs stand for other messages now")
				return renamed, nil
			}
			if err != nil {
				return renamed, fmt.Errorf("read the header of message %d: %w", e.number, err)
			}
			if now != "" && now != before {
				sum := sha256.Sum256([]byte(now))
				l.rename(&chunk[i], key.UIDL+"\x00id-"+hex.EncodeToString(sum[:8]))
				renamed++
			}
		}
	}
	return renamed, nil
}

func (l *listing) rename(e *entry, uidl string) {
	e.from = uint32(len(l.uidls))
	l.uidls = append(l.uidls, uidl...)
	e.to = uint32(len(l.uidls))
}

// settlePending takes deletions for confirmed whose messages are not listed any more, although the answer to
// QUIT was lost.
func (p *poll) settlePending(ctx context.Context, l *listing) error {
	if p.more {
		return nil // or a message that comes later could not be told from one of them
	}
	pending, err := p.ledger.Pending(ctx, p.account.Name)
	if err != nil || len(pending) == 0 {
		return err
	}
	gone := make(map[string][]ledger.Key, len(pending))
	for _, k := range pending {
		gone[k.UIDL] = append(gone[k.UIDL], k)
	}
	for _, e := range l.entries {
		if keys := gone[string(l.uidls[e.from:e.to])]; len(keys) > 0 {
			uidl := keys[0].UIDL
			gone[uidl] = slices.DeleteFunc(keys, func(k ledger.Key) bool { return e.size < 0 || k.Size < 0 || k.Size == e.size })
		}
	}
	if err := p.ledger.Deleted(ctx, p.account.Name, slices.Concat(slices.Collect(maps.Values(gone))...)); err != nil {
		return fmt.Errorf("record deletions: %w", err)
	}
	return nil
}
