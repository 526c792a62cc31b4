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
	err = l.before(StepRead, "start")
	row, ok := l.heldRow(account)
	visited := false
	if err == nil && !(ok && !row.known) {
		err = l.reader.QueryRowContext(ctx, `SELECT start, generation, messages, EXISTS (SELECT 1 FROM message WHERE account = a.id AND skipped = 0),
			(SELECT count(*) FROM message WHERE account = a.id AND skipped = 1) FROM account AS a WHERE name = ?`, account).Scan(&row.start, &row.generation, &row.messages, &visited, &s.Skipped)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("look up the start of account %s: %w", account, l.explain(err))
	}
	s.Set = row.start.Valid
	s.First = !row.start.Valid && row.generation == 0 && !visited && !row.messages.Valid
	if row.start.Int64 != 0 {
		s.Before = time.UnixMilli(row.start.Int64)
	}
	return s, nil
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

// MaybeSkip records messages that the ledger does not know as ones that may have been on the
// server before the account's start. They are to be fetched, and count as failed without an
// attempt. Skip or Stage decides. Messages that are known stay as they are, except failed ones.
// MaybeSkip works in chunks like [Ledger.DeletePending].
func (l *Ledger) MaybeSkip(ctx context.Context, account string, keys []ledger.Key) error {
	now := time.Now().UnixMilli()
	for chunk := range slices.Chunk(keys, moveChunk) {
		err := l.change(ctx, account, "maybe skip", func(ctx context.Context, c *change) error {
			for _, k := range chunk {
				if _, err := c.tx.ExecContext(ctx, `INSERT INTO message (account, uidl, size, state, first_seen, files, skipped) VALUES (?, ?, ?, 'failed', ?, 0, 1)
					ON CONFLICT (account, uidl, size) DO UPDATE SET skipped = 1 WHERE state = 'failed'`, c.id, []byte(k.UIDL), k.Size, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("record the messages of account %s that may have been there before: %w", account, err)
		}
	}
	return nil
}

// Skipped returns the messages that Skip and MaybeSkip recorded.
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

// ForgetSkipped forgets the messages that Skip and MaybeSkip recorded, so that they are fetched
// after all, and the start. It returns how many messages there were. Nobody may be polling the
// account.
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
