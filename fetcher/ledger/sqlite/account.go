package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Mailbox returns the last STAT that [Ledger.SetMailbox] recorded; ok is false
// when there is none.
func (l *Ledger) Mailbox(ctx context.Context, account string) (count int, octets int64, ok bool, err error) {
	var messages, size sql.NullInt64
	err = l.before(StepRead, "mailbox")
	if row, ok := l.heldRow(account); ok {
		messages, size = row.messages, row.octets
	} else if err == nil {
		err = l.read.mailbox.QueryRowContext(ctx, account).Scan(&messages, &size)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, 0, false, nil
	case err != nil:
		return 0, 0, false, fmt.Errorf("look up the mailbox of account %s: %w", account, l.explain(err))
	}
	return int(messages.Int64), size.Int64, messages.Valid, nil
}

// SetMailbox records the answer to STAT, for comparing with the next one. It costs no fsync: by an
// earlier answer, which a power cut may leave, the next poll asks for more than it needs.
func (l *Ledger) SetMailbox(ctx context.Context, account string, count int, octets int64) error {
	// Most polls find nothing new: they cost no fsync.
	if n, size, ok, err := l.Mailbox(ctx, account); err == nil && ok && n == count && size == octets {
		return nil
	}
	err := l.changeAs(ctx, cheap, account, "mailbox", func(ctx context.Context, c *change) error {
		_, err := c.exec(ctx, c.mailbox, count, octets, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the mailbox of account %s: %w", account, err)
	}
	return nil
}

// TooLarge returns what [Ledger.SetTooLarge] recorded.
func (l *Ledger) TooLarge(ctx context.Context, account string) (messages int, err error) {
	err = l.before(StepRead, "too large")
	if row, ok := l.heldRow(account); ok {
		messages = int(row.tooLarge)
	} else if err == nil && !l.older(tooLargeSince) {
		err = l.reader.QueryRowContext(ctx, "SELECT too_large FROM account WHERE name = ?", account).Scan(&messages)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look up the messages of account %s that are too large: %w", account, l.explain(err))
	}
	return messages, nil
}

// SetTooLarge records how many messages a visit left on the server for their size. It costs no
// fsync, as the next visit counts again.
func (l *Ledger) SetTooLarge(ctx context.Context, account string, messages int) error {
	err := l.changeAs(ctx, cheap, account, "too large", func(ctx context.Context, c *change) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE account SET too_large = ? WHERE id = ?", messages, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the messages of account %s that are too large: %w", account, err)
	}
	return nil
}

// SetOwner records which mailbox the account polls. If it polled another one before, changed is
// true and all of its messages count as missed. It costs no fsync, as what the poll records next
// makes it durable, and a later poll finds out again otherwise. Under a lease, the first owner of
// an account without messages waits for the account's next change, and is written with it, or when
// the lease ends. A kill before takes it.
func (l *Ledger) SetOwner(ctx context.Context, account, mailbox string) (changed bool, err error) {
	var before sql.NullString
	err = l.before(StepRead, "owner")
	if row, ok := l.heldRow(account); ok {
		before = row.owner
	} else if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT mailbox FROM account WHERE name = ?", account).Scan(&before)
	}
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return false, fmt.Errorf("look up the mailbox of account %s: %w", account, l.explain(err))
	case before.String == mailbox:
		return false, nil
	case !before.Valid && l.wait(account, settings{owner: setting(mailbox)}):
		return false, nil
	}
	err = l.changeAs(ctx, cheap, account, "owner", func(ctx context.Context, c *change) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE account SET mailbox = ? WHERE id = ?", mailbox, c.id)
		if err == nil && before.Valid {
			_, err = c.tx.ExecContext(ctx, "UPDATE message SET missed = 3 WHERE account = ?", c.id)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record the mailbox of account %s: %w", account, err)
	}
	return before.Valid, nil
}

// Generation returns how many groups of the account were staged.
func (l *Ledger) Generation(ctx context.Context, account string) (int64, error) {
	if l.older(generationSince) {
		return 0, nil
	}
	var n int64
	err := l.before(StepRead, "generation")
	if row, ok := l.heldRow(account); ok {
		n = row.generation
	} else if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT generation FROM account WHERE name = ?", account).Scan(&n)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look up the generation of account %s: %w", account, l.explain(err))
	}
	return n, nil
}

// CatchUp raises the generation of an account to n if it is behind. From then on what the account's
// folder holds counts as known.
func (l *Ledger) CatchUp(ctx context.Context, account string, n int64) error {
	err := l.change(ctx, account, "catch up", func(ctx context.Context, c *change) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE account SET generation = max(generation, ?) WHERE id = ?", n, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the generation of account %s: %w", account, err)
	}
	return nil
}

// Destination returns where the files of an account went.
func (l *Ledger) Destination(ctx context.Context, account string) (ledger.Destination, error) {
	if l.older(destinationSince) {
		n, err := l.Generation(ctx, account)
		return ledger.Destination{Generation: n}, err
	}
	var place, folder sql.NullString
	var d ledger.Destination
	err := l.before(StepRead, "destination")
	if row, ok := l.heldRow(account); ok {
		place, folder, d.Generation = row.place, row.folder, row.generation
	} else if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT place, folder, generation FROM account WHERE name = ?", account).Scan(&place, &folder, &d.Generation)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ledger.Destination{}, fmt.Errorf("look up the folder of account %s: %w", account, l.explain(err))
	}
	d.Place, d.Folder = place.String, folder.String
	return d, nil
}

// SetDestination records where the files of an account go from now on. It costs no fsync before the
// account's first group, whose record makes it durable as well. Under a lease, the folder of an
// account without messages waits for the account's next change, and is written with it, or when the
// lease ends. A kill before takes it, and there is no group then.
func (l *Ledger) SetDestination(ctx context.Context, account, place, folder string) error {
	how := durable
	if n, err := l.Generation(ctx, account); err == nil && n == 0 {
		if l.wait(account, settings{place: setting(place), folder: setting(folder)}) {
			return nil
		}
		how = cheap
	}
	err := l.changeAs(ctx, how, account, "destination", func(ctx context.Context, c *change) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE account SET place = ?, folder = ? WHERE id = ?", place, folder, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the folder of account %s: %w", account, err)
	}
	return nil
}

// KnownUntil returns when the ledger last noted anything of an account: a backup is no older than
// that. Messages that [Ledger.Adopt] recorded without a time, and what came later, don't count. For
// an account without messages it is the time of all others; it is zero for a ledger that knows
// nothing.
func (l *Ledger) KnownUntil(ctx context.Context, account string) (time.Time, error) {
	err := l.before(StepRead, "known until")
	for _, where := range []string{"account = (SELECT id FROM account WHERE name = ?1)", "?1 <> ''"} {
		var at sql.NullInt64
		if err == nil {
			err = l.reader.QueryRowContext(ctx, "SELECT max(max(first_seen, coalesce(delivered, 0))) FROM message WHERE "+where+
				" AND id < coalesce((SELECT min(id) FROM message WHERE "+where+" AND state = 'delivered' AND delivered IS NULL AND "+l.notSkipped()+"), 9223372036854775807)", account).Scan(&at)
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("look up what is known of account %s: %w", account, l.explain(err))
		}
		if at.Valid {
			return time.UnixMilli(at.Int64), nil
		}
	}
	return time.Time{}, nil
}
