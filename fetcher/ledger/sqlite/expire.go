package sqlite

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/fetcher/ledger"
)

// smallestFile is what a file takes on a disk at least, in bytes.
const smallestFile = 4 << 10

// QuarantineBytes returns about how many bytes the files in an account's quarantine take on the disk.
func (l *Ledger) QuarantineBytes(ctx context.Context, account string) (n int64, err error) {
	err = l.ask(ctx, account, "quarantine", func(id int64) error {
		return l.reader.QueryRowContext(ctx, fmt.Sprintf("SELECT coalesce(sum(max(size, %d)), 0) FROM attachment WHERE account = ? AND kept = 1", smallestFile), id).Scan(&n)
	})
	return n, err
}

// Expired records that a message's files in quarantine were removed for their age, without anybody having looked: one that was
// not delivered stays on the server for good, as nobody answers for its deletion.
func (l *Ledger) Expired(ctx context.Context, account string, k ledger.Key) error {
	return l.settle(ctx, account, k, func(ctx context.Context, c *change, r row) error {
		if _, err := c.tx.ExecContext(ctx, "DELETE FROM attachment WHERE message = ? AND kept = 1", r.id); err != nil {
			return err
		}
		if r.State != ledger.Quarantined {
			_, err := c.tx.ExecContext(ctx, "UPDATE message SET reason = NULL WHERE id = ?", r.id)
			return err
		}
		_, err := c.tx.ExecContext(ctx, "UPDATE message SET state = 'delivered', files = 0, delivered = NULL WHERE id = ?", r.id)
		return err
	})
}
