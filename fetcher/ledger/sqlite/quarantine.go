package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// filesBefore counts the files of a message in a ledger of an earlier version, which has no column
// for it.
const filesBefore = `CASE coalesce(becomes, state) WHEN 'quarantined' THEN 0 ELSE (SELECT count(*) FROM attachment WHERE message = message.id) END`

// inQuarantine is a condition: the message has files in quarantine. Each of its halves has an
// index; of narrows both.
func (l *Ledger) inQuarantine(of string) string {
	if l.older(filesSince) {
		return "state = 'quarantined'"
	}
	return "state <> 'staged' AND message.id IN (SELECT id FROM message WHERE state = 'quarantined'" + of + " UNION SELECT message FROM attachment WHERE kept = 1" + of + ")"
}

// Quarantined returns the messages of an account that are in quarantine, oldest first.
// [ledger.Message].State tells two kinds apart: messages that could not be taken apart, and
// delivered ones that could not be read right in part. [ledger.Message.Kept] are the files in
// quarantine; the other attachments were delivered.
func (l *Ledger) Quarantined(ctx context.Context, account string) ([]*ledger.Message, error) {
	return l.messages(ctx, account, ledger.Quarantined, l.inQuarantine(" AND account = ?1"))
}

// QuarantineCounts returns how many messages [Ledger.Quarantined] has of each account. Accounts
// without any are left out.
func (l *Ledger) QuarantineCounts(ctx context.Context) (map[string]int, error) {
	counts := make(map[string]int)
	err := l.before(StepRead, "quarantine")
	if err == nil {
		err = eachRow(ctx, l.reader, "SELECT a.name, count(*) FROM account AS a JOIN message ON message.account = a.id WHERE "+l.inQuarantine("")+" GROUP BY a.id", func(rows *sql.Rows) error {
			var name string
			var n int
			if err := rows.Scan(&name, &n); err != nil {
				return err
			}
			counts[name] = n
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("count the messages in quarantine: %w", l.explain(err))
	}
	return counts, nil
}

// StillQuarantined records another failed attempt to take a quarantined message apart, and why it
// failed.
func (l *Ledger) StillQuarantined(ctx context.Context, account string, k ledger.Key, reason string) error {
	return l.settle(ctx, account, k, func(ctx context.Context, c *change, r row) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE message SET attempts = attempts + 1, reason = ? WHERE id = ?", text(reason), r.id)
		return err
	})
}

// Dropped records that the files of a message in quarantine are removed. A message that could not
// be taken apart is given up: it counts as delivered at this time and somebody answers for its
// deletion, so that it is deleted like any other and not fetched again.
func (l *Ledger) Dropped(ctx context.Context, account string, k ledger.Key, at time.Time) error {
	return l.removed(ctx, account, k, nil, at.UnixMilli())
}

// removed records that the files of a message in quarantine are gone. One that could not be taken
// apart becomes a delivered one with these values of files and delivered.
func (l *Ledger) removed(ctx context.Context, account string, k ledger.Key, files, delivered any) error {
	return l.settle(ctx, account, k, func(ctx context.Context, c *change, r row) error {
		if _, err := c.tx.ExecContext(ctx, "DELETE FROM attachment WHERE message = ? AND kept = 1", r.id); err != nil {
			return err
		}
		if r.State != ledger.Quarantined {
			_, err := c.tx.ExecContext(ctx, "UPDATE message SET reason = NULL WHERE id = ?", r.id)
			return err
		}
		_, err := c.tx.ExecContext(ctx, "UPDATE message SET state = 'delivered', files = ?, delivered = ? WHERE id = ?", files, delivered, r.id)
		return err
	})
}

// settle changes a message in quarantine.
func (l *Ledger) settle(ctx context.Context, account string, k ledger.Key, fn func(ctx context.Context, c *change, r row) error) error {
	err := l.change(ctx, account, "settle", func(ctx context.Context, c *change) error {
		known, err := c.rows(ctx, []ledger.Key{k})
		if err != nil {
			return err
		}
		r := known[k]
		if in, err := c.inQuarantine(ctx, r); err != nil {
			return err
		} else if !in {
			return c.refuse(k, r.State, ledger.Quarantined)
		}
		return fn(ctx, c, r)
	})
	if err != nil {
		return fmt.Errorf("record a quarantined message of account %s: %w", account, err)
	}
	return nil
}

// inQuarantine reports whether a message is in quarantine, or has files there.
func (c *change) inQuarantine(ctx context.Context, r row) (in bool, err error) {
	if r.State == ledger.Quarantined || r.State == ledger.Staged || r.State == "" {
		return r.State == ledger.Quarantined, nil
	}
	err = c.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM attachment WHERE message = ? AND kept = 1)", r.id).Scan(&in)
	return in, err
}

// retry stages a message in quarantine anew.
func (c *change) retry(ctx context.Context, r row, m *ledger.Message, becomes ledger.State) error {
	in, err := c.inQuarantine(ctx, r)
	if err == nil && !in && r.State == ledger.Delivered {
		err = c.tx.QueryRowContext(ctx, "SELECT unread FROM message WHERE id = ?", r.id).Scan(&in)
	}
	if err != nil {
		return err
	}
	if !in {
		return c.refuse(m.Key, r.State, ledger.Staged)
	}
	if err := c.noteLeftOut(ctx, r.id); err != nil {
		return err
	}
	if _, err := c.exec(ctx, c.unfile, r.id); err != nil {
		return err
	}
	if r.State == ledger.Quarantined {
		_, err = c.exec(ctx, c.restage, append(appendStaged(nil, m, becomes), r.id)...)
	} else {
		_, err = c.exec(ctx, c.reopen, text(m.Reason), m.Files(), m.Unread, r.id)
	}
	return err
}

// noteLeftOut notes which attachments of a message were left out.
func (c *change) noteLeftOut(ctx context.Context, id int64) error {
	c.leftOut = make(map[string]bool)
	rows, err := c.tx.QueryContext(ctx, "SELECT path FROM attachment WHERE message = ? AND staging = ''", id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return err
		}
		c.leftOut[path] = true
	}
	return rows.Err()
}

// smallestFile is what a file takes on a disk at least, in bytes.
const smallestFile = 4 << 10

// QuarantineBytes returns about how many bytes of the disk the files in an account's quarantine
// take.
func (l *Ledger) QuarantineBytes(ctx context.Context, account string) (n int64, err error) {
	err = l.ask(ctx, account, "quarantine", func(id int64) error {
		return l.reader.QueryRowContext(ctx, fmt.Sprintf("SELECT coalesce(sum(max(size, %d)), 0) FROM attachment WHERE account = ? AND kept = 1", smallestFile), id).Scan(&n)
	})
	return n, err
}

// Expired records that the files of a message in quarantine were removed for their age, and nobody
// looked. A message that was not delivered stays on the server for good: nobody answers for its
// deletion.
func (l *Ledger) Expired(ctx context.Context, account string, k ledger.Key) error {
	return l.removed(ctx, account, k, 0, nil)
}
