package poll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// received is a message that is staged and not yet known to be whole. A server that does not
// stuff a lone dot ends it early, and the text behind the dot may look like a reply, as if it
// were the next message.
type received struct {
	entry   identity.Entry
	octets  int64
	message *ledger.Message
	known   identity.Standing
	undated bool
	slack   int64 // see tailReader
	whole   bool  // it is shorter than listed, and ends with its closing delimiter
}

// batch is the messages that are committed together, once the server has answered each RETR and
// then STAT, neither more nor less.
type batch struct {
	entries []identity.Entry
	asked   int // entries whose reply has come or begun
	staged  []received
	octets  int64         // that have come
	refused map[int]error // why the server refused RETR, by index of entries
	within  bool          // the line or the disk failed within a message
	full    error         // the disk became full, and no message is to blame
	proven  bool          // no message was cut, although STAT was no proof
	held    int64         // bytes of memory
	putOff  bool          // further messages are not staged, for want of memory
}

// retrieveEach fetches the entries in one go, batch by batch. If something fails in a batch,
// only those of its messages are committed that are surely whole.
func (p *poll) retrieveEach(ctx context.Context, entries []identity.Entry, stage stage) error {
	return p.retrieveUnless(ctx, func() bool { return false }, entries, stage)
}

// retrieveUnless is retrieveEach, and asks for no more messages once enough says so.
func (p *poll) retrieveUnless(ctx context.Context, enough func() bool, entries []identity.Entry, stage stage) error {
	p.fetch.stop.works.Store(true)
	var batches []*batch // that were asked for
	pace := newPace(p.poller.now(), p.timeLeft())
	next := func() *batch {
		if len(entries) == 0 {
			return nil
		}
		if enough() || p.fetch.stop.err() != nil {
			p.fetch.unasked += len(entries)
			entries = nil
			return nil
		}
		n := 1 // after the line has broken, so that the good ones go through
		if !p.fallback.unpipelined {
			n = pace.batch(entries)
		}
		b := &batch{entries: entries[:n], refused: make(map[int]error)}
		batches, entries = append(batches, b), entries[n:]
		return b
	}
	at := 0 // the batch whose replies come
	err := p.mailbox.Retrieve(withProofs(next), p.wholeOctets, func(n int, body io.Reader, err error) error {
		b := batches[at]
		if n != mailbox.Confirm {
			return p.receive(ctx, b, n, body, err, stage)
		}
		if err != nil {
			if err := p.prove(b, err); err != nil {
				return err
			}
		}
		at++
		pace.came(len(b.entries), b.octets, p.poller.now())
		if err := p.commitBatch(ctx, b); err != nil || at == len(batches) {
			return err
		}
		return p.fetch.stop.err()
	})
	if err != nil && at < len(batches) {
		return p.salvage(ctx, batches[at], err)
	}
	return err
}

// suspect returns the first message that may have been cut: it has fewer octets than listed, or
// its listed size is not known.
func (b *batch) suspect() (identity.Entry, bool) {
	for _, r := range b.staged {
		if r.octets < r.entry.Size || r.entry.Size < 0 {
			return r.entry, true
		}
	}
	return identity.Entry{}, false
}

// prove makes sure that no message of a batch was cut. It is for servers that answer STAT
// otherwise than before: some count mail while it arrives. Whoever sent a message can't know a
// UIDL, so one UIDL is asked for, where requests go one by one. Without proof, prove returns a
// [*mailbox.StepError].
func (p *poll) prove(b *batch, differs error) error {
	suspect, found := b.suspect()
	if !found {
		return nil
	}
	if l := p.matcher.Listing; len(l.Entries) > 0 && p.mailbox.Traits().Window == 1 {
		last := l.Entries[len(l.Entries)-1]
		want, _, _ := strings.Cut(p.uidl(last), "\x00") // the server did not send the mark
		uidl, err := p.mailbox.Key(last.Number)
		if b.proven = err == nil && uidl == want; b.proven {
			return nil
		}
		if _, refused := mailbox.Refused(err); err != nil && !refused {
			return err
		}
	}
	return &mailbox.StepError{Detail: fmt.Sprintf("%v; message %d may have been %s", differs, suspect.Number, p.mailbox.Traits().Cut)}
}

