package fetcher

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
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

// maxPending is how many files may wait to be committed before the poll waits for them in turn.
const maxPending = 2 * groupFiles

// commitGrace is how long the last group may take once the poll was cancelled,
// so that a stop commits what is staged and still ends in time.
const commitGrace = 8 * time.Second

// committer gathers staged messages into groups and commits them, in its own
// goroutine, so that the next messages are read while the disk works.
type committer struct {
	account string
	ledger  *sqlite.Ledger
	sink    Sink
	now     func() time.Time
	// skipDuplicates leaves out bytes that the account received before.
	skipDuplicates bool
	// delivered is called from the committer's goroutine after each group.
	delivered func([]*ledger.Message)

	staged chan *ledger.Message
	ended  chan struct{}

	mu      sync.Mutex
	err     error      // guarded by mu: why nothing more is committed
	pending int        // guarded by mu: files that wait to be committed
	fewer   *sync.Cond // of mu: pending has become less
}

// startCommitter begins the goroutine, which ends after finish.
func startCommitter(ctx context.Context, c *committer) *committer {
	c.staged = make(chan *ledger.Message, groupMessages)
	c.ended = make(chan struct{})
	c.fewer = sync.NewCond(&c.mu)
	go c.run(ctx)
	return c
}

// add hands over one staged message. It blocks while the disk is behind, which
// bounds what is staged and not committed. It returns the error that stopped
// the committer, if one did; the message is then discarded.
func (c *committer) add(m *ledger.Message) error {
	c.mu.Lock()
	for c.pending >= maxPending && c.err == nil {
		c.fewer.Wait()
	}
	err := c.err
	c.pending += len(m.Attachments)
	c.mu.Unlock()
	if err != nil {
		c.sink.Discard(m.Attachments)
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

// finish commits what is left and returns the first error of all groups.
func (c *committer) finish() error {
	close(c.staged)
	<-c.ended
	return c.failure()
}

// idle reports whether no file waits to be committed.
func (c *committer) idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending == 0
}

func (c *committer) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *committer) run(ctx context.Context) {
	defer close(c.ended)
	// The groups outlive the poll's cancellation by a bounded grace: what was
	// staged is worth a few fsyncs.
	commitCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(commitGrace, cancel) })
	defer stop()

	var group []*ledger.Message
	var size int64
	files := 0
	age := time.NewTimer(groupAge)
	defer age.Stop()
	flush := func() {
		if len(group) == 0 {
			return
		}
		c.done(files, c.commit(commitCtx, group))
		group, size, files = nil, 0, 0
	}
	for {
		select {
		case m, more := <-c.staged:
			switch {
			case !more:
				flush()
				return
			case c.failure() != nil:
				c.sink.Discard(m.Attachments)
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

// commit makes a group durable and visible, in the order that the package's
// documentation gives. Staging files are discarded only while the ledger does
// not know them; from then on recovery finishes the group.
func (c *committer) commit(ctx context.Context, group []*ledger.Message) error {
	if c.skipDuplicates {
		if err := c.leaveOutDuplicates(ctx, group); err != nil {
			return err
		}
	}
	files := staged(group)
	if err := c.sink.Sync(ctx, files); err != nil {
		c.sink.Discard(files)
		return fmt.Errorf("sync attachments: %w", err)
	}
	if err := c.ledger.Stage(ctx, c.account, group); err != nil {
		// The transaction may have reached the disk even so: the files stay
		// until the next poll's recovery has asked the ledger.
		return fmt.Errorf("record attachments: %w", err)
	}
	if err := c.publish(ctx, group); err != nil {
		return err
	}
	c.delivered(group)
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
func (c *committer) leaveOutDuplicates(ctx context.Context, group []*ledger.Message) error {
	type content struct {
		sum  [32]byte
		size int64
	}
	seen := make(map[content]bool)
	for _, m := range group {
		if m.State == ledger.Quarantined {
			continue
		}
		for i := range m.Attachments {
			a := &m.Attachments[i]
			if a.Sidecar || a.Quarantine || a.StagingID == "" {
				continue // a sidecar goes the way of the attachment behind it; what was delivered before is not staged
			}
			is := content{a.SHA256, a.Size}
			received := seen[is]
			if !received {
				var err error
				if received, err = c.ledger.Received(ctx, c.account, a.SHA256, a.Size); err != nil {
					return fmt.Errorf("look for duplicates: %w", err)
				}
			}
			seen[is] = true
			if !received {
				continue
			}
			duplicate := m.Attachments[i : i+1]
			if i > 0 && m.Attachments[i-1].Sidecar {
				duplicate = m.Attachments[i-1 : i+1]
			}
			if err := c.sink.Discard(duplicate); err != nil {
				return fmt.Errorf("discard duplicate: %w", err)
			}
			for i := range duplicate {
				duplicate[i].StagingID, duplicate[i].LeftOut = "", true
			}
		}
	}
	return nil
}

// publish gives the staged files of a group that the ledger knows their names
// and marks the group delivered.
func (c *committer) publish(ctx context.Context, group []*ledger.Message) error {
	for _, m := range group {
		for i := range m.Attachments {
			if m.Attachments[i].StagingID == "" {
				continue
			}
			if err := c.sink.Publish(&m.Attachments[i]); err != nil {
				return fmt.Errorf("publish attachment: %w", err)
			}
		}
	}
	if err := c.sink.SyncFolders(); err != nil {
		return fmt.Errorf("sync folders: %w", err)
	}
	if err := c.removeJoined(group); err != nil {
		return err
	}
	generation, err := c.ledger.Generation(ctx, c.account)
	if err == nil {
		err = c.sink.SetMark(generation)
	}
	if err != nil {
		return fmt.Errorf("mark the folder: %w", err)
	}
	if err := c.ledger.Delivered(ctx, c.account, group, c.now()); err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	return nil
}

// StaleError says that the account's folder has deliveries that the ledger does not
// know of: it was lost, or is an older copy. To go on would deliver them again.
type StaleError struct {
	Mark, Generation int64 // how far the folder is, and the ledger
}

// Error says what happened and what to do.
func (e *StaleError) Error() string {
	return fmt.Sprintf("the state file is older than this account's folder, or was lost and made anew: the folder had %d groups delivered, the state knows %d. "+
		"Put the newest state file back; if there is none, attachd state rebuild records what is on the server as delivered", e.Mark, e.Generation)
}

// CheckMark returns a [*StaleError] for a ledger that is behind an account's folder, whose mark is given; nil is a ledger that is not there.
func CheckMark(ctx context.Context, led *sqlite.Ledger, account string, mark int64) error {
	var generation int64
	if led != nil {
		var err error
		if generation, err = led.Generation(ctx, account); err != nil {
			return err
		}
	}
	if mark > generation {
		return &StaleError{mark, generation}
	}
	return nil
}

// checkMark returns a [*StaleError] for a ledger that is behind the folder.
func (c *committer) checkMark(ctx context.Context) error {
	mark, err := c.sink.Mark()
	if err != nil {
		return err
	}
	return CheckMark(ctx, c.ledger, c.account, mark)
}

// recoverStaged finishes what an earlier poll staged and could not complete,
// and removes the staging files that the ledger never came to know.
func (c *committer) recoverStaged(ctx context.Context) (finished int, swept int, err error) {
	if err := c.checkMark(ctx); err != nil {
		return 0, 0, err
	}
	group, err := c.ledger.Unfinished(ctx, c.account)
	if err != nil {
		return 0, 0, fmt.Errorf("read unfinished deliveries: %w", err)
	}
	if len(group) > 0 {
		if err := c.publish(ctx, group); err != nil {
			return 0, 0, fmt.Errorf("finish an interrupted delivery: %w", err)
		}
		c.delivered(group)
	}
	swept, err = c.sink.Sweep()
	if err != nil {
		return len(group), swept, fmt.Errorf("remove unfinished files: %w", err)
	}
	return len(group), swept, nil
}
