package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// DeletePending records that DELE is about to be sent for delivered messages. Keys are
// as [Ledger.Lookup] returned them. It works in chunks: after an error, some
// may have changed.
func (l *Ledger) DeletePending(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.DeletePending)
}

// Deleted records that the server confirmed the deletions with +OK to QUIT. It
// works in chunks like [Ledger.DeletePending].
func (l *Ledger) Deleted(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.Deleted)
}

// move brings messages to a state. Those in it already stay.
func (l *Ledger) move(ctx context.Context, account string, keys []ledger.Key, to ledger.State) error {
	return l.changeEach(ctx, account, string(to), keys, func(ctx context.Context, c *change, k ledger.Key, known map[ledger.Key]row) error {
		r := known[k]
		changes, err := c.allow(k, r.State, to)
		if err != nil || !changes {
			return err
		}
		r.State = to
		known[k] = r
		_, err = c.exec(ctx, c.setState, string(to), r.id)
		return err
	})
}

// Missed records that a listing lacked messages, see [ledger.Record.AfterMissed]. It works in chunks like [Ledger.DeletePending].
func (l *Ledger) Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error {
	return l.noteListing(ctx, account, "missed", keys, time.Time{}, func(r ledger.Record) ledger.Record { return r.AfterMissed(likelyMistake) })
}

// Found records that messages are listed, after listings lacked them or the server confirmed their deletion, see
// [ledger.Record.AfterFound]. at, unless it is zero, is the time of delivery from now on: of another message,
// which was delivered under a key of its own and stands there now. It works in chunks like [Ledger.DeletePending].
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

// changeEach changes messages one by one, in chunks, so that other accounts get their turn. fn keeps known as it changes it.
func (l *Ledger) changeEach(ctx context.Context, account, name string, keys []ledger.Key, fn func(ctx context.Context, c *change, k ledger.Key, known map[ledger.Key]row) error) error {
	for chunk := range slices.Chunk(keys, moveChunk) {
		err := l.change(ctx, account, name, func(ctx context.Context, c *change) error {
			known, err := c.rows(ctx, chunk)
			if err != nil {
				return err
			}
			for _, k := range chunk {
				if err := fn(ctx, c, k, known); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("record %d messages of account %s as %s: %w", len(keys), account, name, err)
		}
	}
	return nil
}
