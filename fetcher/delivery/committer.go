package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// A group ends at the first of these limits. A larger group spreads the cost of a transaction and
// of the folders' fsyncs over more messages. A smaller one loses less work when the connection
// breaks.
const (
	groupMessages = 256
	groupBytes    = 32 << 20
	groupFiles    = 1000
	groupAge      = time.Second
)

// maxPending is how many files may wait to be committed before Add blocks.
const maxPending = 2 * groupFiles

// commitGrace is how long the last group may take after the poll was cancelled: a stop commits what
// is staged, and still ends before systemd kills the process.
const commitGrace = 8 * time.Second

// graceful returns a context that ends commitGrace after ctx, and the function that ends it at
// once.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(commitGrace, cancel) })
	return late, func() { stop(); cancel() }
}

// Discard removes staging files, also for a while after ctx has ended. Otherwise the poll after a
// stop would find them and report an interruption.
func (d *Delivery) Discard(ctx context.Context, files []ledger.Attachment) error {
	ctx, cancel := graceful(ctx)
	defer cancel()
	return d.Sink.Discard(ctx, files)
}

// remove removes a file that is not needed any more, also while a stop is under way, as no record
// names it.
func (d *Delivery) remove(ctx context.Context, path string) error {
	ctx, cancel := graceful(ctx)
	defer cancel()
	return d.Sink.RemoveFile(ctx, path)
}

// committer gathers staged messages into groups and commits them in its own goroutine.
type committer struct {
	staged chan *ledger.Message
	ended  chan struct{} // closed when the goroutine returns

	mu      sync.Mutex
	err     error      // guarded by mu: why nothing more is committed
	pending int        // guarded by mu: files that wait to be committed
	fewer   *sync.Cond // on mu: pending has become less, or err was set
}

// Start starts the goroutine that commits what Add hands over. The next messages are read while the
// disk works. Finish ends the goroutine; so each Start needs a Finish.
func (d *Delivery) Start(ctx context.Context) {
	c := &d.committer
	c.staged = make(chan *ledger.Message, groupMessages)
	c.ended = make(chan struct{})
	c.fewer = sync.NewCond(&c.mu)
	go d.run(ctx)
}

// Add hands over one staged message. It blocks while too many files wait for the disk. It returns
// the error that stopped the commits, if one did, and then discards the message's files.
func (d *Delivery) Add(ctx context.Context, m *ledger.Message) error {
	c := &d.committer
	c.mu.Lock()
	for c.pending >= maxPending && c.err == nil {
		c.fewer.Wait()
	}
	err := c.err
	c.pending += len(m.Attachments)
	c.mu.Unlock()
	if err != nil {
		d.Discard(ctx, m.Attachments)
		return err
	}
	c.staged <- m
	return nil
}

// done notes that a group of files no longer waits. An err ends the commits.
func (c *committer) done(files int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending -= files
	if err != nil {
		c.err = err
	}
	c.fewer.Broadcast()
}

// Finish commits what is left and ends the goroutine. It returns the error that stopped the
// commits, nil if every message that was added is committed.
func (d *Delivery) Finish() error {
	close(d.committer.staged)
	<-d.committer.ended
	return d.Err()
}

// Idle reports whether no file waits to be committed.
func (d *Delivery) Idle() bool {
	c := &d.committer
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending == 0
}

