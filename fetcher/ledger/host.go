package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Host is what is known of a server. A zero time says nothing.
type Host struct {
	Unpipelined time.Time // until then it is spoken to without pipelining
	WithoutCapa time.Time // until then, without CAPA
	Exact       time.Time // then a message last came with as many octets as LIST had said
	// LoginDelay is the least time between two logins that it announces, to the millisecond; see SetLoginDelay.
	LoginDelay time.Duration
}

// Host returns what is known of a server, by its address.
func (l *Ledger) Host(ctx context.Context, name string) (Host, error) {
	var unpipelined, withoutCapa, exact, loginDelay sql.NullInt64
	err := l.before(StepRead, "host")
	if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT unpipelined, without_capa, exact, login_delay FROM host WHERE name = ?", name).Scan(&unpipelined, &withoutCapa, &exact, &loginDelay)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Host{}, fmt.Errorf("look up host %s: %w", name, l.explain(err))
	}
	return Host{fromMilliseconds(unpipelined), fromMilliseconds(withoutCapa), fromMilliseconds(exact), time.Duration(loginDelay.Int64) * time.Millisecond}, nil
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
func (l *Ledger) SetHost(ctx context.Context, name string, h Host) error {
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
