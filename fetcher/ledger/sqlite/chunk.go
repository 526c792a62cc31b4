package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/attachd/attachd/fetcher/ledger"
)

const (
	knownChunk = 256  // keys looked up by one statement of a change
	moveChunk  = 2048 // keys moved by one transaction
)

func placeholders(n int) string { return strings.Repeat(", ?", n) }

func keysOf(group []*ledger.Message) []ledger.Key {
	keys := make([]ledger.Key, len(group))
	for i, m := range group {
		keys[i] = m.Key
	}
	return keys
}

// move brings the messages of one chunk to a state. Those in it already stay.
func (c *change) move(ctx context.Context, keys []ledger.Key, to ledger.State, statement *sql.Stmt, from []ledger.State) error {
	known, err := c.rows(ctx, keys)
	if err != nil {
		return err
	}
	for _, k := range keys {
		r := known[k]
		switch {
		case r.state == to:
		case slices.Contains(from, r.state):
			if _, err := c.exec(ctx, statement, r.id); err != nil {
				return err
			}
		default:
			return c.refuse(k, r.state, to)
		}
	}
	return nil
}
