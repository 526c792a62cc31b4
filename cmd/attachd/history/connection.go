package history

import (
	"context"
	"database/sql"
	"errors"
)

// connection is what the file is written through. It keeps its statements prepared: SQLite takes
// longer to read one than to carry it out.
type connection struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	broken     bool // in an unknown state: it has to be opened anew
}

func newConnection(ctx context.Context, db *sql.DB) (*connection, error) {
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{db: db, conn: conn, statements: make(map[string]*sql.Stmt)}, nil
}

// close gives the file up.
func (c *connection) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.conn.Close(), c.db.Close())...)
}

// transact runs fn in a transaction. commit is asked before its end.
func (c *connection) transact(ctx context.Context, fn func(t *tx) error, commit func() error) error {
	// A transaction is either whole or not there: a context that ends within it is looked at
	// afterwards. That spares the driver a goroutine for each statement.
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if _, err := c.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn(&tx{c, ctx})
	if err == nil {
		err = commit()
	}
	if err == nil {
		_, err = c.conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		if _, again := c.conn.ExecContext(ctx, "ROLLBACK"); again != nil {
			// After some errors SQLite has rolled back by itself, and says so. It is not worth telling
			// that from the rest.
			c.broken = true
		}
	}
	return err
}

// tx is a transaction.
type tx struct {
	*connection
	ctx context.Context
}

func (t *tx) prepared(query string) (*sql.Stmt, error) {
	s := t.statements[query]
	if s == nil {
		var err error
		if s, err = t.conn.PrepareContext(t.ctx, query); err != nil {
			return nil, err
		}
		t.statements[query] = s
	}
	return s, nil
}

// Exec carries out one statement.
func (t *tx) Exec(query string, args ...any) (sql.Result, error) {
	s, err := t.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(t.ctx, args...)
}

// QueryRow asks for one row.
func (t *tx) QueryRow(query string, args ...any) *sql.Row {
	s, err := t.prepared(query)
	if err != nil {
		return t.conn.QueryRowContext(t.ctx, query, args...) // which fails likewise
	}
	return s.QueryRowContext(t.ctx, args...)
}

// QueryContext asks for rows. They have to be read before the next statement.
func (t *tx) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(t.ctx, args...)
}
