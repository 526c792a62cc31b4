package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Start returns what is recorded of an account's start.
func (l *Ledger) Start(ctx context.Context, account string) (s ledger.Start, err error) {
	s.First = true
	if l.older(skippedSince) {
		n, err := l.DeliveredCount(ctx, account)
		return ledger.Start{First: n == 0}, err
	}
	err = l.ask(ctx, account, "start", func(id int64) error {
		var start sql.NullInt64
		var generation, visited int64
		var messages bool
		err := l.reader.QueryRowContext(ctx, `SELECT start, generation, messages IS NOT NULL, EXISTS (SELECT 1 FROM message WHERE account = ?1 AND skipped = 0),
			(SELECT count(*) FROM message WHERE account = ?1 AND skipped = 1) FROM account WHERE id = ?1`, id).Scan(&start, &generation, &visited, &messages, &s.Skipped)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		s.Set = start.Valid
		s.First = !start.Valid && generation == 0 && visited == 0 && !messages
		if start.Int64 != 0 {
			s.Before = time.UnixMilli(start.Int64)
		}
		return err
	})
	return s, err
}

// Skip records messages that the ledger does not know as not to be fetched: they were on the server
// before the account's start. They are never deleted. before, unless zero, is recorded as the start
// together with the last of them; until then the start counts as not applied.
//
// Messages that are known stay as they are, except failed ones. Skip works in chunks like
// [Ledger.DeletePending] and returns how many messages it recorded.
func (l *Ledger) Skip(ctx context.Context, account string, keys []ledger.Key, before time.Time) (skipped int, err error) {
	now := time.Now().UnixMilli()
	chunks := slices.Collect(slices.Chunk(keys, moveChunk))
	if len(chunks) == 0 {
		chunks = [][]ledger.Key{nil}
	}
	for i, chunk := range chunks {
		n := 0
		err := l.change(ctx, account, "skip", func(ctx context.Context, c *change) error {
			for _, k := range chunk {
				result, err := c.tx.ExecContext(ctx, `INSERT INTO message (account, uidl, size, state, first_seen, files, skipped) VALUES (?, ?, ?, 'delivered', ?, 0, 1)
					ON CONFLICT (account, uidl, size) DO UPDATE SET state = excluded.state, reason = NULL, next_attempt = NULL, files = 0, skipped = 1 WHERE state = 'failed'`, c.id, []byte(k.UIDL), k.Size, now)
				if err != nil {
					return err
				}
				added, err := result.RowsAffected()
				if err != nil {
					return err
				}
				n += int(added)
			}
			if before.IsZero() || i < len(chunks)-1 {
				return nil
			}
			_, err := c.tx.ExecContext(ctx, "UPDATE account SET start = ? WHERE id = ?", max(before.UnixMilli(), 1), c.id)
			return err
		})
		if err != nil {
			return skipped, fmt.Errorf("record the messages of account %s that were there before: %w", account, err)
		}
		skipped += n
	}
	return skipped, nil
}

// Skipped returns the messages that Skip recorded.
func (l *Ledger) Skipped(ctx context.Context, account string) (keys []ledger.Key, err error) {
	if l.older(skippedSince) {
		return nil, nil
	}
	err = l.ask(ctx, account, "skipped", func(id int64) error {
		keys, err = l.keys(ctx, "SELECT uidl, size FROM message WHERE account = ? AND skipped = 1", id)
		return err
	})
	return keys, err
}

// ForgetSkipped forgets the messages that Skip recorded, so that they are fetched after all, and
// the start. It returns how many messages there were. Nobody may be polling the account.
func (l *Ledger) ForgetSkipped(ctx context.Context, account string) (forgotten int, err error) {
	err = l.change(ctx, account, "forget skipped", func(ctx context.Context, c *change) error {
		result, err := c.tx.ExecContext(ctx, "DELETE FROM message WHERE account = ? AND skipped = 1", c.id)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		forgotten = int(n)
		if err != nil {
			return err
		}
		_, err = c.tx.ExecContext(ctx, "UPDATE account SET start = 0 WHERE id = ?", c.id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("forget the messages of account %s that were there before: %w", account, err)
	}
	return forgotten, nil
}
