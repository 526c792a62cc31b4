package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// A message may have the UIDL and the size of another one that the server had before: reports
// are often of one size, and some servers number their messages. These messages are examined
// before they count as delivered:
//
//   - those listed again after the server said that it deleted them;
//   - those listed again after a listing lacked them;
//   - all, in a mailbox where another UIDL was used again.
//
// What an earlier poll delivered is examined before it is deleted. Where the server does not give
// its header, it is retrieved.

// Lookalike is a listed message and the record with its UIDL and size.
type Lookalike struct {
	Entry  Entry
	Record ledger.Record
}

// examineChunk is how many messages are compared at a time.
const examineChunk = 500

// headerTime is how much of a session's time there must be for each message of a chunk.
const headerTime = time.Second

// OtherUIDL returns the UIDL to record for a message that has another one's UIDL: with a mark
// and a digest behind it. The digest is of the header's identity or, without one, of the
// attachments.
func OtherUIDL(uidl string, id ledger.Identity, attachments []ledger.Attachment) string {
	return otherUIDLs(uidl, id, attachments)[0]
}

// otherUIDLs returns OtherUIDL, and behind it what that is by other kinds of digests, as far as all
// attachments have one: the message may be recorded so.
func otherUIDLs(uidl string, id ledger.Identity, attachments []ledger.Attachment) (all []string) {
	name := func(write func(io.Writer)) {
		sum := sha256.New()
		write(sum)
		all = append(all, uidl+ledger.OtherMark+hex.EncodeToString(sum.Sum(nil)[:8]))
	}
	switch {
	case id.Header != [32]byte{}:
		name(func(w io.Writer) { w.Write(id.Header[:]) })
	case id.MessageID != "":
		name(func(w io.Writer) { io.WriteString(w, id.MessageID) })
	default:
		for _, kind := range digest.Kinds() {
			has := func(a ledger.Attachment) bool { return a.Digests == digest.Set{} || a.Digests.Get(kind).Kind == kind }
			if kind != digest.Own && slices.ContainsFunc(attachments, func(a ledger.Attachment) bool { return !has(a) }) {
				continue
			}
			name(func(w io.Writer) {
				for _, a := range attachments {
					is := a.Digests.Get(kind)
					w.Write(is.Sum[:])
				}
			})
		}
	}
	return all
}

// checkNumbers compares the message with the highest UIDL, where UIDLs are numbers. Such a
// server numbers all messages anew after a move or a repair (Exchange does), and no listing
// shows it where another message of the same size has a known number.
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

// compareLast finds out whether the message with the highest UIDL is another one than that
// recorded.
func (x *Matcher) compareLast(ctx context.Context, last Lookalike) error {
	number := last.Entry.Number
	before, err := x.identities(ctx, []Lookalike{last})
	if err != nil {
		return err
	}
	ids, _, err := x.headers([]Lookalike{last}, before)
	x.doubts.noHeaders = x.Manner.WithoutHeaders // one refusal says nothing of other messages
	if err != nil || compare(before[number], ids[number]) != other {
		return err
	}
	// The ledger may know already that another message has this UIDL.
	others, err := x.Ledger.Lookup(ctx, x.Account.Name, []string{OtherUIDL(last.Record.UIDL, ids[number], nil)})
	x.doubts.renumbered = len(others) == 0
	return err
}

// examine finds out by their headers which suspects are the messages recorded. Where the
// headers do not tell, Identify does once the message has been retrieved. Other messages get
// UIDLs of their own.
func (x *Matcher) examine(ctx context.Context) error {
	d := &x.Difference
	d.Expired = slices.DeleteFunc(d.Expired, func(due Lookalike) bool { return x.isSpared(due.Record.Key) })
	if most := x.Account.MostDeletions; most > 0 && len(d.Expired) > most {
		d.Expired, x.More = d.Expired[:most], true
	}
	others, err := x.look(ctx, d.suspects)
	if err != nil {
		return err
	}
	expired, err := x.lookAtExpired(ctx)
	if err != nil {
		return err
	}
	others += expired
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
	if n := len(x.doubts.headless); n > 0 {
		x.Log.Info().Int("messages", n).Msg("server does not give the headers of messages (TOP): those that are due to be deleted are retrieved to compare them first")
	}
	if d.reused+others > 0 {
		x.Log.Warn().Int("messages", d.reused+others).Msg("server uses UIDLs again, for other messages or with other sizes")
	}
	return nil
}

