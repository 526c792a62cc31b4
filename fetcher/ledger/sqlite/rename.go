package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Holders returns the accounts that have messages of a mailbox (see [Ledger.SetOwner]); none if
// account itself has any messages.
func (l *Ledger) Holders(ctx context.Context, account, mailbox string) (names []string, err error) {
	err = l.before(StepRead, "holders")
	if err == nil {
		err = eachRow(ctx, l.reader, `SELECT name FROM account AS a WHERE mailbox = ?2 AND name <> ?1 AND EXISTS (SELECT 1 FROM message WHERE account = a.id)
			AND NOT EXISTS (SELECT 1 FROM message WHERE account = (SELECT id FROM account WHERE name = ?1)) ORDER BY name`, func(rows *sql.Rows) error {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
			return nil
		}, account, mailbox)
	}
	if err != nil {
		return nil, fmt.Errorf("look up who had the mailbox of account %s: %w", account, l.explain(err))
	}
	return names, nil
}

// Rename gives all that is known of one account to another one, and returns how many messages these
// are. It fails with [ledger.ErrKnown] if the other one has messages. Nobody may be polling either
// of them.
func (l *Ledger) Rename(ctx context.Context, from, to string) (messages int, err error) {
	err = l.change(ctx, to, "rename", func(ctx context.Context, c *change) error {
		var known bool
		if err := c.tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ?)", c.id).Scan(&known); err != nil {
			return err
		}
		if known {
			return ledger.ErrKnown
		}
		before, err := l.accountID(ctx, from)
		if err != nil || before == 0 {
			return err
		}
		if err := l.checkLease(ctx, &change{writeStatements: c.writeStatements, tx: c.tx, account: from, id: before}); err != nil {
			return err
		}
		l.outdate(from)
		result, err := c.tx.ExecContext(ctx, "UPDATE message SET account = ?1 WHERE account = ?2", c.id, before)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if messages = int(n); err != nil {
			return err
		}
		for _, statement := range []string{
			"UPDATE attachment SET account = ?1 WHERE account = ?2",
			`UPDATE account SET (messages, octets, mailbox, generation, place, folder, start, too_large) = (SELECT a.messages, a.octets, a.mailbox, max(a.generation, account.generation), a.place, a.folder, a.start, a.too_large FROM account AS a WHERE a.id = ?2)
				WHERE id = ?1`,
			"UPDATE account SET messages = NULL, octets = NULL, mailbox = NULL, start = NULL, too_large = 0 WHERE id <> ?1 AND id = ?2",
		} {
			if _, err := c.tx.ExecContext(ctx, statement, c.id, before); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("give what is known of account %s to account %s: %w", from, to, err)
	}
	return messages, nil
}