// withProofs returns the numbers of the messages to retrieve, with [mailbox.Confirm] behind each
// batch. next returns nil after the last one. The reply to Confirm shows that the last message has
// ended. Some servers answer it otherwise each time: no harm is done if each message has come as
// long as listed.
func withProofs(next func() *batch) iter.Seq[int] {
	return func(yield func(int) bool) {
		for b := next(); b != nil; b = next() {
			for _, e := range b.entries {
				if !yield(e.Number) {
					return
				}
			}
			if !yield(mailbox.Confirm) {
				return
			}
		}
	}
}

// index returns the place among entries of the message that a reply is about, -1 for none.
// Over POP3 replies come in the order of the questions, elsewhere in any.
func (b *batch) index(number int) int {
	if b.asked < len(b.entries) && b.entries[b.asked].Number == number {
		return b.asked
	}
	return slices.IndexFunc(b.entries, func(e identity.Entry) bool { return e.Number == number })
}

// receive stages one message, or notes that the server refused it.
func (p *poll) receive(ctx context.Context, b *batch, number int, body io.Reader, refused error, stage stage) error {
	i := b.index(number)
	if i < 0 {
		return &mailbox.StepError{Detail: fmt.Sprintf("message %d came, which was not asked for", number)}
	}
	e := b.entries[i]
	b.asked++
	defer func() { p.giveRoom(e.Size) }() // it is on the disk by now, or has failed
	if failed := p.delivery.Err(); failed != nil {
		return failed
	}
	if refused != nil {
		b.refused[i] = refused
		return nil
	}
	body, known := p.byHeader(e, body)
	if known != identity.Unknown {
		stage = p.passOver
	}
	counted := p.bounded(e, body)
	kinds, err := p.matcher.Digests(ctx, e)
	if err != nil {
		return err
	}
	counted.hashes = digest.NewHashes(kinds...)
	m, err := p.stage(ctx, b, e, counted, stage)
	b.octets += counted.n
	switch {
	case err != nil, m == nil:
	case known == identity.Settled:
		m.Key = p.matcher.Settle(e.Number)
	case known == identity.Unknown:
		known, err = p.identify(ctx, e, counted, m)
	}
	if err != nil {
		b.within = true
		return fmt.Errorf("retrieve message %d (UIDL %q) of %s: %w", e.Number, p.uidl(e), p.Account.Addr, err)
	}
	if m != nil && !p.holds(ctx, b, e, m) {
		p.fetch.unkept++
		m = nil
	}
	if m != nil {
		header := p.fetch.header.Header()
		whole := counted.n < e.Size && counted.tail.whole(header)
		p.fetch.stop.open.Store(true)
		b.staged = append(b.staged, received{e, counted.n, m, known, identity.Undated(m, header), counted.tail.slack, whole})
	}
	return nil
}

// stage stages one message and reads it to its end. It returns nil for a message that is not to
// be committed.
func (p *poll) stage(ctx context.Context, b *batch, e identity.Entry, counted *boundedReader, stage stage) (m *ledger.Message, err error) {
	if b.putOff {
		p.fetch.unkept++
	} else {
		m, err = stage(ctx, e, counted)
	}
	if err != nil && counted.err == nil && ctx.Err() == nil {
		m, err = nil, p.refusedByDisk(ctx, b, e, err)
	}
	if m != nil {
		p.fetch.misplaced = 0
	}
	if err != nil {
		return nil, err
	}
	// What the sink did not read counts, too, and must end.
	if _, err = io.Copy(io.Discard, counted); err == nil {
		if m != nil {
			m.Header = identity.Identify(p.fetch.header.Header()).Header
		}
		return m, nil
	}
	if m != nil {
		p.delivery.Discard(ctx, m.Attachments)
	}
	return nil, p.blame(ctx, e, counted, err)
}

// identify finds out which message was staged.
func (p *poll) identify(ctx context.Context, e identity.Entry, counted *boundedReader, m *ledger.Message) (identity.Standing, error) {
	read := identity.Read{Octets: counted.n, Digests: counted.hashes.Digests(), Header: p.fetch.header.Header()}
	known, drop, err := p.matcher.Identify(ctx, e, read, m)
	if err != nil {
		drop = m.Attachments
	}
	if len(drop) > 0 {
		p.delivery.Discard(ctx, drop)
	}
	return known, err
}