// Err returns the error that stopped the commits, nil without one.
func (d *Delivery) Err() error {
	c := &d.committer
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// run gathers groups and commits them until Finish closes the channel.
func (d *Delivery) run(ctx context.Context) {
	c := &d.committer
	defer close(c.ended)
	commitCtx, cancel := graceful(ctx) // a few fsyncs save what was staged from being fetched again
	defer cancel()

	var group []*ledger.Message
	var size int64
	files := 0
	age := time.NewTimer(groupAge)
	defer age.Stop()
	flush := func() {
		if len(group) == 0 {
			return
		}
		c.done(files, d.Commit(commitCtx, group))
		group, size, files = nil, 0, 0
	}
	for {
		select {
		case m, more := <-c.staged:
			switch {
			case !more:
				flush()
				return
			case d.Err() != nil:
				d.Sink.Discard(commitCtx, m.Attachments)
				continue
			}
			if len(group) == 0 {
				age.Reset(groupAge)
			}
			group = append(group, m)
			files += len(m.Attachments)
			for _, a := range m.Attachments {
				size += a.Size
			}
			if len(group) >= groupMessages || size >= groupBytes || files >= groupFiles {
				flush()
			}
		case <-age.C:
			flush()
		}
	}
}

// Commit makes a group durable and visible by the five steps of the package's documentation. It
// sets the Path of each attachment to the name that it really got. After an error before the
// ledger's transaction the staging files are discarded; after a later one Recover finishes the
// group.
func (d *Delivery) Commit(ctx context.Context, group []*ledger.Message) error {
	if d.Policy.SkipDuplicates {
		if err := d.leaveOutDuplicates(ctx, group); err != nil {
			return err
		}
	}
	files := staged(group)
	if err := d.Sink.Sync(ctx, files); err != nil {
		d.Discard(ctx, files)
		return fmt.Errorf("sync attachments: %w", err)
	}
	if err := d.Ledger.Stage(ctx, d.Account, group); err != nil {
		// The transaction may have reached the disk all the same. The files stay until Recover has
		// asked the ledger.
		return fmt.Errorf("record attachments: %w", err)
	}
	if err := d.publish(ctx, group); err != nil {
		return err
	}
	d.note(group)
	return nil
}

// staged returns the files of a group that are not published yet.
func staged(group []*ledger.Message) []ledger.Attachment {
	var files []ledger.Attachment
	for _, m := range group {
		for _, a := range m.Attachments {
			if a.StagingID != "" {
				files = append(files, a)
			}
		}
	}
	return files
}

// leaveOutDuplicates discards the staging files with bytes that the account received before, in an
// earlier group or in this one. Only the record of such an attachment remains.
func (d *Delivery) leaveOutDuplicates(ctx context.Context, group []*ledger.Message) error {
	var contents []ledger.Content
	for _, m := range group {
		for i := range m.Attachments {
			if mayBeDuplicate(m, i) {
				contents = slices.AppendSeq(contents, m.Attachments[i].Contents())
			}
		}
	}
	if len(contents) == 0 {
		return nil
	}
	received, err := d.Ledger.Received(ctx, d.Account, contents)
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	for _, m := range group {
		for i := range m.Attachments {
			if !mayBeDuplicate(m, i) {
				continue
			}
			if !receivedBefore(received, &m.Attachments[i]) {
				continue
			}
			duplicate := m.Attachments[i : i+1]
			if i > 0 && m.Attachments[i-1].Sidecar {
				duplicate = m.Attachments[i-1 : i+1]
			}
			if err := d.Sink.Discard(ctx, duplicate); err != nil {
				return fmt.Errorf("discard duplicate: %w", err)
			}
			for i := range duplicate {
				duplicate[i].StagingID, duplicate[i].LeftOut = "", true
			}
		}
	}
	return nil
}

// receivedBefore reports whether one of the contents received is the attachment's, by any kind of
// digest, and counts the attachment as received.
func receivedBefore(received map[ledger.Content]bool, a *ledger.Attachment) (before bool) {
	for c := range a.Contents() {
		before = before || received[c]
	}
	for c := range a.Contents() {
		received[c] = true
	}
	return before
}

// mayBeDuplicate reports whether an attachment is to be compared with those received before. These
// are not:
//
//   - what goes to quarantine;
//   - a sidecar, as the attachment behind it decides;
//   - a file without staging file: it was delivered before.
func mayBeDuplicate(m *ledger.Message, i int) bool {
	a := &m.Attachments[i]
	return m.State != ledger.Quarantined && !a.Sidecar && !a.Quarantine && a.StagingID != ""
}

// publish renames the staged files of a group into place and marks the group delivered. The ledger
// holds the group as staged already.
func (d *Delivery) publish(ctx context.Context, group []*ledger.Message) error {
	var files []*ledger.Attachment
	for _, m := range group {
		for i := range m.Attachments {
			if m.Attachments[i].StagingID != "" {
				files = append(files, &m.Attachments[i])
			}
		}
	}
	if err := d.Sink.Publish(ctx, files); err != nil {
		return fmt.Errorf("publish attachments: %w", err)
	}
	if err := d.removeJoined(ctx, group); err != nil {
		return err
	}
	generation, err := d.Ledger.Generation(ctx, d.Account)
	if err == nil {
		err = d.Sink.SetMark(ctx, generation)
	}
	if err != nil {
		return fmt.Errorf("mark the folder: %w", err)
	}
	if err := d.Ledger.Delivered(ctx, d.Account, group, d.Now()); err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}
