package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// A message may have the UIDL and the size of another one that the server had before: reports are often of a
// size, and some servers number their messages. What is listed again after the server said it
// was deleted, after a listing lacked it, or in a mailbox whose other UIDLs were used again, is looked at before it
// counts as delivered; and whatever was delivered by an earlier poll, before it is deleted.

// Lookalike is a message, and what is recorded of the one that has its UIDL and size.
type Lookalike struct {
	Entry  Entry
	Record ledger.Record
}

// examineChunk is how many messages are looked at before it is recorded which of them are the same.
const examineChunk = 500

// OtherUIDL is what a message is called that has the UIDL of another one: by its
// header, or by what it consists of where that tells nothing.
func OtherUIDL(uidl string, id ledger.Identity, attachments []ledger.Attachment) string {
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

// checkNumbers looks at the message with the highest number, where UIDLs are numbers: after a move or a repair such a
// server numbers the messages anew (Exchange does), and others that are of the same size show in no listing.
func (x *Matcher) checkNumbers(ctx context.Context) error {
	n := &x.Difference.numbers
	if x.doubts.renumbered || x.Mailbox.Traits().StableKeys || n.named || n.last.Record.State == ledger.Deleted || n.last.Record.Missed > 0 {
		return nil
	}
	if err := x.compareLast(ctx, n.last); err != nil {
		return x.notListed("look at a UIDL that may have been used again", err)
	}
	return nil
}

// compareLast finds out whether the message with the highest number is another one than that recorded.
func (x *Matcher) compareLast(ctx context.Context, last Lookalike) error {
	number := last.Entry.Number
	before, err := x.identities(ctx, []Lookalike{last})
	if err != nil {
		return err
	}
	ids, _, err := x.headers([]Lookalike{last}, before)
	x.doubts.noHeaders = x.Manner.WithoutHeaders // one that is refused says nothing of others
	if err != nil || compare(before[number], ids[number]) != other {
		return err
	}
	// It may be known that another one stands there.
	others, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{OtherUIDL(last.Record.UIDL, ids[number], nil)})
	x.doubts.renumbered = len(others) == 0
	return err
}

// examine finds out which suspects are the messages recorded, by their headers or, where these do not tell, leaves that
// for when they have been retrieved. Others get names of their own.
func (x *Matcher) examine(ctx context.Context) error {
	d := &x.Difference
	d.Expired = slices.DeleteFunc(d.Expired, func(due Lookalike) bool { return x.isSpared(due.Record.Key) })
	if most := x.Account.MostDeletions; most > 0 && len(d.Expired) > most {
		d.Expired, x.More = d.Expired[:most], true
	}
	for _, due := range d.Expired {
		note(&x.doubts.overdue, due.Entry.Number)
	}
	others, err := x.look(ctx, slices.Concat(d.suspects, d.Expired))
	if err != nil {
		return err
	}
	if d.reused+others > 0 || d.numbers.anew() || x.doubts.renumbered {
		rest, err := x.notExamined(ctx)
		if err != nil {
			return err
		}
		more, err := x.look(ctx, rest)
		if err != nil {
			return err
		}
		others += more
	}
	if d.reused+others > 0 {
		x.Log.Warn().Int("messages", d.reused+others).Msg("server uses UIDLs again, for other messages or with other sizes")
	}
	return nil
}

// look examines messages, and returns how many are others than those recorded.
func (x *Matcher) look(ctx context.Context, suspects []Lookalike) (others int, err error) {
	for _, s := range suspects {
		note(&x.doubts.examined, s.Entry.Number)
	}
	for chunk := range slices.Chunk(suspects, examineChunk) {
		n, err := x.examineChunk(ctx, chunk)
		if err != nil {
			return others, err
		}
		others += n
	}
	return others, nil
}

func note(numbers *map[int]bool, number int) {
	if *numbers == nil {
		*numbers = make(map[int]bool)
	}
	(*numbers)[number] = true
}

