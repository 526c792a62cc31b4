package fetcher

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/attachd/attachd/fetcher/ledger"
)

// A message is deleted only if something of it was delivered: rules that leave everything out, by a slip of the pen, would
// empty a mailbox of which nothing was saved.

// staying are the messages that were delivered and are left on the server all the same. The committer's goroutine
// writes what this poll delivers, which is read after it has ended.
type staying struct {
	delivered map[ledger.Key]bool // by this poll
	before    int                 // by earlier ones, and due
	settled   int                 // retrieved once more, and known
	// Those of which something could not be read right, and that are kept nowhere else: of delivered, and by earlier polls; noRoom are
	// those of either for which the quarantine has no room, and copied are not among them any more.
	unreadNow, unread         int
	noRoomNow, noRoom, copied int
}

// count is how many would have been deleted by now if a file of them had been delivered.
func (s *staying) count(atOnce bool) int {
	n := s.before + s.settled
	if atOnce {
		n += len(s.delivered) - s.unreadNow
	}
	return n
}

// countUnread is how many would have been deleted by now if all of them could have been read right, or were kept.
func (s *staying) countUnread(atOnce bool) int {
	if atOnce {
		return s.unread + s.unreadNow
	}
	return s.unread
}

// noteStaying says of a message that was just delivered that it stays on the server, if that is so.
func (p *poll) noteStaying(m *ledger.Message) {
	if !p.account.Delete || (ledger.Record{Files: m.Files(), Unread: m.Unread}).Deletable(p.account.DeleteEmpty) {
		return
	}
	if p.staying.delivered == nil {
		p.staying.delivered = make(map[ledger.Key]bool)
	}
	p.staying.delivered[m.Key] = true
	if wasShort(m.Reason) {
		return // as has been said
	}
	why := "message stays on the server: no file of it was delivered (delete: with_files)"
	if m.Unread {
		p.staying.unreadNow++
		why = "message stays on the server: something of it could not be read right, and it is kept nowhere else"
		if _, full := IsWithoutCopy(m.Reason); full {
			p.staying.noRoomNow++
			why = "message stays on the server: something of it could not be read right, and the quarantine has no room for it"
		}
	}
	Envelope{m.From, m.Subject}.to(p.log.Info().Str("uidl", printable(m.UIDL))).Msg(why)
}

// noteCopy says of a message that was just delivered that it lies in quarantine as well, if that is so.
func (p *poll) noteCopy(m *ledger.Message) {
	kept := m.Kept()
	if len(kept) == 0 || kept[0].StagingID == "" {
		return
	}
	p.copies++
	if m.Retried {
		p.staying.copied++
	}
	Envelope{m.From, m.Subject}.to(p.log.Warn().Str("uidl", printable(m.UIDL)).Str("file", kept[0].Path).Str("reason", m.Reason)).
		Msg("message delivered and kept in quarantine, as something of it could not be read right")
}

// mayDelete returns those of the messages that were delivered before, and retrieved once more, that may be deleted.
func (p *poll) mayDelete(ctx context.Context, l *listing) (map[ledger.Key]bool, error) {
	if len(p.settled) == 0 {
		return nil, nil
	}
	var keys []ledger.Key
	var uidls []string
	nameless := 0
	for _, e := range slices.Concat(l.entries, l.nameless) {
		if p.settled[e.number] {
			keys, uidls = append(keys, l.key(e)), append(uidls, l.key(e).UIDL)
		}
	}
	records, err := p.ledger.Lookup(ctx, p.account.Name, uidls)
	if err != nil {
		return nil, fmt.Errorf("read the records of what is to be deleted: %w", err)
	}
	byUIDL := make(map[string][]ledger.Record, len(records))
	for _, r := range records {
		byUIDL[r.UIDL] = append(byUIDL[r.UIDL], r)
	}
	may := make(map[ledger.Key]bool, len(keys))
	for _, k := range keys {
		if r, ok := ledger.Match(byUIDL[k.UIDL], k.Size); ok && r.Deletable(p.account.DeleteEmpty) {
			may[k] = true
			continue
		}
		p.staying.settled++
		if strings.HasPrefix(k.UIDL, digestUIDL) {
			nameless++
		}
	}
	if nameless > 0 && p.said.first(p.account.Name+"\x00nameless") {
		p.log.Warn().Int("messages", nameless).Msg("messages without a UIDL of which no file was delivered are fetched again at every poll, as they stay on the server; delete: all deletes them")
	}
	return may, nil
}

func numbers(due []deletion) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, d := range due {
			if !yield(d.number) {
				return
			}
		}
	}
}
