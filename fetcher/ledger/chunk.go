package ledger

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

const (
	knownChunk = 256  // keys looked up by one statement of a change
	moveChunk  = 2048 // keys moved by one transaction
)

func placeholders(n int) string { return strings.Repeat(", ?", n) }

func keysOf(group []*Message) []Key {
	keys := make([]Key, len(group))
	for i, m := range group {
		keys[i] = m.Key
	}
	return keys
}

// null stores an empty text as NULL.
func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// move brings the messages of one chunk to a state. Those in it already stay.
func (c *change) move(ctx context.Context, keys []Key, to State, statement *sql.Stmt, from []State) error {
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
