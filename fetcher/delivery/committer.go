package delivery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// A group ends at whichever of these is reached first. Larger groups spread the
// cost of a transaction and of the folders' fsyncs over more messages; smaller
// ones lose less work with the line.
const (
	groupMessages = 256
	groupBytes    = 32 << 20
	groupFiles    = 1000
	groupAge      = time.Second
)

// maxPending is how many files may wait to be committed before who stages them waits in turn.
const maxPending = 2 * groupFiles

// commitGrace is how long the last group may take once the poll was cancelled,
// so that a stop commits what is staged and still ends in time.
const commitGrace = 8 * time.Second

// graceful returns a context that outlives ctx by the grace, and what ends it.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(commitGrace, cancel) })
	return late, func() { stop(); cancel() }
}

// Discard removes staging files, also while a stop is under way: else the next poll would find them
// and report an interruption.
func (d *Delivery) Discard(ctx context.Context, files []ledger.Attachment) error {
	ctx, cancel := graceful(ctx)
	defer cancel()
	return d.Sink.Discard(ctx, files)
}

// committer gathers staged messages into groups, and commits them in a goroutine of
// its own.
type committer struct {
	staged chan *ledger.Message
	ended  chan struct{}

	mu      sync.Mutex
	err     error      // guarded by mu: why nothing more is committed
	pending int        // guarded by mu: files that wait to be committed
	fewer   *sync.Cond // of mu: pending has become less
}

// Start begins the goroutine that commits what Add hands over, so that the next
// messages are read while the disk works. It ends with Finish.
func (d *Delivery) Start(ctx context.Context) {
	c := &d.committer
	c.staged = make(chan *ledger.Message, groupMessages)
	c.ended = make(chan struct{})
	c.fewer = sync.NewCond(&c.mu)
	go d.run(ctx)
}

// Add hands over one staged message. It blocks while the disk is behind, which
// bounds what is staged and not committed. It returns the error that stopped the
// commits, if one did; the message is then discarded.
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

// done notes that files don't wait any more, and err, if any, which is the end.
func (c *committer) done(files int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending -= files
	if err != nil {
		c.err = err
	}
	c.fewer.Broadcast()
}

// Finish commits what is left and returns the first error of all groups.
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

// Err returns why nothing more is committed, nil as long as all is well.
func (d *Delivery) Err() error {
	c := &d.committer
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (d *Delivery) run(ctx context.Context) {
	c := &d.committer
	defer close(c.ended)
	commitCtx, cancel := graceful(ctx) // what was staged is worth a few fsyncs
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

// Commit makes a group durable and visible, in the order that the package's
// documentation gives. Staging files are discarded only while the ledger does
// not know them; from then on recovery finishes the group.
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
		// The transaction may have reached the disk even so: the files stay
		// until the next poll's recovery has asked the ledger.
		return fmt.Errorf("record attachments: %w", err)
	}
	if err := d.publish(ctx, group); err != nil {
		return err
	}
	d.note(group)
	return nil
}

// staged lists the files of a group that wait to be published.
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

// leaveOutDuplicates discards the staging files whose bytes the account has
// received before, in an earlier group or in this one. What is left of such an
// attachment is its record.
func (d *Delivery) leaveOutDuplicates(ctx context.Context, group []*ledger.Message) error {
	var contents []ledger.Content
	for _, m := range group {
		for i := range m.Attachments {
			if mayBeDuplicate(m, i) {
				contents = append(contents, m.Attachments[i].Content())
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
			is := m.Attachments[i].Content()
			if !received[is] {
				received[is] = true
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

// mayBeDuplicate reports whether an attachment is to be compared with those received before. A sidecar goes the way of
// the attachment behind it; what was delivered before is not staged.
func mayBeDuplicate(m *ledger.Message, i int) bool {
	a := &m.Attachments[i]
	return m.State != ledger.Quarantined && !a.Sidecar && !a.Quarantine && a.StagingID != ""
}

// publish gives the staged files of a group that the ledger knows their names
// and marks the group delivered.
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
