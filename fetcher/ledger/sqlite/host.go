package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Host returns what is known of a server, by its address.
func (l *Ledger) Host(ctx context.Context, name string) (ledger.Host, error) {
	var unpipelined, withoutCapa, exact, loginDelay sql.NullInt64
	err := l.before(StepRead, "host")
	if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT unpipelined, without_capa, exact, login_delay FROM host WHERE name = ?", name).Scan(&unpipelined, &withoutCapa, &exact, &loginDelay)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ledger.Host{}, fmt.Errorf("look up host %s: %w", name, l.explain(err))
	}
	return ledger.Host{Unpipelined: fromMilliseconds(unpipelined), WithoutCapa: fromMilliseconds(withoutCapa), Exact: fromMilliseconds(exact), LoginDelay: time.Duration(loginDelay.Int64) * time.Millisecond}, nil
}

// SetLoginDelay records the least time between two logins that a server announces, 0 for none.
func (l *Ledger) SetLoginDelay(ctx context.Context, name string, d time.Duration) error {
	err := l.before(StepBegin, "host")
	if err == nil {
		_, err = l.writer.ExecContext(ctx, "INSERT INTO host (name, login_delay) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET login_delay = excluded.login_delay",
			name, d.Milliseconds())
	}
	if err != nil {
		return fmt.Errorf("record the LOGIN-DELAY of %s: %w", name, l.explain(err))
	}
	return nil
}

// SetHost records what is known of a server but for LoginDelay. A zero time leaves what is recorded.
func (l *Ledger) SetHost(ctx context.Context, name string, h ledger.Host) error {
	err := l.before(StepBegin, "host")
	if err == nil {
		_, err = l.writer.ExecContext(ctx, `INSERT INTO host (name, unpipelined, without_capa, exact) VALUES (?, ?, ?, ?) ON CONFLICT (name)
			DO UPDATE SET unpipelined = coalesce(excluded.unpipelined, unpipelined), without_capa = coalesce(excluded.without_capa, without_capa), exact = coalesce(excluded.exact, exact)`,
			name, milliseconds(h.Unpipelined), milliseconds(h.WithoutCapa), milliseconds(h.Exact))
	}
	if err != nil {
		return fmt.Errorf("record host %s: %w", name, l.explain(err))
	}
	return nil
}
