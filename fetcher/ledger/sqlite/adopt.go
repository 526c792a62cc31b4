package sqlite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Adopt records messages that the ledger does not know as delivered, without any files: those of a
// server's listing, after a ledger was lost. at is the time of their delivery, which deletions are
// counted from. If it is zero, nobody knows whether they were delivered, and they are never
// deleted.
//
// Messages that are known stay as they are, except failed ones. Adopt works in chunks like
// [Ledger.DeletePending] and returns how many messages it recorded.
func (l *Ledger) Adopt(ctx context.Context, account string, messages []ledger.Listed, at time.Time) (adopted int, err error) {
	now := time.Now().UnixMilli()
	for chunk := range slices.Chunk(messages, moveChunk) {
		n := 0
		err := l.change(ctx, account, "adopt", func(ctx context.Context, c *change) error {
			for _, m := range chunk {
				result, err := c.tx.ExecContext(ctx, `INSERT INTO message (account, uidl, size, state, message_id, sha256, first_seen, delivered, files) VALUES (?, ?, ?, 'delivered', ?, ?, ?, ?, NULL)
					ON CONFLICT (account, uidl, size) DO UPDATE SET state = excluded.state, message_id = excluded.message_id, sha256 = excluded.sha256, delivered = excluded.delivered, files = NULL, next_attempt = NULL WHERE state = 'failed'`, c.id, []byte(m.UIDL), m.Size, text(m.MessageID), header(m.Header), now, milliseconds(at))
				if err != nil {
					return err
				}
				added, err := result.RowsAffected()
				if err != nil {
					return err
				}
				n += int(added)
			}
			return nil
		})
		if err != nil {
			return adopted, fmt.Errorf("record the messages of account %s: %w", account, err)
		}
		adopted += n
	}
	return adopted, nil
}

// Forget removes all that is known of messages, so that they are fetched again if the server
// still has them, and returns how many there were. Nobody may be polling the account.
func (l *Ledger) Forget(ctx context.Context, account string, keys []ledger.Key) (forgotten int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	err = l.change(ctx, account, "forget", func(ctx context.Context, c *change) error {
		known, err := c.rows(ctx, keys)
		if err != nil {
			return err
		}
		for _, k := range keys {
			r, ok := known[k]
			if !ok {
				continue
			}
			if _, err := c.tx.ExecContext(ctx, "DELETE FROM message WHERE id = ?", r.id); err != nil {
				return err
			}
			delete(known, k)
			forgotten++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("forget messages of account %s: %w", account, err)
	}
	return forgotten, nil
}

// ForgetAll forgets every message of an account, like [Ledger.Forget], and its mailbox's size. All
// of it is fetched again, whatever the account's start.
func (l *Ledger) ForgetAll(ctx context.Context, account string) (forgotten int, err error) {
	err = l.change(ctx, account, "forget all", func(ctx context.Context, c *change) error {
		result, err := c.tx.ExecContext(ctx, "DELETE FROM message WHERE account = ?", c.id)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		forgotten = int(n)
		if err != nil {
			return err
		}
		_, err = c.tx.ExecContext(ctx, "UPDATE account SET messages = NULL, octets = NULL, start = 0 WHERE id = ?", c.id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forget account %s: %w", account, err)
	}
	return forgotten, nil
}
