package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// DeletePending records that DELE is about to be sent for delivered messages. Keys are
// as [Ledger.Lookup] returned them. It works in chunks: after an error, some
// may have changed.
func (l *Ledger) DeletePending(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.DeletePending, l.write.pending, ledger.Delivered, ledger.Deleted)
}

// Deleted records that the server confirmed the deletions with +OK to QUIT. It
// works in chunks like [Ledger.DeletePending].
func (l *Ledger) Deleted(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.Deleted, l.write.deleted, ledger.DeletePending)
}

// move brings messages to a state from one of those allowed. It commits in
// chunks so that other accounts get their turn.
func (l *Ledger) move(ctx context.Context, account string, keys []ledger.Key, to ledger.State, statement *sql.Stmt, from ...ledger.State) error {
	total := len(keys)
	for len(keys) > 0 {
		chunk := keys[:min(len(keys), moveChunk)]
		keys = keys[len(chunk):]
		err := l.change(ctx, account, string(to), func(ctx context.Context, c *change) error { return c.move(ctx, chunk, to, statement, from) })
		if err != nil {
			return fmt.Errorf("record %d messages of account %s as %s: %w", total, account, to, err)
		}
	}
	return nil
}

// move brings the messages of one chunk to a state. Those in it already stay.
func (c *change) move(ctx context.Context, keys []ledger.Key, to ledger.State, statement *sql.Stmt, from []ledger.State) error {
	known, err := c.rows(ctx, keys)
	if err != nil {
		return err
	}
	for _, k := range keys {
		r := known[k]
		switch {
		case r.state == to:
		case slices.Contains(from, r.state):
			if _, err := c.exec(ctx, statement, r.id); err != nil {
				return err
			}
		default:
			return c.refuse(k, r.state, to)
		}
	}
	return nil
}

// Missed records that a listing lacked messages. [ledger.Record.Missed] is 1 behind a first such listing that is
// likely a mistake, 2 behind another first one, and up to 3 behind further ones. From 2 on a pending deletion
// counts as confirmed. It works in chunks like [Ledger.DeletePending].
func (l *Ledger) Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error {
	n := 2
	if likelyMistake {
		n = 1
	}
	return l.update(ctx, account, "missed", keys, `UPDATE message SET missed = min(missed + ?1, 3), state = CASE WHEN state = 'delete_pending' AND missed + ?1 > 1 THEN 'deleted' ELSE state END
		WHERE account = ?2 AND uidl = ?3 AND size = ?4`, n)
}

// Found records that messages are listed, after listings lacked them or the server confirmed their deletion. A
// deleted one is delivered again, and [ledger.Record.Attempts] counts how often it was deleted in vain. at, unless it is zero, is the time of delivery from now on: of another message, that
// was delivered under a key of its own and stands there now.
func (l *Ledger) Found(ctx context.Context, account string, keys []ledger.Key, at time.Time) error {
	return l.update(ctx, account, "found", keys, `UPDATE message SET missed = 0, attempts = attempts + (state = 'deleted'), state = CASE state WHEN 'deleted' THEN 'delivered' ELSE state END, delivered = coalesce(?1, delivered)
		WHERE account = ?2 AND uidl = ?3 AND size = ?4`, milliseconds(at))
}

// update executes a statement on messages, in chunks.
func (l *Ledger) update(ctx context.Context, account, name string, keys []ledger.Key, statement string, value any) error {
	for len(keys) > 0 {
		chunk := keys[:min(len(keys), moveChunk)]
		keys = keys[len(chunk):]
		err := l.change(ctx, account, name, func(ctx context.Context, c *change) error {
			for _, k := range chunk {
				if _, err := c.tx.ExecContext(ctx, statement, value, c.id, []byte(k.UIDL), k.Size); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("record %d messages of account %s as %s: %w", len(chunk), account, name, err)
		}
	}
	return nil
}
