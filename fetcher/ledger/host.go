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
}

// Host returns what is known of a server, by its address.
func (l *Ledger) Host(ctx context.Context, name string) (Host, error) {
	var unpipelined, withoutCapa, exact sql.NullInt64
	err := l.before(StepRead, "host")
	if err == nil {
		err = l.reader.QueryRowContext(ctx, "SELECT unpipelined, without_capa, exact FROM host WHERE name = ?", name).Scan(&unpipelined, &withoutCapa, &exact)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Host{}, fmt.Errorf("look up host %s: %w", name, l.explain(err))
	}
	return Host{fromMilliseconds(unpipelined), fromMilliseconds(withoutCapa), fromMilliseconds(exact)}, nil
}

// SetHost records what is known of a server. A zero time leaves what is recorded.
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
