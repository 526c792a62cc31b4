package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Destination returns where the files of an account went.
func (l *Ledger) Destination(ctx context.Context, account string) (ledger.Destination, error) {
	if l.older(destinationSince) {
		n, err := l.Generation(ctx, account)
		return ledger.Destination{Generation: n}, err
	}
	var place, folder sql.NullString
	var d ledger.Destination
	err := l.before(StepRead, "destination")
	if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT place, folder, generation FROM account WHERE name = ?", account).Scan(&place, &folder, &d.Generation)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ledger.Destination{}, fmt.Errorf("look up the folder of account %s: %w", account, l.explain(err))
	}
	d.Place, d.Folder = place.String, folder.String
	return d, nil
}

// SetDestination records where the files of an account go from now on.
func (l *Ledger) SetDestination(ctx context.Context, account, place, folder string) error {
	err := l.change(ctx, account, "destination", func(ctx context.Context, c *change) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE account SET place = ?, folder = ? WHERE id = ?", place, folder, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the folder of account %s: %w", account, err)
	}
	return nil
}