// commitBatch hands a complete batch to the committer. It keeps back truncated messages.
func (p *poll) commitBatch(ctx context.Context, b *batch) error {
	defer p.giveBatch(b)
	p.fetch.stop.open.Store(false)
	err := p.noteRefused(ctx, b)
	whole := b.staged[:0]
	differ := p.fetch.sizes.differ
	p.fetch.sizes.note(b.staged)
	all := true
	for _, r := range b.staged {
		switch {
		case !b.proven && p.maybeCut(r, differ),
			!all && delivery.IsJoined(r.message): // it may have been joined from a piece that was cut
			all = false
			p.delivery.Discard(ctx, r.message.Attachments)
			err = errors.Join(err, p.noteCut(ctx, r))
		case p.isTruncated(r):
			deliver, failed := p.noteTruncated(ctx, r)
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

// salvage commits those messages of a failed batch that are surely whole, and discards the
// rest. It returns cause, with what failed besides.
func (p *poll) salvage(ctx context.Context, b *batch, cause error) error {
	defer p.giveBatch(b)
	whole := p.aboveSuspicion(b)
	// Other failures are noted already, or nobody's fault, or the session is made again without
	// pipelining.
	if !b.within && ctx.Err() == nil && mailbox.Broken(cause) && p.charges(cause, p.fetch.begun <= b.asked && (b.asked == 0 || p.fallback.unpipelined)) {
		suspect := b.entries[0] // the only one, or the first of all
		attempts, err := p.attempts(ctx, suspect)
		switch {
		case err != nil:
			cause = errors.Join(cause, err)
		case attempts > 0 && exact(b.staged) == 1:
			whole = 1 // it has its listed size, and the line breaks behind it each time
		default:
			cause = errors.Join(cause, p.noteFailure(ctx, suspect, cause, afterBreak))
		}
	}
	if failed := p.addFirst(ctx, b.staged, whole); failed != nil && !errors.Is(cause, failed) {
		cause = errors.Join(cause, failed)
	}
	return cause
}

// addFirst hands the first n messages to the committer and discards the others.
func (p *poll) addFirst(ctx context.Context, staged []received, n int) error {
	ctx = context.WithoutCancel(ctx) // what is staged is committed even when the process stops
	err := p.findPutBack(ctx, staged[:n])
	if err != nil {
		n = 0
	}
	var again []ledger.Key
	var back []ledger.Listed
	var before []identity.Entry
	for i, r := range staged {
		if i < n && (p.Account.deletesAtOnce() || p.matcher.Overdue(r.entry.Number)) {
			p.reserve()
		}
		if i < n && r.cameBefore() {
			p.fetch.before++
		}
		if i < n && r.known == identity.Unknown {
			if failed := p.delivery.Add(ctx, r.message); failed != nil {
				err = failed
			}
			continue
		}
		p.delivery.Discard(ctx, r.message.Attachments)
		switch {
		case i >= n:
			p.fetch.again++
		case r.known == identity.Settled:
			p.removal.settled[r.entry.Number] = true
			p.Past.envelopes.remember(r.message.Key, delivery.Show(r.message.Envelope))
			if was, doubtful := p.matcher.Doubtful(r.entry.Number); r.entry.IsNameless() || doubtful && was == r.message.Key {
				again = append(again, r.message.Key)
			}
		case r.known == identity.PutBack:
			back = append(back, ledger.Listed{Key: r.message.Key, Identity: r.message.Identity()})
			p.tellPutBack(r.message)
		case r.known == identity.BeforeStart:
			before = append(before, r.entry)
		}
	}
	return errors.Join(err, p.noteBefore(ctx, before), p.matcher.NoteRecognized(ctx, again, back))
}

// exact returns how many messages at the beginning have their listed size.
func exact(batch []received) int {
	for i, r := range batch {
		if r.octets != r.entry.Size {
			return i
		}
	}
	return len(batch)
}

// aboveSuspicion returns how many messages at the beginning of a failed batch are surely whole:
//
//   - One request at a time: all up to the first without its listed size. The last of all may
//     be cut, so it counts only if the line broke within another one.
//   - With pipelining: the same, up to the last message whose listed size no other message of
//     the batch has. A server that drops or invents a reply has each further message pass for
//     its neighbour; a size of its own proves a message and those before it.
//   - A store that says how long each message is: all that have come to their end.
func (p *poll) aboveSuspicion(b *batch) int {
	if p.mailbox.Traits().Cut == "" {
		return len(b.staged)
	}
	n := exact(b.staged)
	if p.mailbox.Traits().Window == 1 {
		if !b.within {
			n = min(n, max(len(b.staged)-1, 0))
		}
		return n
	}
	sizes := make(map[int64]int)
	for _, e := range b.entries {
		sizes[e.Size]++
	}
	for n > 0 && sizes[b.staged[n-1].entry.Size] > 1 {
		n--
	}
	return n
}
