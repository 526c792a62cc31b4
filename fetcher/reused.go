package fetcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// A message may have the UIDL and the size of another one that the server had before: reports are often of a
// size, and some servers number their messages. What is listed again after the server said it
// was deleted, after a listing lacked it, or in a mailbox whose other UIDLs were used again, is looked at before it
// counts as delivered; and whatever was delivered by an earlier poll, before it is deleted.

// lookalike is a message, and what is recorded of the one that has its UIDL and size.
type lookalike struct {
	entry  entry
	record ledger.Record
}

// examineChunk is how many messages are looked at before it is recorded which of them are the same.
const examineChunk = 500

// missedByMistake is how many messages a listing may lack before it is taken for a mistake, the first time.
const missedByMistake = 1000

// otherUIDL is what a message is called that has the UIDL of another one.
func otherUIDL(uidl string, id ledger.Identity, attachments []ledger.Attachment) string {
	sum := sha256.New()
	switch {
	case id.Header != [32]byte{}:
		sum.Write(id.Header[:])
	case id.MessageID != "":
		io.WriteString(sum, id.MessageID)
	default:
		for _, a := range attachments {
			sum.Write(a.SHA256[:])
		}
	}
	return uidl + ledger.OtherMark + hex.EncodeToString(sum.Sum(nil)[:8])
}

// likeness is what two headers say.
type likeness int

const (
	unclear likeness = iota
	same
	other
)

func compare(was, is ledger.Identity) likeness {
	unknown := [32]byte{}
	switch {
	case was.Header == is.Header && is.Header != unknown:
		return same
	case was.MessageID != "" && is.MessageID != "" && was.MessageID != is.MessageID:
		return other
	case was.Header == unknown && was.MessageID != "" && was.MessageID == is.MessageID:
		return same
	}
	return unclear
}

// checkNumbers looks at the message with the highest number, where UIDLs are numbers: after a move or a repair such a
// server numbers the messages anew (Exchange does), and others that are of the same size show in no listing.
func (p *poll) checkNumbers(ctx context.Context, d difference) error {
	if d.named || d.last.record.State == ledger.Deleted || d.last.record.Missed > 0 {
		return nil
	}
	last := d.last.entry.number
	before, err := p.identities(ctx, []lookalike{d.last})
	if err != nil {
		return err
	}
	ids, _, err := p.headers([]lookalike{d.last}, before)
	p.noTop = p.simply.withoutTop // one that is refused says nothing of others
	if err != nil || compare(before[last], ids[last]) != other {
		return err
	}
	// It may be known that another one stands there.
	others, err := p.ledger.Lookup(ctx, p.account.Name, []string{otherUIDL(d.last.record.UIDL, ids[last], nil)})
	p.renumbered = len(others) == 0
	return err
}

// examine finds out which suspects are the messages recorded, by their headers or, where these do not tell, by
// retrieving them. Others get names of their own. It returns the difference as it is then.
func (p *poll) examine(ctx context.Context, l *listing, d difference) (difference, error) {
	d.expired = slices.DeleteFunc(d.expired, func(due lookalike) bool { return p.isSpared(due.record.Key) })
	if most := p.account.CommitDeletions; most > 0 && len(d.expired) > most {
		d.expired, p.more = d.expired[:most], true
	}
	for _, due := range d.expired {
		p.overdue[due.entry.number] = true
	}
	others := 0
	look := func(suspects []lookalike) error {
		for _, s := range suspects {
			p.examined[s.entry.number] = true
		}
		for chunk := range slices.Chunk(suspects, examineChunk) {
			n, err := p.examineChunk(ctx, l, chunk)
			if err != nil {
				return err
			}
			others += n
		}
		return nil
	}
	if err := look(slices.Concat(d.suspects, d.expired)); err != nil {
		return d, err
	}
	if d.reused+others > 0 || d.numberedAnew() || p.renumbered {
		rest, err := p.notExamined(ctx, l)
		if err == nil {
			err = look(rest)
		}
		if err != nil {
			return d, err
		}
	}
	if d.reused+others > 0 {
		p.log.Warn().Int("messages", d.reused+others).Msg("server uses UIDLs again, for other messages or with other sizes")
	}
	if len(p.examined) == 0 {
		return d, nil
	}
	d, err := p.account.compare(ctx, p.ledger, l, p.now())
	d.expired = slices.DeleteFunc(d.expired, func(due lookalike) bool { return !p.examined[due.entry.number] })
	return d, err
}

