package fetcher

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
)

// QuarantineFolder holds, below the account's folder, the messages that could
// not be taken apart. The dot keeps it from consumers of attachments.
const QuarantineFolder = ".quarantine"

const quarantineExt = ".eml"

// A message whose retrieval the server refuses is asked again after waits that
// double from retryFirst to retryMax; the messages behind it are not held up.
const (
	retryFirst = 5 * time.Minute
	retryMax   = 24 * time.Hour
)

type quarantined struct {
	entry  entry
	reason string
}

// retrieve fetches the entries and commits them in groups. It returns nil only
// when every message that was retrieved is also committed, so that QUIT is safe.
func (p *poll) retrieve(ctx context.Context, l *listing, entries, oversize []entry) error {
	if len(entries)+len(oversize) == 0 {
		return nil
	}
	p.step = stepRetrieve
	startCommitter(ctx, p.commit)
	err := p.retrieveEach(ctx, l, entries, p.stageMessage)
	if err == nil {
		err = p.retrieveEach(ctx, l, oversize, p.stageRaw)
	}
	if err == nil && len(p.quarantine) > 0 {
		refused := p.failed
		err = p.retrieveQuarantined(ctx, l)
		if n := p.failed - refused; err == nil && n > 0 {
			// They were retrieved once, so QUIT would have Gmail take them as consumed.
			err = fmt.Errorf("retrieve %d messages again, for quarantine, from %s: refused; see the log for each", n, p.account.Addr)
		}
	}
	if err == nil && p.short > 0 {
		err = fmt.Errorf("retrieve %d messages from %s: much shorter than LIST says; see the log for each", p.short, p.account.Addr)
	}
	if failed := p.commit.finish(); failed != nil {
		// Not the line's fault, whatever became of it afterwards.
		return failed
	}
	return err
}

// stage turns one message into what the ledger records, or nil to skip it.
type stage func(ctx context.Context, l *listing, e entry, body *boundedReader) (*ledger.Message, error)

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
	settled bool // the ledger knows it as delivered or quarantined
}

// batch is messages that are committed once the server has answered each RETR
// and then STAT, neither more nor less.
type batch struct {
	entries []entry
	asked   int // entries whose reply, or the beginning of it, has come
	staged  []received
	refused map[int]error // by index of entries
	within  bool          // the line or the disk failed within a message
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
	err := p.client.RetrEach(p.questions(batches), p.window, func(n int, body io.Reader, err error) error {
		b := batches[at]
		if n != pop3.Confirm {
			return p.receive(ctx, l, b, body, err, stage)
		}
		if cut, short := b.short(); short && err != nil {
			return &pop3.ProtocolError{Detail: fmt.Sprintf("%v; message %d may have been %s", err, cut.number, pop3.CutAtLoneDot), Err: pop3.ErrDesync}
		}
		at++
		return p.commitBatch(ctx, l, b)
	})
	if err != nil && at < len(batches) {
		return p.salvage(ctx, l, batches[at], err)
	}
	return err
}

// short returns a message that came shorter than listed.
func (b *batch) short() (entry, bool) {
	for _, r := range b.staged {
		if r.octets < r.entry.size {
			return r.entry, true
		}
	}
	return entry{}, false
}

// questions are the numbers of the messages, batch by batch, with one behind each that shows that
// the last message has ended. Some servers answer it otherwise each time, which does no harm where
// each message came as long as listed.
func (p *poll) questions(batches []*batch) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, b := range batches {
			for _, e := range b.entries {
				if !yield(e.number) {
					return
				}
			}
			if !yield(pop3.Confirm) {
				return
			}
		}
	}
}

