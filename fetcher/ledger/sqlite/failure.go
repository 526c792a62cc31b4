package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Failed records that a message could not be retrieved, why, and when it is asked for again. It
// counts one attempt.
func (l *Ledger) Failed(ctx context.Context, account string, k ledger.Key, reason string, next time.Time) error {
	err := l.change(ctx, account, string(ledger.Failed), func(ctx context.Context, c *change) error {
		known, err := c.rows(ctx, []ledger.Key{k})
		if err != nil {
			return err
		}
		if _, err := c.allow(k, known[k].State, ledger.Failed); err != nil {
			return err
		}
		_, err = c.exec(ctx, c.failed, c.id, []byte(k.UIDL), k.Size, text(reason), milliseconds(next), time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("record a failure of account %s: %w", account, err)
	}
	return nil
}

// Failures returns the messages of an account that could not be retrieved, in the order of their
// next attempts. Those that MaybeSkip recorded are among them, with no attempt.
func (l *Ledger) Failures(ctx context.Context, account string) (records []ledger.Record, err error) {
	err = l.ask(ctx, account, "failures", func(id int64) error {
		if row, ok := l.heldRow(account); ok && !row.failed {
			return nil
		}
		return eachRow(ctx, l.reader, "SELECT uidl, size, attempts, next_attempt, coalesce(reason, '') FROM message WHERE account = ? AND state = 'failed' ORDER BY next_attempt", func(rows *sql.Rows) error {
			r := ledger.Record{State: ledger.Failed}
			var uidl []byte
			var next sql.NullInt64
			if err := rows.Scan(&uidl, &r.Size, &r.Attempts, &next, &r.Reason); err != nil {
				return err
			}
			r.UIDL, r.NextAttempt = string(uidl), fromMilliseconds(next)
			records = append(records, r)
			return nil
		}, id)
	})
	return records, err
}
