package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

const (
	// longestPrepared is the longest statement that is kept prepared, in bytes. Longer ones list
	// what they ask for, and seldom come again.
	longestPrepared = 1000
	// mostPrepared bounds how many are kept.
	mostPrepared = 64
)

// reading is the connections that read. A statement that comes again is not compiled again: an
// empty poll asks a dozen short questions, whose compilation would take longer than the answers.
type reading struct {
	*sql.DB

	mu       sync.Mutex
	prepared map[string]*sql.Stmt // guarded by mu: by their texts, of connections that are closed with DB
}

func newReading(db *sql.DB) *reading { return &reading{DB: db, prepared: make(map[string]*sql.Stmt)} }

// QueryRowContext is that of sql.DB.
func (r *reading) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := r.statement(ctx, query); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return r.DB.QueryRowContext(ctx, query, args...)
}

// QueryContext is that of sql.DB.
func (r *reading) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := r.statement(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return r.DB.QueryContext(ctx, query, args...)
}

// recurring is reading for statements of any length that come again.
type recurring struct{ *reading }

// QueryContext is that of sql.DB.
func (r recurring) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := r.keep(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return r.DB.QueryContext(ctx, query, args...)
}

// statement returns the prepared statement for a text, nil if it has none. The text then goes to
// the database as it is, which says what is wrong with it.
func (r *reading) statement(ctx context.Context, query string) *sql.Stmt {
	if len(query) > longestPrepared {
		return nil
	}
	return r.keep(ctx, query)
}

// keep is statement for a text of any length.
func (r *reading) keep(ctx context.Context, query string) *sql.Stmt {
	r.mu.Lock()
	s, ok := r.prepared[query]
	full := len(r.prepared) >= mostPrepared
	r.mu.Unlock()
	if ok || full {
		return s
	}
	s, err := r.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other, ok := r.prepared[query]; ok {
		s.Close()
		return other
	}
	r.prepared[query] = s
	return s
}

// querier is a database, or the connections of one that read.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