// notExamined returns every message of the listing that is settled, but for those that were looked at.
func (p *poll) notExamined(ctx context.Context, l *listing) (all []lookalike, err error) {
	for chunk := range slices.Chunk(l.entries, lookupChunk) {
		known, err := p.account.known(ctx, p.ledger, l, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range chunk {
			if r, ok := ledger.Match(known[l.uidl(e)], e.size); ok && r.State != ledger.Failed && !p.examined[e.number] {
				all = append(all, lookalike{e, r})
			}
		}
	}
	return all, nil
}

func (p *poll) examineChunk(ctx context.Context, l *listing, chunk []lookalike) (others int, err error) {
	var known []ledger.Key
	before, err := p.identities(ctx, chunk)
	if err != nil {
		return 0, err
	}
	ids, refused, err := p.headers(chunk, before)
	if err != nil {
		return 0, err
	}
	for _, s := range chunk {
		gone := s.record.State == ledger.Deleted || s.record.Missed > 1
		was := before[s.entry.number]
		is, asked := ids[s.entry.number]
		switch like := compare(was, is); {
		case asked && like == same:
			if gone {
				known = append(known, s.record.Key)
			}
		case asked && like == other:
			uidl := otherUIDL(s.record.UIDL, is, nil)
			p.doubt(l, s, uidl)
			as := ledger.Key{UIDL: uidl, Size: s.entry.size}
			p.envelopes.rename(s.record.Key, as)
			known = append(known, as) // if it has been delivered as that
			others++
		case asked, refused[s.entry.number] != nil && !p.noTop && s.record.State != ledger.Quarantined:
			p.doubt(l, s, s.record.UIDL+ledger.DoubtfulMark)
		case !gone:
		case s.record.State == ledger.Quarantined, was == ledger.Identity{} && s.record.Delivered.IsZero():
			known = append(known, s.record.Key) // there is nothing to compare with
		case s.record.State != ledger.Deleted && s.record.Missed < 3:
			known = append(known, s.record.Key) // to retrieve it would cost more than one listing is worth
		default:
			p.doubt(l, s, s.record.UIDL+ledger.DoubtfulMark)
		}
	}
	return others, p.noteListedAgain(ctx, known)
}

// identities returns what is known of the headers of the messages that are recorded, by the numbers of the entries.
func (p *poll) identities(ctx context.Context, chunk []lookalike) (map[int]ledger.Identity, error) {
	keys := make([]ledger.Key, len(chunk))
	for i, s := range chunk {
		keys[i] = s.record.Key
	}
	known, err := p.ledger.Identities(ctx, p.account.Name, keys)
	if err != nil {
		return nil, err
	}
	before := make(map[int]ledger.Identity, len(chunk))
	for _, s := range chunk {
		before[s.entry.number] = known[s.record.Key]
	}
	return before, nil
}

// doubt gives a message a name other than that of the one recorded, until it has been compared with that.
func (p *poll) doubt(l *listing, s lookalike, uidl string) {
	l.rename(s.entry.number, uidl)
	p.doubtful[s.entry.number] = s.record.Key
}

// headers asks for the headers of those messages of which something is recorded to compare them with, and returns what
// they tell, and for which of them TOP was refused.
func (p *poll) headers(chunk []lookalike, before map[int]ledger.Identity) (ids map[int]ledger.Identity, refused map[int]mailbox.Refusal, err error) {
	if p.noTop {
		return nil, nil, nil
	}
	p.step = stepTop
	keys := make(map[int]ledger.Key)
	for _, s := range chunk {
		if p.account.Delete {
			keys[s.entry.number] = s.record.Key
		}
	}
	ids, refused, err = showHeaders(p.mailbox, func(yield func(int) bool) {
		for _, s := range chunk {
			if before[s.entry.number] != (ledger.Identity{}) && !yield(s.entry.number) {
				return
			}
		}
	}, func(n int, header []byte) {
		if k, ok := keys[n]; ok {
			p.envelopes.remember(k, p.envelope(header))
		}
	})
	if err != nil {
		return nil, nil, err
	}
	p.step = stepList
	for _, reply := range refused {
		p.noTop = p.noTop || !reply.Passing()
	}
	p.noTop = p.noTop && len(ids) == 0 // TOP is optional (RFC 1939 section 7)
	return ids, refused, nil
}

// noteMissed records which messages that should be there are not listed, and which are again. Of failed attempts at
// others nothing is kept.
func (p *poll) noteMissed(ctx context.Context, l *listing, d difference) error {
	if err := p.ledger.Found(ctx, p.account.Name, d.found, time.Time{}); err != nil {
		return err
	}
	_, present, err := p.ledger.Kept(ctx, p.account.Name)
	if err != nil {
		return err
	}
	if present != d.present+len(p.delivery.Tally.Committed)-p.deleted {
		keys, err := p.ledger.Present(ctx, p.account.Name)
		if err != nil {
			return err
		}
		gone := l.unlisted(slices.DeleteFunc(slices.Clone(keys), ledger.Key.IsDigest))
		digests, err := p.goneDigests(ctx, l, slices.DeleteFunc(keys, func(k ledger.Key) bool { return !k.IsDigest() }))
		if err != nil {
			return err
		}
		if err := p.noteGone(ctx, append(gone, digests...)); err != nil {
			return err
		}
	}
	if err := p.forgetFailures(ctx, l); err != nil {
		return err
	}
	return p.settleOthers(ctx, l)
}

// unlisted returns those of the keys that are not listed.
func (l *listing) unlisted(keys []ledger.Key) []ledger.Key {
	missed := make(map[string][]ledger.Key)
	for _, k := range keys {
		missed[k.UIDL] = append(missed[k.UIDL], k)
	}
	for _, e := range l.entries {
		if keys := missed[string(l.uidls[e.from:e.to])]; len(keys) > 0 {
			uidl := keys[0].UIDL
			missed[uidl] = slices.DeleteFunc(keys, func(k ledger.Key) bool { return e.size < 0 || k.Size < 0 || k.Size == e.size })
		}
	}
	return slices.Concat(slices.Collect(maps.Values(missed))...)
}

// settleOthers lets messages that were delivered under names of their own stand for the UIDLs that they have, so that
// they are not looked at again at each poll.
func (p *poll) settleOthers(ctx context.Context, l *listing) error {
	if p.account.deletesAtOnce() || len(p.doubtful) == 0 {
		return nil // they are deleted already
	}
	stand := make(map[time.Time][]ledger.Key) // by when they were delivered
	for _, e := range l.entries {
		k, ok := p.doubtful[e.number]
		if !ok {
			continue
		}
		records, err := p.ledger.Lookup(ctx, p.account.Name, []string{l.uidl(e)})
		if err != nil {
			return err
		}
		if r, ok := ledger.Match(records, e.size); ok && r.Key != k && !r.Delivered.IsZero() {
			stand[r.Delivered] = append(stand[r.Delivered], k)
		}
	}
	for at, keys := range stand {
		if err := p.ledger.Found(ctx, p.account.Name, keys, at); err != nil {
			return err
		}
	}
	return nil
}
