package history

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// How long what is no file is kept.
const (
	keepTroubles = 90 * 24 * time.Hour
	keepLeftOut  = 30 * 24 * time.Hour
	keepQuarters = 40 * 24 * time.Hour
)

// The sizes of steps, each of a few milliseconds.
const (
	pruneItems = 25
	pruneRows  = 100
	prunePages = 100
	// slackPages is how many free pages stay in the file, for what comes next.
	slackPages = 2000
)

// keptTroubles bounds the troubles of one account: a server may say something else each time.
const keptTroubles = 200

// pruning removes what is too old and puts the index in order, step by step.
type pruning struct {
	due  bool
	task int
	at   int64 // where a task is
}

// pruneTasks do one step each, and report whether they are done.
var pruneTasks = []func(*pruning, context.Context, *batch) (done bool, err error){
	(*pruning).index,
	(*pruning).items,
	(*pruning).leftOut,
	(*pruning).troubles,
	(*pruning).small,
	(*pruning).polls,
}

// next does one step.
func (p *pruning) next(ctx context.Context, w *writer) error {
	if p.task >= len(pruneTasks) {
		done, err := w.shrink(ctx)
		if done || err != nil {
			*p = pruning{due: err != nil}
		}
		return err
	}
	done := false
	err := w.batch(ctx, func(b *batch) (err error) {
		done, err = pruneTasks[p.task](p, ctx, b)
		return err
	})
	if err != nil {
		*p = pruning{due: true}
		return fmt.Errorf("remove what is old: %w", err)
	}
	if done {
		p.task++
		p.at = 0
	}
	return nil
}

func (p *pruning) index(ctx context.Context, b *batch) (bool, error) {
	if !b.text {
		return true, nil
	}
	return b.index(ctx)
}

// items removes the oldest items beyond the number and the time that are kept.
func (p *pruning) items(ctx context.Context, b *batch) (done bool, err error) {
	var kept int64
	if err := b.tx.QueryRow("SELECT coalesce(sum(files), 0) FROM account").Scan(&kept); err != nil {
		return false, err
	}
	over := max(0, min(pruneItems, kept-int64(b.history.options.Items)))
	before := time.Now().Add(-b.history.options.Keep).UnixMilli()
	var old []oldItem
	for _, q := range []struct {
		where string
		args  []any
	}{
		{"at < ? ORDER BY at LIMIT ?", []any{before, pruneItems}},
		{"id > 0 ORDER BY id LIMIT ?", []any{over}},
	} {
		if len(old) > 0 || q.args[len(q.args)-1] == int64(0) {
			continue
		}
		err := eachRow(ctx, b.tx, "SELECT id, name, sender_name, sender, subject, account, message, size, at FROM item WHERE "+q.where, func(r *sql.Rows) error {
			o, err := scanOld(r)
			old = append(old, o)
			return err
		}, q.args...)
		if err != nil {
			return false, err
		}
	}
	for i := range old {
		if err := b.removeItem(&old[i]); err != nil {
			return false, err
		}
	}
	if len(old) == 0 {
		return true, nil
	}
	if err := b.set(keyPruned, b.floor); err != nil {
		return false, err
	}
	return false, b.set(keyPrunedID, b.prunedID)
}

// oldItem is an item that is about to go.
type oldItem struct {
	indexed
	account, message, size, at int64
}

func scanOld(r *sql.Rows) (o oldItem, err error) {
	var name, senderName, sender, subject string
	err = r.Scan(&o.id, &name, &senderName, &sender, &subject, &o.account, &o.message, &o.size, &o.at)
	o.indexed = newIndexed(o.id, name, senderName, sender, subject)
	return o, err
}

func (b *batch) removeItem(o *oldItem) error {
	if err := b.exec("DELETE FROM item WHERE id = ?", o.id); err != nil {
		return err
	}
	in, err := b.isIndexed(o.id)
	if err != nil {
		return err
	}
	if in {
		b.unindex = append(b.unindex, o.indexed)
	}
	b.totals[o.account] = b.totals[o.account].plus(sums{files: -1, bytes: -o.size})
	b.floor, b.prunedID = max(b.floor, o.at), max(b.prunedID, o.id)
	return b.removeMessage(o.message)
}

