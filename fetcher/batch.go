package fetcher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// A batch is retrieved before any of it is committed. It bounds what a server
// that falls out of step can spoil, and what is fetched again because of it.
const (
	batchMessages = 256
	batchOctets   = 8 << 20
)

// batch returns how many of the entries make the next batch. After the line has
// broken it is one, so that those in order go through.
func (p *poll) batch(entries []entry) int {
	if p.simply.unpipelined {
		return 1
	}
	n := 1
	for octets := entries[0].size; n < min(len(entries), batchMessages); n++ {
		if octets += max(entries[n].size, 0); octets > batchOctets {
			break
		}
	}
	return n
}

// received is a message that is staged and not yet known to be whole: a server that
// does not stuff a lone dot ends it early, and what follows the dot may even look
// like a reply, as if the rest of the text were the next message.
type received struct {
	entry   entry
	octets  int64
	message *ledger.Message
	known   standing
	undated bool
	slack   int64 // see tailReader
	whole   bool  // it has its end
}

// standing is what the ledger makes of a message that was retrieved.
type standing int

const (
	unknown standing = iota // to be delivered
	settled                 // delivered before
	kept                    // in quarantine: neither delivered nor deleted
	putBack                 // delivered before and deleted, and there again under another UIDL
)

// batch is messages that are committed once the server has answered each RETR
// and then STAT, neither more nor less.
type batch struct {
	entries []entry
	asked   int // entries whose reply, or the beginning of it, has come
	staged  []received
	refused map[int]error // by index of entries
	within  bool          // the line or the disk failed within a message
	full    error         // the disk became full, for which no message can be blamed
	proven  bool          // not by STAT, but for sure
	held    int64         // bytes of memory
	putOff  bool          // what comes is not staged, for want of memory
}

// retrieveEach fetches the entries in one go, batch by batch. Of the batch in which
// something fails only those are committed that are above suspicion.
func (p *poll) retrieveEach(ctx context.Context, l *listing, entries []entry, stage stage) error {
	var batches []*batch
	for rest := entries; len(rest) > 0; {
		n := p.batch(rest)
		batches = append(batches, &batch{entries: rest[:n], refused: make(map[int]error)})
		rest = rest[n:]
	}
	at := 0 // the batch that replies come for
	err := p.mailbox.Retrieve(withProofs(batches), p.wholeOctets, func(n int, body io.Reader, err error) error {
		b := batches[at]
		if n != mailbox.Confirm {
			return p.receive(ctx, l, b, body, err, stage)
		}
		if err != nil {
			if err := p.prove(l, b, err); err != nil {
				return err
			}
		}
		at++
		return p.commitBatch(ctx, l, b)
	})
	if err != nil && at < len(batches) {
		return p.salvage(ctx, l, batches[at], err)
	}
	return err
}

// short returns a message that came shorter than listed, or for all that is known.
func (b *batch) short() (entry, bool) {
	for _, r := range b.staged {
		if r.octets < r.entry.size || r.entry.size < 0 {
			return r.entry, true
		}
	}
	return entry{}, false
}

// prove makes sure that no message was cut where the server answers STAT otherwise than before, as some do that count mail as
// it comes. A UIDL is what nobody knows who sends a message; it can be asked for where nothing is on its way ahead of the replies.
func (p *poll) prove(l *listing, b *batch, differs error) error {
	cut, short := b.short()
	if !short {
		return nil
	}
	if len(l.entries) > 0 && p.mailbox.Traits().Window == 1 {
		last := l.entries[len(l.entries)-1]
		want, _, _ := strings.Cut(l.uidl(last), "\x00") // the rest is not of the server
		uidl, err := p.mailbox.Key(last.number)
		if b.proven = err == nil && uidl == want; b.proven {
			return nil
		}
		if _, refused := mailbox.Refused(err); err != nil && !refused {
			return err
		}
	}
	return &mailbox.StepError{Detail: fmt.Sprintf("%v; message %d may have been %s", differs, cut.number, p.mailbox.Traits().Cut)}
}

// withProofs are the numbers of the messages, batch by batch, with one behind each that shows that
// the last message has ended. Some servers answer it otherwise each time, which does no harm where
// each message came as long as listed.
func withProofs(batches []*batch) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, b := range batches {
			for _, e := range b.entries {
				if !yield(e.number) {
					return
				}
			}
			if !yield(mailbox.Confirm) {
				return
			}
		}
	}
}

