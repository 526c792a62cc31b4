package history

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// The sizes of the steps in which the state is read.
const (
	rowsStep  = 2000
	filesStep = 200 // messages
)

// refill takes from the state what the history lacks, step by step. It begins behind the newest
// message that an earlier run took, and looks again at those that could come to files then.
type refill struct {
	due     bool
	began   bool
	ran     time.Time    // when it began
	after   int64        // the last row that was read
	last    ledger.Row   // likewise
	listed  bool         // all rows were read
	todo    []ledger.Row // delivered ones, the oldest first
	all     int          // of todo, when it began
	first   bool         // it never came to its end before
	waiting []int64      // rows that may come to files
	added   int
}

// next does one step.
func (r *refill) next(ctx context.Context, w *writer) error {
	led := w.history.options.Ledger
	if led == nil {
		*r = refill{}
		return nil
	}
	var err error
	switch {
	case !r.began:
		err = r.begin(ctx, w, led)
	case !r.listed:
		err = r.list(ctx, led, w)
	case len(r.todo) > 0:
		if r.first && len(r.todo) > filesStep && w.history.Note() == "" {
			w.history.setNote(noteReading) // it takes a while, and is over at once otherwise
		}
		err = r.take(ctx, w, led)
	default:
		err = r.end(ctx, w)
	}
	if failure, ok := errors.AsType[*ledgerError](err); ok {
		if ctx.Err() == nil {
			w.history.options.Log.Warn().Err(failure).Msg("history not brought up to the state; that is tried again in some minutes")
		}
		*r = refill{}
		return nil
	}
	if err != nil {
		*r = refill{due: true}
		return fmt.Errorf("bring the history up to the state: %w", err)
	}
	return nil
}

// ledgerError is an error of the state. It is not to be taken for one of the history's file.
type ledgerError struct{ err error }

func (e *ledgerError) Error() string { return e.err.Error() }

// begin finds out where to begin: at the start, if the row that was the newest is another one now.
func (r *refill) begin(ctx context.Context, w *writer, led Ledger) error {
	set := make(map[string]int64)
	err := w.change(ctx, func(tx *tx) error {
		r.waiting = nil
		if err := eachRow(ctx, tx, "SELECT id FROM waiting ORDER BY id", func(rows *sql.Rows) error {
			var id int64
			err := rows.Scan(&id)
			r.waiting = append(r.waiting, id)
			return err
		}); err != nil {
			return err
		}
		set = settings(ctx, tx)
		return nil
	})
	if err != nil {
		return err
	}
	r.began, r.ran = true, time.Now()
	if seen := set[keySeen]; seen != 0 {
		rows, err := led.RowsOf(ctx, []int64{seen})
		if err != nil {
			return &ledgerError{err}
		}
		if len(rows) == 1 && rows[0].FirstSeen.UnixMilli() == set[keySeenMark] {
			r.after, r.last = seen, rows[0]
			return r.lookAgain(ctx, led, fromMilliseconds(set[keyRan]), w.oldest())
		}
	}
	r.waiting = nil
	r.first = set[keyRefilled] == 0
	return nil
}

// lookAgain takes up the messages that could come to files.
func (r *refill) lookAgain(ctx context.Context, led Ledger, ran time.Time, pruned int64) error {
	rows, err := led.RowsOf(ctx, r.waiting)
	if err != nil {
		return &ledgerError{err}
	}
	r.waiting = nil
	for _, row := range rows {
		// What has come since then came later, whatever the first delivery of the message was.
		if !row.Delivered.IsZero() && row.Delivered.Before(ran) {
			row.Delivered = ran
		}
		r.sort(row, pruned)
	}
	return nil
}

// sort puts a row where it belongs.
func (r *refill) sort(row ledger.Row, pruned int64) {
	if row.Open {
		r.waiting = append(r.waiting, row.ID)
	}
	if !row.Delivered.IsZero() && row.Delivered.UnixMilli() > pruned {
		r.todo = append(r.todo, row)
	}
}

// list reads the next rows.
func (r *refill) list(ctx context.Context, led Ledger, w *writer) error {
	rows, err := led.Rows(ctx, r.after, rowsStep)
	if err != nil {
		return &ledgerError{err}
	}
	pruned := w.oldest()
	for _, row := range rows {
		r.sort(row, pruned)
		r.after, r.last = row.ID, row
	}
	if len(rows) < rowsStep {
		r.listed, r.all = true, len(r.todo)
		slices.SortStableFunc(r.todo, func(a, b ledger.Row) int {
			return cmp.Or(a.Delivered.Compare(b.Delivered), cmp.Compare(a.ID, b.ID))
		})
	}
	return nil
}

// take writes the files of the next messages.
func (r *refill) take(ctx context.Context, w *writer, led Ledger) error {
	now := r.todo[:min(filesStep, len(r.todo))]
	ids := make([]int64, len(now))
	place := make(map[int64]int, len(now))
	for i, row := range now {
		ids[i], place[row.ID] = row.ID, i
	}
	messages, err := led.Filed(ctx, ids)
	if err != nil {
		return &ledgerError{err}
	}
	slices.SortFunc(messages, func(a, b ledger.Filed) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	var files []file
	for i := range messages {
		m := &messages[i]
		at := now[place[m.ID]].Delivered
		for _, a := range m.Attachments {
			files = append(files, file{at: at, account: m.Account, uidl: m.UIDL, octets: m.Size, envelope: m.Envelope, attachment: a})
		}
	}
	added := 0
	err = w.batch(ctx, func(b *batch) error {
		added = 0
		if err := b.prepare(func(yield func(account, uidl string) bool) {
			for i := range files {
				if !yield(files[i].account, files[i].uidl) {
					return
				}
			}
		}); err != nil {
			return err
		}
		for _, f := range files {
			is, err := b.file(f, true)
			if err != nil {
				return err
			}
			if is {
				added++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.added += added
	r.todo = r.todo[len(now):]
	return nil
}

// end notes how far the history has come.
func (r *refill) end(ctx context.Context, w *writer) error {
	err := w.batch(ctx, func(b *batch) error {
		if err := b.exec("DELETE FROM waiting"); err != nil {
			return err
		}
		for _, id := range r.waiting {
			if err := b.exec("INSERT OR IGNORE INTO waiting (id) VALUES (?)", id); err != nil {
				return err
			}
		}
		if err := b.set(keyRan, r.ran.UnixMilli()); err != nil {
			return err
		}
		if err := b.set(keySeen, r.last.ID); err != nil {
			return err
		}
		if r.last.ID != 0 {
			if err := b.set(keySeenMark, r.last.FirstSeen.UnixMilli()); err != nil {
				return err
			}
		}
		b.low = firstLive
		return b.set(keyRefilled, 1)
	})
	if err != nil {
		return err
	}
	if r.added > 0 {
		w.history.options.Log.Info().Int("files", r.added).Msg("files that the history lacked were taken from the state")
	}
	w.history.refilled()
	*r = refill{}
	return nil
}

// oldest returns the time up to which items were removed for their age, or would be at once.
func (w *writer) oldest() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.state.floor, time.Now().Add(-w.history.options.Keep).UnixMilli())
}
