package sqlite

import (
	"context"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Pending returns the messages of an account whose deletion was asked for and not confirmed.
func (l *Ledger) Pending(ctx context.Context, account string) (keys []ledger.Key, err error) {
	err = l.ask(ctx, account, "pending", func(id int64) error {
		// The first condition is that of the index.
		keys, err = l.keys(ctx, "SELECT uidl, size FROM message WHERE account = ? AND state IN ('delivered', 'delete_pending', 'quarantined') AND state = 'delete_pending'", id)
		return err
	})
	return keys, err
}

// Unread returns the messages of an account that were delivered, are thought to be on the server, and are kept nowhere else though
// something of them could not be read right.
func (l *Ledger) Unread(ctx context.Context, account string) ([]*ledger.Message, error) {
	if l.older(filesSince) {
		return nil, nil
	}
	// The second condition is that of the index.
	return l.messages(ctx, account, ledger.Delivered, "missed < 2 AND state IN ('delivered', 'delete_pending', 'quarantined') AND state = 'delivered' AND unread = 1")
}

// Due counts the messages of an account that were delivered by a time and are, as far as is known, on the server.
func (l *Ledger) Due(ctx context.Context, account string, by time.Time, empty bool) (d ledger.Due, err error) {
	err = l.ask(ctx, account, "due", func(id int64) error {
		// The states are those of the index.
		return l.reader.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE unread = 0 AND (?3 OR files IS NOT 0)), count(*) FILTER (WHERE unread = 0 AND NOT ?3 AND files IS 0), count(*) FILTER (WHERE unread = 1)
			FROM message WHERE account = ?1 AND missed < 2 AND state IN ('delivered', 'delete_pending', 'quarantined') AND state <> 'quarantined' AND delivered <= ?2`, id, by.UnixMilli(), empty).Scan(&d.Deleted, &d.Empty, &d.Unread)
	})
	return d, err
}