// receive stages a message, or notes that the server refused it.
func (p *poll) receive(ctx context.Context, l *listing, b *batch, body io.Reader, refused error, stage stage) error {
	e := b.entries[b.asked]
	b.asked++
	defer func() { p.use(e.size) }() // it is on the disk, or has failed
	if failed := p.delivery.Err(); failed != nil {
		return failed
	}
	if refused != nil {
		b.refused[b.asked-1] = refused
		return nil
	}
	counted := p.bounded(e, body)
	if e.nameless() || p.byBytes {
		counted.digest = sha256.New()
	}
	var m *ledger.Message
	var err error
	if b.putOff {
		p.unkept++
	} else {
		m, err = stage(ctx, l, e, counted)
	}
	if err != nil && counted.err == nil && ctx.Err() == nil && diskFull(err) {
		m, err = nil, p.withoutRoom(ctx, l, b, e, err)
	}
	if err == nil {
		// What was not read counts, and must end, too.
		if _, err = io.Copy(io.Discard, counted); err == nil && m != nil {
			m.Header = identify(p.header.header).Header
		}
		if err != nil {
			if m != nil {
				p.delivery.Discard(ctx, m.Attachments)
			}
			err = p.blame(ctx, l, e, counted, err)
		}
	}
	known := unknown
	if err == nil && m != nil && e.nameless() {
		known, err = p.nameIt(ctx, l, e, counted, m)
	}
	if err == nil && m != nil && known == unknown {
		known, err = p.recognize(ctx, l, e, counted, m)
	}
	if err != nil {
		b.within = true
		return fmt.Errorf("retrieve message %d (UIDL %q) of %s: %w", e.number, l.uidl(e), p.account.Addr, err)
	}
	if m != nil && !p.holds(ctx, b, m) {
		p.unkept++
		m = nil
	}
	if m != nil {
		b.staged = append(b.staged, received{e, counted.n, m, known, p.undated(m), counted.tail.slack, counted.tail.whole(p.header.header)})
	}
	return nil
}

// commitBatch hands on a batch that is whole.
func (p *poll) commitBatch(ctx context.Context, l *listing, b *batch) error {
	defer p.giveBatch(b)
	err := p.noteRefused(ctx, l, b)
	whole := b.staged[:0]
	differ := p.sizes.differ
	p.sizes.note(b.staged)
	all := true
	for _, r := range b.staged {
		switch {
		case !b.proven && p.maybeCut(r, differ), !all && delivery.IsJoined(r.message): // from a piece that was cut, perhaps
			all = false
			p.delivery.Discard(ctx, r.message.Attachments)
			err = errors.Join(err, p.noteCut(ctx, l, r))
		case p.tooShort(r):
			deliver, failed := p.noteShort(ctx, l, r)
			if err = errors.Join(err, failed); deliver {
				whole = append(whole, r)
				continue
			}
			all = false
			p.delivery.Discard(ctx, r.message.Attachments)
		default:
			whole = append(whole, r)
		}
	}
	return errors.Join(err, p.addFirst(ctx, whole, len(whole)), b.full)
}

// salvage commits what is above suspicion of a batch in which cause happened, and
// discards the rest.
func (p *poll) salvage(ctx context.Context, l *listing, b *batch, cause error) error {
	defer p.giveBatch(b)
	whole := p.aboveSuspicion(b)
	// The other cases are noted already, or nobody's fault, or the poll is made again one by one.
	if !b.within && ctx.Err() == nil && p.simply.unpipelined && mailbox.Broken(cause) {
		suspect := b.entries[0] // the only one
		attempts, err := p.attempts(ctx, l, suspect)
		switch {
		case err != nil:
			cause = errors.Join(cause, err)
		case attempts > 0 && exact(b.staged) == 1:
			whole = 1 // as long as listed, and the line breaks behind it each time
		default:
			cause = errors.Join(cause, p.noteFailure(ctx, l, suspect, cause, afterBreak))
		}
	}
	if failed := p.addFirst(ctx, b.staged, whole); failed != nil && !errors.Is(cause, failed) {
		cause = errors.Join(cause, failed)
	}
	return cause
}

// addFirst hands the first messages to the committer and discards the others.
func (p *poll) addFirst(ctx context.Context, staged []received, n int) error {
	ctx = context.WithoutCancel(ctx) // a stop commits what is staged
	err := p.findPutBack(ctx, staged[:n])
	if err != nil {
		n = 0
	}
	var again []ledger.Key
	var back []ledger.Listed
	for i, r := range staged {
		if i < n && r.known == unknown {
			if failed := p.delivery.Add(ctx, r.message); failed != nil {
				err = failed
			}
			continue
		}
		p.delivery.Discard(ctx, r.message.Attachments)
		switch {
		case i >= n:
		case r.known == settled:
			p.settled[r.entry.number] = true
			p.envelopes.remember(r.message.Key, delivery.EnvelopeOf(r.message))
			if r.entry.nameless() || p.doubtful[r.entry.number] == r.message.Key {
				again = append(again, r.message.Key)
			}
		case r.known == putBack:
			back = append(back, ledger.Listed{Key: r.message.Key, Identity: r.message.Identity()})
		}
	}
	return errors.Join(err, p.noteRecognized(ctx, again, back))
}

// exact counts the messages up to the first whose octets are not as listed.
func exact(batch []received) int {
	for i, r := range batch {
		if r.octets != r.entry.size {
			return i
		}
	}
	return len(batch)
}

// aboveSuspicion counts the messages to be kept of a batch that failed. Without
// pipelining these are the ones as long as listed, but for the last, which may be cut,
// unless the line broke within another one. Ahead of the replies, a server that drops or
// invents one has each message behind it pass for a neighbour: then the length proves a message
// only if no other one has the same, and with it those before.
func (p *poll) aboveSuspicion(b *batch) int {
	n := exact(b.staged)
	if p.mailbox.Traits().Window == 1 {
		if !b.within {
			n = min(n, max(len(b.staged)-1, 0))
		}
		return n
	}
	sizes := make(map[int64]int)
	for _, e := range b.entries {
		sizes[e.size]++
	}
	for n > 0 && sizes[b.staged[n-1].entry.size] > 1 {
		n--
	}
	return n
}