// lookAtExpired examines the messages that are due to be deleted, for half of the time that the
// session has left at most: the deletions need the other half. Those for which that is too short
// are left for another session.
func (x *Matcher) lookAtExpired(ctx context.Context) (others int, err error) {
	d, size, enough := &x.Difference, examineChunk, func() bool { return false }
	if ends := x.Mailbox.Ends(); !ends.IsZero() {
		left := time.Until(ends)
		stop := time.Now().Add(left / 2)
		size = int(max(1, min(examineChunk, left/headerTime)))
		enough = func() bool { return time.Now().After(stop) }
	}
	for from := 0; from < len(d.Expired); from += size {
		if from > 0 && enough() {
			d.Expired, x.More = d.Expired[:from], true
			break
		}
		chunk := d.Expired[from:min(from+size, len(d.Expired))]
		for _, due := range chunk {
			note(&x.doubts.overdue, due.Entry.Number)
		}
		n, err := x.look(ctx, chunk)
		if err != nil {
			return others, err
		}
		others += n
	}
	return others, nil
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

// notExamined returns the settled messages of the listing that were not examined.
func (x *Matcher) notExamined(ctx context.Context) (all []Lookalike, err error) {
	err = x.lookup(ctx, func(e Entry, r ledger.Record, recorded bool) {
		if recorded && r.State != ledger.Failed && !x.doubts.examined[e.Number] {
			all = append(all, Lookalike{e, r})
		}
	})
	return all, err
}

func (x *Matcher) examineChunk(ctx context.Context, chunk []Lookalike) (others int, err error) {
	isSkipped := func(s Lookalike) bool { return s.Record.Skipped }
	others, err = x.examineSkipped(ctx, slices.DeleteFunc(slices.Clone(chunk), func(s Lookalike) bool { return !isSkipped(s) }))
	if err != nil {
		return 0, err
	}
	chunk = slices.DeleteFunc(slices.Clone(chunk), isSkipped)
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
		headless := x.noteHeadless(s, was)
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
			known = append(known, as) // it may have been delivered under this key
			others++
		case asked, headless, refused[s.Entry.Number] != nil && !x.doubts.noHeaders && s.Record.State != ledger.Quarantined:
			x.doubt(s, s.Record.UIDL+ledger.DoubtfulMark)
		case !gone:
		case s.Record.State == ledger.Quarantined, was == ledger.Identity{} && s.Record.Delivered.IsZero():
			known = append(known, s.Record.Key) // nothing is recorded to compare it with
		case s.Record.State != ledger.Deleted && s.Record.Missed < 3:
			known = append(known, s.Record.Key) // one faulty listing is not worth retrieving it
		default:
			x.doubt(s, s.Record.UIDL+ledger.DoubtfulMark)
		}
	}
	return others, x.NoteListedAgain(ctx, known)
}

// noteHeadless notes a message that is due to be deleted from a server without TOP, and reports
// whether it is one. The header that comes with the message decides, as TOP's would: by then, other
// rules may take other attachments from the same message.
func (x *Matcher) noteHeadless(s Lookalike, was ledger.Identity) bool {
	if !x.doubts.noHeaders || was == (ledger.Identity{}) || !x.Overdue(s.Entry.Number) {
		return false
	}
	if x.doubts.headless == nil {
		x.doubts.headless = make(map[int]ledger.Identity)
	}
	x.doubts.headless[s.Entry.Number] = was
	return true
}

// identities returns what is recorded of the messages' headers, by the numbers of the entries.
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

// doubt gives a message another UIDL than the recorded one until the two have been compared.
func (x *Matcher) doubt(s Lookalike, uidl string) {
	x.Listing.rename(s.Entry.Number, uidl)
	if x.doubts.same == nil {
		x.doubts.same = make(map[int]ledger.Key)
	}
	x.doubts.same[s.Entry.Number] = s.Record.Key
}

// headers runs TOP for the messages with a recorded identity. It returns the identities, and
// the refusals.
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