// isIndexed reports whether the text index has an item.
func (b *batch) isIndexed(id int64) (in bool, err error) {
	if !b.text || b.whole {
		return b.text, nil
	}
	err = b.tx.QueryRow("SELECT NOT EXISTS (SELECT 1 FROM setting WHERE key = ? AND value > ?)", keyTextFrom, id).Scan(&in)
	return in, err
}

// removeMessage removes a message that nothing is left of.
func (b *batch) removeMessage(id int64) error {
	return b.exec("DELETE FROM message WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM item WHERE message = ?1) AND NOT EXISTS (SELECT 1 FROM left_out WHERE message = ?1)", id)
}

func (p *pruning) leftOut(ctx context.Context, b *batch) (done bool, err error) {
	before := time.Now().Add(-keepLeftOut).UnixMilli()
	var ids, messages []int64
	err = eachRow(ctx, b.tx, "SELECT id, message FROM left_out WHERE id > 0 AND at < ? ORDER BY id LIMIT ?", func(r *sql.Rows) error {
		var id, message int64
		err := r.Scan(&id, &message)
		ids, messages = append(ids, id), append(messages, message)
		return err
	}, before, pruneRows)
	if err != nil {
		return false, err
	}
	for i, id := range ids {
		if err := b.exec("DELETE FROM left_out WHERE id = ?", id); err != nil {
			return false, err
		}
		if err := b.removeMessage(messages[i]); err != nil {
			return false, err
		}
	}
	if len(ids) == pruneRows {
		return false, nil
	}
	return true, b.exec("DELETE FROM reason WHERE NOT EXISTS (SELECT 1 FROM left_out WHERE reason = reason.id)")
}

func (p *pruning) troubles(_ context.Context, b *batch) (done bool, err error) {
	result, err := b.tx.Exec("DELETE FROM trouble WHERE id IN (SELECT id FROM trouble WHERE last < ? AND over IS NOT NULL ORDER BY last LIMIT ?)", time.Now().Add(-keepTroubles).UnixMilli(), pruneRows)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n < pruneRows, err
}

// small prunes what is little in any case.
func (p *pruning) small(_ context.Context, b *batch) (done bool, err error) {
	now := time.Now()
	if err := b.exec("DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE at < ? ORDER BY id LIMIT ?)", now.Add(-keepTroubles).UnixMilli(), pruneRows); err != nil {
		return false, err
	}
	if err := b.exec("DELETE FROM session WHERE until < ?", now.UnixMilli()); err != nil {
		return false, err
	}
	return true, b.exec("DELETE FROM quarter WHERE at < ?", now.Add(-keepQuarters).Unix())
}

// polls removes the polls of accounts that were not polled for as long as files are kept.
func (p *pruning) polls(ctx context.Context, b *batch) (done bool, err error) {
	before := time.Now().Add(-b.history.options.Keep).UnixMilli()
	var ids []int64
	n := 0
	err = eachRow(ctx, b.tx, "SELECT id, (SELECT max(at) FROM poll WHERE account = account.id) FROM account WHERE id > ? ORDER BY id LIMIT ?", func(r *sql.Rows) error {
		var last sql.NullInt64
		err := r.Scan(&p.at, &last)
		if n++; last.Valid && last.Int64 < before {
			ids = append(ids, p.at)
		}
		return err
	}, p.at, pruneRows)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if err := b.exec("DELETE FROM poll WHERE account = ?", id); err != nil {
			return false, err
		}
	}
	return n < pruneRows, nil
}

// shrink gives free pages back to the file system, and reports whether none is left to give.
func (w *writer) shrink(ctx context.Context) (done bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db == nil {
		return true, nil
	}
	var free int
	if err := w.db.conn.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil || free <= slackPages {
		return true, err
	}
	_, err = w.db.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", prunePages))
	return false, err
}
