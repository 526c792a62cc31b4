package sqlite

import (
	"context"
	"database/sql"
	"strings"
)

// insertion is an INSERT of many rows.
//
// It is OR FAIL, as the transaction is given up after any error: undoing one statement alone would
// need a copy of each page that the statement changes. SQLite makes that copy all the same for
// several rows of a table with a function in an index: such a table takes one row at a time.
type insertion struct {
	into, row string // the table with its columns, and the values of a row
	columns   int    // values of a row that are bound
	rows      []int  // how many rows its statements insert, most first
	atOnce    []*sql.Stmt
}

func newInsertion(into, row string, rows ...int) insertion {
	return insertion{into, row, strings.Count(row, "?"), rows, make([]*sql.Stmt, len(rows))}
}

func (i *insertion) prepare(ctx context.Context, db *sql.DB) error {
	statements := make(map[**sql.Stmt]string)
	for at, n := range i.rows {
		statements[&i.atOnce[at]] = "INSERT OR FAIL INTO " + i.into + " VALUES (" + i.row + ")" + strings.Repeat(", ("+i.row+")", n-1)
	}
	return prepareAll(ctx, db, statements)
}

// pending are rows that are not written yet.
type pending struct {
	*insertion
	tx     *sql.Tx
	within []*sql.Stmt // the statements within the transaction, where they were used
	values []any       // of one row after the other
}

func (i *insertion) begin(tx *sql.Tx, rows int) pending {
	return pending{i, tx, make([]*sql.Stmt, len(i.rows)), make([]any, 0, i.columns*min(rows, i.rows[0]))}
}

// added writes the rows if they are as many as one statement takes.
func (p *pending) added(ctx context.Context) error {
	if len(p.values) < p.columns*p.rows[0] {
		return nil
	}
	return p.flush(ctx)
}

// flush writes the rows.
func (p *pending) flush(ctx context.Context) error {
	rest := p.values
	for at, n := range p.rows {
		for n *= p.columns; len(rest) >= n; rest = rest[n:] {
			if p.within[at] == nil {
				p.within[at] = p.tx.StmtContext(ctx, p.atOnce[at])
			}
			if _, err := p.within[at].ExecContext(ctx, rest[:n]...); err != nil {
				return err
			}
		}
	}
	clear(p.values)
	p.values = p.values[:0]
	return nil
}
