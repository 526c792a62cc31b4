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
	var unpipelined, withoutCapa, loginAlone, exact, loginDelay sql.NullInt64
	var together sql.NullString
	err := l.before(StepRead, "host")
	if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT unpipelined, without_capa, login_alone, exact, login_delay, together FROM host WHERE name = ?", name).Scan(&unpipelined, &withoutCapa, &loginAlone, &exact, &loginDelay, &together)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ledger.Host{}, fmt.Errorf("look up host %s: %w", name, l.explain(err))
	}
	return ledger.Host{
		Unpipelined: fromMilliseconds(unpipelined), WithoutCapa: fromMilliseconds(withoutCapa), LoginAlone: fromMilliseconds(loginAlone),
		Exact: fromMilliseconds(exact), LoginDelay: time.Duration(loginDelay.Int64) * time.Millisecond, Together: together.String,
	}, nil
}

// SetLoginDelay records the least time between two logins that a server announces, 0 for none.
func (l *Ledger) SetLoginDelay(ctx context.Context, name string, d time.Duration) error {
	return l.changeHost(ctx, name, "INSERT INTO host (name, login_delay) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET login_delay = excluded.login_delay",
		d.Milliseconds())
}

// SetHost records what is known of a server, except its LoginDelay. What is zero leaves what is
// recorded.
func (l *Ledger) SetHost(ctx context.Context, name string, h ledger.Host) error {
	return l.changeHost(ctx, name, `INSERT INTO host (name, unpipelined, without_capa, login_alone, exact, together) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name)
		DO UPDATE SET unpipelined = coalesce(excluded.unpipelined, unpipelined), without_capa = coalesce(excluded.without_capa, without_capa),
		login_alone = coalesce(excluded.login_alone, login_alone), exact = coalesce(excluded.exact, exact), together = coalesce(excluded.together, together)`,
		milliseconds(h.Unpipelined), milliseconds(h.WithoutCapa), milliseconds(h.LoginAlone), milliseconds(h.Exact), null(h.Together))
}

// ForgetTogether removes the record that a server takes commands with the login.
func (l *Ledger) ForgetTogether(ctx context.Context, name string) error {
	return l.changeHost(ctx, name, "UPDATE host SET together = NULL WHERE name = ?")
}

// changeHost executes a statement on a host. Hosts belong to no account and need no lease. It costs
// no fsync: what a power cut takes is found out again.
func (l *Ledger) changeHost(ctx context.Context, name, statement string, values ...any) error {
	err := l.transact(ctx, cheap, "host", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, append([]any{name}, values...)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("record host %s: %w", name, err)
	}
	return nil
}
