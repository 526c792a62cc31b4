package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// indexedFrom is how many characters a text needs for the index to know it.
const indexedFrom = 3

// narrowBy is by how much a range of IDs becomes shorter when the index could not name one item of
// it in time.
const narrowBy = 8

func (t term) isIndexed() bool { return utf8.RuneCountInString(t.folded) >= indexedFrom }

// match returns the text index's own query for the terms that it knows: trigrams that cover them,
// each in quotes. It takes much less time than with all of their trigrams, and what it finds is
// looked at again in any case.
func (q *query) match() string {
	var all []string
	for _, t := range q.terms {
		runes := []rune(t.folded)
		for i := 0; i < len(runes) && len(runes) >= indexedFrom; i += indexedFrom {
			i := min(i, len(runes)-indexedFrom)
			all = append(all, t.column+` : "`+strings.ReplaceAll(string(runes[i:i+indexedFrom]), `"`, `""`)+`"`)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " AND ")
}

// searchText looks at the items that the text index names.
func (r *reading) searchText(ctx context.Context, q *query) (page, error) {
	low, high := q.low, q.high
	for {
		n, err := r.named(ctx, q)
		if err != nil {
			return page{}, err
		}
		switch {
		case len(n.ids) > q.limit, n.whole && low == q.low && high == q.high:
			n.last = 0
		case n.whole:
			n.last = q.low
			if q.newer {
				n.last = q.high
			}
		case n.last == 0:
			// The texts are common, and no item has all of them for a long way. A shorter way is sure
			// to come to an end, so that whoever goes on gets further.
			if q.newer {
				q.high = q.low + (q.high-q.low)/narrowBy
			} else {
				q.low = q.high - (q.high-q.low)/narrowBy
			}
			continue
		}
		items, err := r.itemsByID(ctx, n.ids)
		return page{items, n.last}, err
	}
}

// named are the IDs of items that the index named and that the query holds for.
type named struct {
	ids   []int64
	last  int64 // the last one that was looked at, 0 for none
	whole bool  // the whole range was looked at
}

// named asks the index.
func (r *reading) named(ctx context.Context, q *query) (n named, err error) {
	bounded, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	where, args := q.filter()
	args = append(args, q.match(), q.low, q.high)
	rows, err := r.db.QueryContext(bounded, "SELECT i.id, "+strings.TrimPrefix(where, " AND ")+" FROM item_text AS t CROSS JOIN item AS i ON i.id = t.rowid WHERE t.item_text MATCH ? AND t.rowid BETWEEN ? AND ? ORDER BY t.rowid "+q.order(), args...)
	if err == nil {
		defer rows.Close()
		err = n.read(rows, q.limit)
	}
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		err = nil
	}
	return n, err
}

// read looks at what the index names until it has a page and one more.
func (n *named) read(rows *sql.Rows, limit int) error {
	looked := 0
	for rows.Next() {
		var id int64
		var holds bool
		if err := rows.Scan(&id, &holds); err != nil {
			return err
		}
		n.last = id
		if holds {
			n.ids = append(n.ids, id)
		}
		if looked++; len(n.ids) > limit || looked >= searchRows {
			return nil
		}
	}
	n.whole = rows.Err() == nil
	return rows.Err()
}

// itemsByID returns items in the order of the IDs, without those that are gone by now.
func (r *reading) itemsByID(ctx context.Context, ids []int64) ([]Item, error) {
	items := make([]Item, 0, len(ids))
	for _, id := range ids {
		i, err := scanItem(r.db.QueryRowContext(ctx, "SELECT "+itemColumns+itemTables+" WHERE i.id = ?", id))
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		items = append(items, i)
	}
	return items, nil
}
