package history

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// The times of the writing goroutine.
const (
	// lastRefill is how long the end of a history waits for what the state has and it lacks.
	lastRefill  = time.Second
	upkeepEvery = 10 * time.Minute // how often what is too old goes, and the state is asked
	restAfter   = 20 * time.Millisecond
	retryFirst  = 2 * time.Second // after a write that failed; doubled each time
	retryLast   = 5 * time.Minute
)

// step names what a test can make fail.
type step string

const (
	stepOpen   step = "open"
	stepBegin  step = "begin"
	stepCommit step = "commit"
)

// writer writes the file. All but change belongs to its goroutine.
type writer struct {
	history *History
	mu      sync.Mutex  // held while the file is written, and while another takes its place
	db      *connection // guarded by mu: nil if the file could not be made
	state   state       // guarded by mu
	refill  refill
	prune   pruning
	is      os.FileInfo // the file that is open

	found chan error // of one slot: damage that a lookup came across
}

// state is what the writer knows of the file. A transaction changes a copy, see [batch].
type state struct {
	next     int64 // the ID of the next item
	low      int64 // and that of the next one from before
	newest   int64 // the time of the newest item
	began    int64 // when the file was made
	floor    int64 // the time of the newest item that was removed for its age
	prunedID int64 // and the greatest ID
	disorder int64
	text     bool // the text index is there
	whole    bool // and has all items
	accounts map[string]int64
	open     map[int64]*ongoing // by account
	pruned   map[int64]int      // polls since the last that were too many were removed, by account
}

// run writes until the queue is closed and empty, or ctx has ended.
func (w *writer) run(ctx context.Context) {
	defer close(w.history.done)
	q := &w.history.queue
	upkeep := time.NewTicker(upkeepEvery)
	defer upkeep.Stop()
	var records []any // a batch that could not be written yet
	retry := retryFirst
	ended := false
	w.refill.due, w.prune.due = true, true
	if w.history.Err() != nil {
		w.pause(ctx, retry)
	}
	for !ended || len(records) > 0 {
		if len(records) == 0 {
			var more, missing bool
			if !w.wait(ctx, upkeep) {
				return
			}
			records, more, missing, ended = q.take()
			w.refill.due = w.refill.due || missing
			if more {
				notify(q.wake)
				notify(q.full)
				ended = false
			}
		}
		err := w.work(ctx, records)
		if err == nil {
			records, retry = nil, retryFirst
			continue
		}
		if ctx.Err() != nil || ended {
			return
		}
		w.pause(ctx, retry)
		retry = min(2*retry, retryLast)
	}
	// A process that polls once ends before it comes to this, again and again.
	for deadline := time.Now().Add(lastRefill); w.refill.due && time.Now().Before(deadline); {
		if w.work(ctx, nil) != nil {
			return
		}
	}
}

// work writes a batch, and does one small step of what is done beside.
func (w *writer) work(ctx context.Context, records []any) error {
	w.lookForFile() // or all would be written into a file that nobody finds
	err := w.damage()
	if err == nil {
		err = w.write(ctx, records)
	}
	if err == nil && w.refill.due {
		err = w.refill.next(ctx, w)
	}
	if err == nil && w.prune.due && !w.refill.due {
		err = w.prune.next(ctx, w)
	}
	return w.report(err)
}

// wait waits for something to do. It returns false if there will be nothing more.
func (w *writer) wait(ctx context.Context, upkeep *time.Ticker) bool {
	q := &w.history.queue
	beside := w.refill.due || w.prune.due
	var soon <-chan time.Time
	if beside {
		timer := time.NewTimer(restAfter)
		defer timer.Stop()
		soon = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-upkeep.C:
		w.refill.due, w.prune.due = true, true
		return true
	case <-soon:
		return true
	case <-q.wake:
	}
	age := time.NewTimer(batchAge)
	defer age.Stop()
	if beside {
		age.Reset(restAfter)
	}
	select {
	case <-ctx.Done():
		return false
	case <-age.C:
	case <-q.full:
	}
	return true
}

func (w *writer) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-w.history.queue.done:
	case <-timer.C:
	}
}

// report tells of an error once, and of its end. It makes a damaged file anew; what was to be
// written is tried again then.
func (w *writer) report(err error) error {
	h := w.history
	if isDamage(err) {
		again := w.mend(context.Background(), err)
		if again == nil {
			return err
		}
		err = again
	}
	before := h.setErr(err)
	switch {
	case err != nil && before == nil:
		h.options.Log.Error().Err(err).Str("file", h.path).Msg("history not written; deliveries go on, and it is tried again")
	case err == nil && before != nil:
		h.options.Log.Info().Str("file", h.path).Msg("history is written again")
	}
	return err
}

// write writes records in one transaction.
func (w *writer) write(ctx context.Context, records []any) error {
	if len(records) == 0 {
		return nil
	}
	return w.batch(ctx, func(b *batch) error {
		if err := b.prepare(func(yield func(account, uidl string) bool) {
			for _, r := range records {
				if f, ok := r.(file); ok && !yield(f.account, f.uidl) {
					return
				}
			}
		}); err != nil {
			return err
		}
		for _, r := range records {
			if err := b.add(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// change makes one transaction, for whoever calls.
func (w *writer) change(ctx context.Context, fn func(tx *tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.transact(ctx, fn)
}

func (w *writer) transact(ctx context.Context, fn func(tx *tx) error) error {
	if w.db == nil {
		if err := w.openFile(ctx); err != nil {
			return fmt.Errorf("open history: %w", err)
		}
	}
	err := w.ask(stepBegin)
	if err == nil {
		err = w.db.transact(ctx, fn, func() error { return w.ask(stepCommit) })
	}
	if w.db != nil && w.db.broken {
		_ = w.db.close()
		w.db = nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", w.history.path, err)
	}
	return nil
}

func (w *writer) ask(s step) error {
	if fn := w.history.options.step; fn != nil {
		return fn(s)
	}
	return nil
}

func (w *writer) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db == nil {
		return nil
	}
	err := w.db.close()
	w.db = nil
	return err
}