// receive stages a message, or notes that the server refused it.
func (p *poll) receive(ctx context.Context, l *listing, b *batch, body io.Reader, refused error, stage stage) error {
	e := b.entries[b.asked]
	b.asked++
	if failed := p.commit.failure(); failed != nil {
		return failed
	}
	if refused != nil {
		b.refused[b.asked-1] = refused
		return nil
	}
	counted := p.bounded(body)
	if e.nameless() {
		counted.digest = sha256.New()
	}
	m, err := stage(ctx, l, e, counted)
	if err == nil {
		// What was not read counts, and must end, too.
		if _, err = io.Copy(io.Discard, counted); err != nil {
			if m != nil {
				p.sink.Discard(m.Attachments)
			}
			err = p.blame(ctx, l, e, counted, err)
		}
	}
	settled := false
	if err == nil && m != nil && e.nameless() {
		settled, err = p.identify(ctx, l, e, counted, m)
	}
	if err == nil && m != nil && !settled {
		settled, err = p.recognize(ctx, l, e, m)
	}
	if err != nil {
		b.within = true
		return fmt.Errorf("retrieve message %d (UIDL %q) of %s: %w", e.number, l.uidl(e), p.account.Addr, err)
	}
	if m != nil {
		b.staged = append(b.staged, received{e, counted.n, m, settled})
	}
	return nil
}

// commitBatch hands on a batch that is whole.
func (p *poll) commitBatch(ctx context.Context, l *listing, b *batch) error {
	var err error
	for i, cause := range b.refused {
		err = errors.Join(err, p.refused(ctx, l, b.entries[i], cause))
	}
	whole := b.staged[:0]
	inexact := p.inexact
	p.noteSizes(b.staged)
	for _, r := range b.staged {
		switch {
		case p.maybeCut(r, inexact):
			p.sink.Discard(r.message.Attachments)
			err = errors.Join(err, p.noteCut(ctx, l, r))
		case p.tooShort(r):
			p.sink.Discard(r.message.Attachments)
			err = errors.Join(err, p.noteShort(ctx, l, r))
		default:
			whole = append(whole, r)
		}
	}
	return errors.Join(err, p.addFirst(whole, len(whole)))
}

// salvage commits what is above suspicion of a batch in which cause happened, and
// discards the rest.
func (p *poll) salvage(ctx context.Context, l *listing, b *batch, cause error) error {
	whole := p.aboveSuspicion(b)
	// The other cases are noted already, or nobody's fault, or the poll is made again one by one.
	if !b.within && ctx.Err() == nil && p.simply.unpipelined && brokenLine(cause) {
		if suspect, ok := suspect(b.staged, b.entries[b.asked:], cause); ok {
			cause = errors.Join(cause, p.noteFailure(ctx, l, suspect, cause, again))
		}
	}
	if failed := p.addFirst(b.staged, whole); failed != nil && !errors.Is(cause, failed) {
		cause = errors.Join(cause, failed)
	}
	return cause
}