// notExamined returns every message of the listing that is settled, except those that were looked at.
func (x *Matcher) notExamined(ctx context.Context) (all []Lookalike, err error) {
	l := x.Listing
	for chunk := range slices.Chunk(l.Entries, lookupChunk) {
		known, err := x.Account.known(ctx, x.Ledger, l, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range chunk {
			if r, ok := ledger.Match(known[l.UIDL(e)], e.Size); ok && r.State != ledger.Failed && !x.doubts.examined[e.Number] {
				all = append(all, Lookalike{e, r})
			}
		}
	}
	return all, nil
}

func (x *Matcher) examineChunk(ctx context.Context, chunk []Lookalike) (others int, err error) {
	var known []ledger.Key
	before, err := x.identities(ctx, chunk)
	if err != nil {
		return 0, err
	}
	ids, refused, err := x.headers(chunk, before)
	if err != nil {
		return 0, err
	}
	for _, s := range chunk {
		gone := s.Record.State == ledger.Deleted || s.Record.Missed > 1
		was := before[s.Entry.Number]
		is, asked := ids[s.Entry.Number]
		switch like := compare(was, is); {
		case asked && like == same:
			if gone {
				known = append(known, s.Record.Key)
			}
		case asked && like == other:
			uidl := OtherUIDL(s.Record.UIDL, is, nil)
			x.doubt(s, uidl)
			as := ledger.Key{UIDL: uidl, Size: s.Entry.Size}
			if x.Envelopes != nil {
				x.Envelopes.Rename(s.Record.Key, as)
			}
			known = append(known, as) // if it has been delivered as that
			others++
		case asked, refused[s.Entry.Number] != nil && !x.doubts.noHeaders && s.Record.State != ledger.Quarantined:
			x.doubt(s, s.Record.UIDL+ledger.DoubtfulMark)
		case !gone:
		case s.Record.State == ledger.Quarantined, was == ledger.Identity{} && s.Record.Delivered.IsZero():
			known = append(known, s.Record.Key) // there is nothing to compare with
		case s.Record.State != ledger.Deleted && s.Record.Missed < 3:
			known = append(known, s.Record.Key) // to retrieve it would cost more than one listing is worth
		default:
			x.doubt(s, s.Record.UIDL+ledger.DoubtfulMark)
		}
	}
	return others, x.NoteListedAgain(ctx, known)
}

// identities returns what is known of the headers of the messages that are recorded, by the numbers of the entries.
func (x *Matcher) identities(ctx context.Context, chunk []Lookalike) (map[int]ledger.Identity, error) {
	keys := make([]ledger.Key, len(chunk))
	for i, s := range chunk {
		keys[i] = s.Record.Key
	}
	known, err := x.Ledger.Identities(ctx, x.Account.Name, keys)
	if err != nil {
		return nil, err
	}
	before := make(map[int]ledger.Identity, len(chunk))
	for _, s := range chunk {
		before[s.Entry.Number] = known[s.Record.Key]
	}
	return before, nil
}

// doubt gives a message a name other than that of the one recorded, until it has been compared with that.
func (x *Matcher) doubt(s Lookalike, uidl string) {
	x.Listing.rename(s.Entry.Number, uidl)
	if x.doubts.same == nil {
		x.doubts.same = make(map[int]ledger.Key)
	}
	x.doubts.same[s.Entry.Number] = s.Record.Key
}

// headers asks for the headers of those messages of which something is recorded to compare them with, and returns what
// they tell, and for which of them TOP was refused.
func (x *Matcher) headers(chunk []Lookalike, before map[int]ledger.Identity) (ids map[int]ledger.Identity, refused map[int]mailbox.Refusal, err error) {
	if x.doubts.noHeaders {
		return nil, nil, nil
	}
	x.AtHeaders = true
	keys := make(map[int]ledger.Key)
	for _, s := range chunk {
		if x.Account.Delete && x.Envelopes != nil {
			keys[s.Entry.Number] = s.Record.Key
		}
	}
	ids, refused, err = ShowHeaders(x.Mailbox, func(yield func(int) bool) {
		for _, s := range chunk {
			if before[s.Entry.Number] != (ledger.Identity{}) && !yield(s.Entry.Number) {
				return
			}
		}
	}, func(n int, header []byte) {
		if k, ok := keys[n]; ok {
			x.Envelopes.Header(k, header)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	x.AtHeaders = false
	for _, reply := range refused {
		x.doubts.noHeaders = x.doubts.noHeaders || !reply.Passing()
	}
	x.doubts.noHeaders = x.doubts.noHeaders && len(ids) == 0 // TOP is optional (RFC 1939 section 7)
	return ids, refused, nil
}
