package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// indexedFrom is how many characters a text needs for the index to know it.
const indexedFrom = 3

// The index is asked for the rarest trigrams of a text, so many at most: it takes as long as the
// lists of all of them are, and what it names is looked at again in any case. How rare they are is
// guessed from so many items.
const (
	askedTrigrams = 4
	sampleItems   = 128
)

func (t term) isIndexed() bool { return utf8.RuneCountInString(t.folded) >= indexedFrom }

// trigram is a part of a term, as the index knows it.
type trigram struct {
	column, text string
	often        int // in how many items of the sample
}

// match returns the text index's own query for the terms that it knows. Each trigram is in quotes.
func (r *reading) match(ctx context.Context, q *query) (string, error) {
	var parts []trigram
	for _, t := range q.terms {
		runes := []rune(t.folded)
		for i := 0; i+indexedFrom <= len(runes); i++ {
			if part := (trigram{column: t.column, text: string(runes[i : i+indexedFrom])}); !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	if len(parts) > askedTrigrams {
		if err := r.weigh(ctx, q, parts); err != nil {
			return "", err
		}
		slices.SortStableFunc(parts, func(a, b trigram) int { return a.often - b.often })
		parts = parts[:askedTrigrams]
	}
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = p.column + ` : "` + strings.ReplaceAll(p.text, `"`, `""`) + `"`
	}
	return strings.Join(all, " AND "), nil
}

// weigh finds out how often trigrams are, by the items that the search would look at first.
func (r *reading) weigh(ctx context.Context, q *query, parts []trigram) error {
	return eachRow(ctx, r.db, "SELECT id, name, sender_name, sender, subject FROM item WHERE id BETWEEN ? AND ? ORDER BY id "+q.order()+" LIMIT ?", func(rows *sql.Rows) error {
		i, err := scanIndexed(rows)
		for n := range parts {
			p := &parts[n]
			text := i.name
			switch p.column {
			case "sender":
				text = i.sender
			case "subject":
				text = i.subject
			}
			if strings.Contains(text, p.text) {
				p.often++
			}
		}
		return err
	}, q.low, q.high, sampleItems)
}

// searchText looks at the items that the text index names. The index may not name one in time, if
// texts are common and no item has all of them. Then items are looked at one after the other, so
// that whoever goes on gets further.
func (r *reading) searchText(ctx context.Context, q *query) (page, error) {
	n, err := r.named(ctx, q)
	if err != nil {
		return page{}, err
	}
	if !n.whole && n.last == 0 {
		q.deadline = time.Now().Add(r.patience)
		return r.scan(ctx, q)
	}
	if n.whole || len(n.ids) > q.limit {
		n.last = 0
	}
	items, err := r.itemsByID(ctx, n.ids)
	return page{items, n.last}, err
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
	match, err := r.match(ctx, q)
	if err != nil {
		return n, err
	}
	where, args := q.filter()
	args = append(args, match, q.low, q.high)
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