// addFirst hands the first messages to the committer and discards the others.
func (p *poll) addFirst(staged []received, n int) error {
	var err error
	for i, r := range staged {
		switch {
		case i >= n:
			p.sink.Discard(r.message.Attachments)
			continue
		case r.settled && r.message.State != ledger.Quarantined:
			p.settled = append(p.settled, r.message.Key)
		}
		if r.settled {
			p.sink.Discard(r.message.Attachments)
		} else if failed := p.commit.add(r.message); failed != nil {
			err = failed
		}
	}
	return err
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
	if p.window == 1 {
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

// suspect returns the message that is the likeliest reason why the line broke, so
// that the others get their turn without it: when we fell out of step, the first of
// those received that is shorter than listed, else the last; when there was no reply,
// the one that was asked for.
func suspect(batch []received, asked []entry, cause error) (e entry, ok bool) {
	if !errors.Is(cause, pop3.ErrDesync) {
		if len(asked) == 0 {
			return e, false
		}
		return asked[0], true
	}
	for _, r := range batch {
		if e, ok = r.entry, true; r.octets < r.entry.size {
			break
		}
	}
	return e, ok
}

// again is the wait after a failure that may have been chance: none at first, and
// then longer and longer, so that the messages behind are not held up by a server that
// breaks at the same one every time.
func again(attempts int) time.Duration {
	if attempts == 0 {
		return 0
	}
	return retryFirst << min(attempts-1, 16)
}

// stageMessage takes a message apart. One that can't be is noted for quarantine.
func (p *poll) stageMessage(ctx context.Context, l *listing, e entry, counted *boundedReader) (*ledger.Message, error) {
	staged, err := p.stageSafely(ctx, l.uidl(e), counted)
	if unprocessable, ok := errors.AsType[*UnprocessableError](err); ok {
		p.quarantine = append(p.quarantine, quarantined{e, unprocessable.Error()})
		return nil, nil
	}
	if err != nil && counted.err == nil && ctx.Err() == nil && !diskFault(err) {
		attempts, lookupErr := p.attempts(ctx, l, e)
		if lookupErr != nil {
			return nil, errors.Join(err, lookupErr)
		}
		if attempts++; attempts >= p.maxAttempts() {
			p.quarantine = append(p.quarantine, quarantined{e, fmt.Sprintf("%v (attempt %d)", err, attempts)})
			return nil, nil
		}
	}
	if err != nil {
		return nil, p.blame(ctx, l, e, counted, err)
	}
	uidl := l.uidl(e)
	if len(staged.Problems) > 0 {
		level := zerolog.DebugLevel
		if staged.Doubtful {
			level = zerolog.InfoLevel
		}
		p.log.WithLevel(level).Str("uidl", printable(uidl)).Strs("problems", staged.Problems).Msg("message repaired")
	}
	p.retrieved++
	p.observe(Retrieved{Account: p.account.Name, UIDL: uidl, Octets: counted.n, Attachments: countFiles(staged.Attachments)})
	return &ledger.Message{Key: l.key(e), State: ledger.Delivered, MessageID: staged.MessageID, Attachments: staged.Attachments}, nil
}

// countFiles counts attachments without what only accompanies them.
func countFiles(files []ledger.Attachment) int {
	n := 0
	for _, f := range files {
		if !f.Sidecar {
			n++
		}
	}
	return n
}

// defaultAttempts leaves a fault that passes two polls to do so.
const defaultAttempts = 3

func (p *poll) maxAttempts() int {
	if p.account.Attempts <= 0 {
		return defaultAttempts
	}
	return p.account.Attempts
}

// diskFault reports whether staging failed for a reason that any message would fail
// for. What is left (a folder of a name that a file has, a path too long, a template)
// is for this message alone, as far as one can tell.
func diskFault(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch errno {
	case syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.EINVAL, syscall.EILSEQ, syscall.ELOOP:
		return false
	}
	return true
}

// blame notes against a message that the line broke within it, or that its files could not
// be staged.
func (p *poll) blame(ctx context.Context, l *listing, e entry, body *boundedReader, cause error) error {
	if ctx.Err() != nil || body.err == nil && diskFault(cause) || !p.simply.unpipelined && brokenLine(cause) {
		return cause // the disk's fault, or nobody's, or the poll is made again one by one
	}
	if err := p.noteFailure(ctx, l, e, cause, again); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// stageSafely is the one place that recovers from a panic: a message that
// breaks its reading is quarantined like any other that can't be handled, with
// the stack as the reason, and the daemon goes on.
func (p *poll) stageSafely(ctx context.Context, uidl string, r io.Reader) (s Staged, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &UnprocessableError{fmt.Errorf("read message: panic: %v\n%s", v, debug.Stack())}
		}
	}()
	return p.sink.Stage(ctx, uidl, r)
}

// retrieveQuarantined fetches the messages that could not be taken apart once
// more and keeps them as they are.
func (p *poll) retrieveQuarantined(ctx context.Context, l *listing) error {
	entries := make([]entry, len(p.quarantine))
	reasons := make(map[int]string, len(p.quarantine))
	for i, q := range p.quarantine {
		entries[i], reasons[q.entry.number] = q.entry, q.reason
	}
	return p.retrieveEach(ctx, l, entries, func(ctx context.Context, l *listing, e entry, bounded *boundedReader) (*ledger.Message, error) {
		uidl, reason := l.uidl(e), reasons[e.number]
		name := quarantineName(uidl, p.now())
		raw, err := p.sink.StageRaw(ctx, bounded, QuarantineFolder, name+quarantineExt)
		if err != nil {
			return nil, p.blame(ctx, l, e, bounded, err)
		}
		why, err := p.sink.StageRaw(ctx, strings.NewReader(fmt.Sprintf("account: %s\nUIDL: %q\nreason: %s\n", p.account.Name, uidl, reason)), QuarantineFolder, name+".txt")
		if err != nil {
			p.sink.Discard([]ledger.Attachment{raw})
			return nil, err
		}
		return &ledger.Message{Key: l.key(e), State: ledger.Quarantined, Reason: firstLine(reason), Attachments: []ledger.Attachment{raw, why}}, nil
	})
}

// quarantineName names a message's files by when it came and by its UIDL, which
// may hold any byte and is therefore hashed.
func quarantineName(uidl string, at time.Time) string {
	sum := sha256.Sum256([]byte(uidl))
	return at.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(sum[:8])
}

// refused handles the -ERR to one RETR: the message is asked again at a later
// poll, and the others go on.
func (p *poll) refused(ctx context.Context, l *listing, e entry, cause error) error {
	p.failed++
	longest := retryMax
	if reply, ok := errors.AsType[*pop3.Error](cause); ok && reply.Throttled() {
		longest = backoffMax // as it is not the message's fault, and its turn comes when the server thinks so
	}
	return p.noteFailure(ctx, l, e, cause, func(attempts int) time.Duration { return min(retryFirst<<min(attempts, 16), longest) })
}

// noteFailure records that a message could not be retrieved and when it is to be
// tried again, which wait tells from the attempts before.
func (p *poll) noteFailure(ctx context.Context, l *listing, e entry, cause error, wait func(attempts int) time.Duration) error {
	if e.nameless() {
		// Nothing to remember it by. The order of such messages changes from poll to poll, so that
		// one that breaks the line lets the others have their turn.
		p.log.Warn().Int("number", e.number).Err(cause).Msg("message without a UIDL not retrieved")
		return nil
	}
	uidl := l.uidl(e)
	attempts, err := p.attempts(ctx, l, e)
	if err != nil {
		return err
	}
	next := p.now().Add(min(wait(attempts), retryMax))
	if err := p.ledger.Failed(ctx, p.account.Name, l.key(e), cause.Error(), next); err != nil {
		return fmt.Errorf("record the failure of UIDL %q: %w", uidl, err)
	}
	p.log.Warn().Str("uidl", printable(uidl)).Int("attempt", attempts+1).Time("next", next).Err(cause).Msg("message not retrieved")
	return nil
}

// attempts returns how often a message failed before.
func (p *poll) attempts(ctx context.Context, l *listing, e entry) (int, error) {
	if e.nameless() {
		return 0, nil
	}
	uidl := l.uidl(e)
	records, err := p.ledger.Lookup(ctx, p.account.Name, []string{uidl})
	if err != nil {
		return 0, fmt.Errorf("read the record of UIDL %q: %w", uidl, err)
	}
	r, _ := ledger.Match(records, e.size)
	return r.Attempts, nil
}

// defaultMaxMessage is far beyond what any server accepts.
const defaultMaxMessage = 4 << 30

// boundedReader reads a message from the server: it counts, gives up on one
// without end, and remembers whether it was the line that failed.
type boundedReader struct {
	r   io.Reader
	n   int64
	max int64
	err error // of the line, or that the message is too long
	// digest, unless nil, is of what was read.
	digest hash.Hash
}

func (p *poll) bounded(r io.Reader) *boundedReader {
	return &boundedReader{r: r, max: p.maxMessage()}
}

func (p *poll) maxMessage() int64 {
	if p.account.MaxMessage <= 0 {
		return defaultMaxMessage
	}
	return p.account.MaxMessage
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.digest != nil {
		b.digest.Write(p[:n])
	}
	if b.n > b.max {
		err = fmt.Errorf("message does not end within %d octets", b.max)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// printable is a UIDL for a log: opaque bytes of the server's choice.
func printable(uidl string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, uidl)
}
