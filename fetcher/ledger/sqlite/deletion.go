package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// DeletePending records that DELE is about to be sent for delivered messages. Keys are as
// [Ledger.Lookup] returned them. It works in chunks: after an error, some messages may have
// changed.
func (l *Ledger) DeletePending(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.DeletePending)
}

// Deleted records that the server confirmed the deletions with +OK to QUIT. It works in chunks like
// [Ledger.DeletePending].
func (l *Ledger) Deleted(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.Deleted)
}

// Spare records that a delivered message is not to be deleted before a time. It leaves a message of
// another state alone.
func (l *Ledger) Spare(ctx context.Context, account string, k ledger.Key, until time.Time) error {
	return l.changeEach(ctx, account, "spared", []ledger.Key{k}, func(ctx context.Context, c *change, k ledger.Key, known map[ledger.Key]row) error {
		r := known[k]
		if r.State != ledger.Delivered && r.State != ledger.DeletePending {
			return nil
		}
		_, err := c.tx.ExecContext(ctx, "UPDATE message SET next_attempt = ? WHERE id = ?", milliseconds(until), r.id)
		return err
	})
}

// move brings messages to a state. Those in it already stay.
func (l *Ledger) move(ctx context.Context, account string, keys []ledger.Key, to ledger.State) error {
	return l.changeChunks(ctx, account, string(to), keys, func(ctx context.Context, c *change, chunk []ledger.Key, known map[ledger.Key]row) error {
		moved := make([]int64, 0, len(chunk))
		for _, k := range chunk {
			r := known[k]
			if r.Skipped {
				return c.refuse(k, r.State, to) // nothing of it was ever fetched
			}
			changes, err := c.allow(k, r.State, to)
			if err != nil {
				return err
			}
			if changes {
				moved = append(moved, r.id)
				r.State = to
				known[k] = r
			}
		}
		for first, last := range ranges(moved) {
			if _, err := c.exec(ctx, c.setState, string(to), first, last); err != nil {
				return err
			}
		}
		return nil
	})
}

// Missed records that a listing lacked messages, see [ledger.Record.AfterMissed]. It works in
// chunks like [Ledger.DeletePending].
func (l *Ledger) Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error {
	return l.noteListing(ctx, account, "missed", keys, time.Time{}, func(r ledger.Record) ledger.Record { return r.AfterMissed(likelyMistake) })
}

// Found records that a listing has messages again, see [ledger.Record.AfterFound]. at, unless it is
// zero, becomes their time of delivery: another message was delivered then, under a key of its own,
// and stands there now. Found works in chunks like [Ledger.DeletePending].
func (l *Ledger) Found(ctx context.Context, account string, keys []ledger.Key, at time.Time) error {
	return l.noteListing(ctx, account, "found", keys, at, ledger.Record.AfterFound)
}

// noteListing changes what is recorded of those messages that are known.
func (l *Ledger) noteListing(ctx context.Context, account, name string, keys []ledger.Key, delivered time.Time, after func(ledger.Record) ledger.Record) error {
	return l.changeEach(ctx, account, name, keys, func(ctx context.Context, c *change, k ledger.Key, known map[ledger.Key]row) error {
		r, ok := known[k]
		if !ok {
			return nil
		}
		r.Record = after(r.Record)
		known[k] = r
		_, err := c.exec(ctx, c.listed, r.Missed, r.Attempts, string(r.State), milliseconds(delivered), r.id)
		return err
	})
}

