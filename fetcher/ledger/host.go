package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Concessions returns until when a server is to be spoken to without pipelining, and without
// CAPA. The times are zero where that was never so.
func (l *Ledger) Concessions(ctx context.Context, host string) (unpipelined, withoutCapa time.Time, err error) {
	var one, other sql.NullInt64
	if err = l.before(StepRead, "host"); err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT unpipelined, without_capa FROM host WHERE name = ?", host).Scan(&one, &other)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, time.Time{}, fmt.Errorf("look up host %s: %w", host, l.explain(err))
	}
	return fromMilliseconds(one), fromMilliseconds(other), nil
}

// Concede records these times. A zero one leaves what is recorded.
func (l *Ledger) Concede(ctx context.Context, host string, unpipelined, withoutCapa time.Time) error {
	err := l.before(StepBegin, "host")
	if err == nil {
		_, err = l.writer.ExecContext(ctx, `INSERT INTO host (name, unpipelined, without_capa) VALUES (?, ?, ?) ON CONFLICT (name)
			DO UPDATE SET unpipelined = coalesce(excluded.unpipelined, unpipelined), without_capa = coalesce(excluded.without_capa, without_capa)`,
			host, milliseconds(unpipelined), milliseconds(withoutCapa))
	}
	if err != nil {
		return fmt.Errorf("record host %s: %w", host, l.explain(err))
	}
	return nil
}