// changeEach changes messages one by one, in chunks. fn updates known with what it changes.
func (l *Ledger) changeEach(ctx context.Context, account, name string, keys []ledger.Key, fn func(ctx context.Context, c *change, k ledger.Key, known map[ledger.Key]row) error) error {
	return l.changeChunks(ctx, account, name, keys, func(ctx context.Context, c *change, chunk []ledger.Key, known map[ledger.Key]row) error {
		for _, k := range chunk {
			if err := fn(ctx, c, k, known); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeChunks changes messages in chunks, so that other accounts get their turn.
func (l *Ledger) changeChunks(ctx context.Context, account, name string, keys []ledger.Key, fn func(ctx context.Context, c *change, chunk []ledger.Key, known map[ledger.Key]row) error) error {
	for chunk := range slices.Chunk(keys, moveChunk) {
		err := l.change(ctx, account, name, func(ctx context.Context, c *change) error {
			known, err := c.rows(ctx, chunk)
			if err != nil {
				return err
			}
			return fn(ctx, c, chunk, known)
		})
		if err != nil {
			return fmt.Errorf("record %d messages of account %s as %s: %w", len(keys), account, name, err)
		}
	}
	return nil
}

// Pending returns the messages of an account between DeletePending and Deleted.
func (l *Ledger) Pending(ctx context.Context, account string) (keys []ledger.Key, err error) {
	err = l.ask(ctx, account, "pending", func(id int64) error {
		// The first condition is that of the index.
		keys, err = l.keys(ctx, "SELECT uidl, size FROM message WHERE account = ? AND state IN ('delivered', 'delete_pending', 'quarantined') AND state = 'delete_pending'", id)
		return err
	})
	return keys, err
}

// Unread returns the delivered messages of an account that are [ledger.Message].Unread and, as far
// as is known, on the server.
func (l *Ledger) Unread(ctx context.Context, account string) ([]*ledger.Message, error) {
	if l.older(filesSince) {
		return nil, nil
	}
	// The second condition is that of the index.
	return l.messages(ctx, account, ledger.Delivered, "missed < 2 AND state IN ('delivered', 'delete_pending', 'quarantined') AND state = 'delivered' AND unread = 1")
}

// Due counts the messages of an account that were delivered by a time and are, as far as is known,
// on the server, without those that are spared.
func (l *Ledger) Due(ctx context.Context, account string, by time.Time, empty bool) (d ledger.Due, err error) {
	err = l.ask(ctx, account, "due", func(id int64) error {
		// The states are those of the index.
		return l.reader.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE unread = 0 AND (?3 OR files IS NOT 0)), count(*) FILTER (WHERE unread = 0 AND NOT ?3 AND files IS 0), count(*) FILTER (WHERE unread = 1)
			FROM message WHERE account = ?1 AND missed < 2 AND state IN ('delivered', 'delete_pending', 'quarantined') AND state <> 'quarantined' AND delivered <= ?2 AND (next_attempt IS NULL OR next_attempt NOT BETWEEN ?4 + 1 AND ?4 + ?5)`, id, by.UnixMilli(), empty, time.Now().UnixMilli(), ledger.LongestWait.Milliseconds()).Scan(&d.Deleted, &d.Empty, &d.Unread)
	})
	return d, err
}

// Kept counts the messages of an account that were delivered or are in quarantine and are, as far
// as is known, still on the server. present is how many of them [Ledger.Present] returns.
func (l *Ledger) Kept(ctx context.Context, account string) (kept, present int, err error) {
	err = l.ask(ctx, account, "kept", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT COUNT(*), COUNT(*) FILTER (WHERE missed < 3) FROM message WHERE account = ? AND state IN ('delivered', 'delete_pending', 'quarantined')", id).Scan(&kept, &present)
	})
	return kept, present, err
}

// Present returns the messages of an account that should still be on the server. Those that
// listings have lacked for long are left out.
func (l *Ledger) Present(ctx context.Context, account string) (keys []ledger.Key, err error) {
	err = l.ask(ctx, account, "present", func(id int64) error {
		keys, err = l.keys(ctx, "SELECT uidl, size FROM message WHERE account = ? AND missed < 3 AND state IN ('delivered', 'delete_pending', 'quarantined')", id)
		return err
	})
	return keys, err
}

// NamesUIDLs reports whether the server of an account has given UIDLs. One that begins with NUL is
// not the server's.
func (l *Ledger) NamesUIDLs(ctx context.Context, account string) (named bool, err error) {
	err = l.ask(ctx, account, "uidls", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ? AND uidl >= x'01')", id).Scan(&named)
	})
	return named, err
}

// Nameless reports whether a message of an account was delivered without a UIDL and is, as far as
// is known, still on the server.
func (l *Ledger) Nameless(ctx context.Context, account string) (nameless bool, err error) {
	err = l.ask(ctx, account, "nameless", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ? AND uidl < x'01' AND state IN ('delivered', 'delete_pending'))", id).Scan(&nameless)
	})
	return nameless, err
}
