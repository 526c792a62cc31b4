package history

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"
)

// The bounds of a search. It ends early at them, and says how far it came.
const (
	searchTime = 75 * time.Millisecond
	searchRows = 100_000
	pageSize   = 50
	maxPage    = 1000
	// maxTerm bounds the texts that are looked for, in bytes.
	maxTerm = 256
)

// scanStep is how many rows are looked at between two looks at the clock; it doubles up to
// scanStepMost.
const (
	scanStep     = 1000
	scanStepMost = 8000
)

// Search returns a page of the items that a search finds, the newest first. Texts match anywhere in
// the name, in the sender's name or address, and in the subject; they are no patterns. Case makes
// no difference in any script, and neither does how an accent is encoded.
//
// A search takes about 75 ms at most. One that ends early has [Found.Back] and [Found.Continue]:
// it may have found less than a page by then, or nothing.
func (r *Reader) Search(ctx context.Context, s Search) (found Found, err error) {
	err = r.look("files", func(r *reading) (err error) {
		found, err = r.search(ctx, s)
		return err
	})
	return found, err
}

// query is a search with its bounds as IDs.
type query struct {
	account int64
	kind    int // -1 for all
	terms   []term
	// low and high are the IDs to look at, both included.
	low, high    int64
	since, until int64 // in milliseconds, until not included; 0 for none
	newer        bool  // from low to high
	limit        int
	deadline     time.Time
}

// term is a text to find in a column.
type term struct {
	column string
	expr   string // what holds it
	folded string
}

func (r *reading) search(ctx context.Context, s Search) (Found, error) {
	q, any, err := r.query(ctx, s)
	if err != nil || !any {
		return Found{}, err
	}
	whole := int64(0)
	if q.account == 0 && slices.ContainsFunc(q.terms, term.isIndexed) {
		if whole, err = r.setting(ctx, keyText); err != nil {
			return Found{}, err
		}
	}
	var page page
	if whole != 0 {
		page, err = r.searchText(ctx, q)
	} else {
		page, err = r.scan(ctx, q)
	}
	if err != nil {
		return Found{}, err
	}
	return r.found(ctx, s, q, page)
}

// page is what a search came to.
type page struct {
	items []Item // in the order of the search, one more than the limit if there is more
	// reached is the last ID that was looked at if the search ended early, 0 if it did not.
	reached int64
}

// found puts a page in order.
func (r *reading) found(ctx context.Context, s Search, q *query, p page) (f Found, err error) {
	more := len(p.items) > q.limit
	if more {
		p.items = p.items[:q.limit]
		p.reached = 0
	}
	if q.newer {
		slices.Reverse(p.items)
	}
	f.Items = p.items
	if p.reached != 0 {
		f.Continue = p.reached
		if f.Back, err = r.timeOf(ctx, p.reached); err != nil {
			return f, err
		}
	}
	early := p.reached != 0
	if q.newer {
		f.Newer, f.Older = more || early, true
	} else {
		f.Older, f.Newer = more || early, s.Before != 0
	}
	return f, nil
}

// timeOf returns the time of the item with an ID, or of the next newer one.
func (r *reading) timeOf(ctx context.Context, id int64) (time.Time, error) {
	var at int64
	err := r.db.QueryRowContext(ctx, "SELECT at FROM item WHERE id >= ? ORDER BY id LIMIT 1", id).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Now(), nil
	}
	return time.UnixMilli(at), err
}

// query works out where to look. any is false if nothing can be found.
func (r *reading) query(ctx context.Context, s Search) (q *query, any bool, err error) {
	q = &query{kind: -1, low: 1, limit: min(s.Limit, maxPage), deadline: time.Now().Add(r.patience)}
	if q.limit <= 0 {
		q.limit = pageSize
	}
	if s.Account != "" {
		if q.account, err = r.account(ctx, s.Account); err != nil || q.account == 0 {
			return q, false, err
		}
	}
	if s.Kind != "" {
		if q.kind = slices.Index(kinds, s.Kind); q.kind < 0 {
			return q, false, nil
		}
	}
	for _, t := range []term{{"name", "i.name", s.Name}, {"sender", "i.sender_name || ' <' || i.sender || '>'", s.Sender}, {"subject", "i.subject", s.Subject}} {
		if t.folded = fold(clean(strings.TrimSpace(t.folded), maxTerm)); t.folded != "" {
			q.terms = append(q.terms, t)
		}
	}
	if err := r.db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM item").Scan(&q.high); err != nil {
		return q, false, err
	}
	if s.Before > 0 {
		q.high = min(q.high, s.Before-1)
	}
	if s.After > 0 {
		q.low, q.newer = s.After+1, s.Before == 0
	}
	if err := r.bound(ctx, q, s); err != nil {
		return q, false, err
	}
	return q, q.low <= q.high, nil
}

// bound narrows the IDs by the times of a search. IDs are in the order of times, as far
// as the setting keyDisorder says.
func (r *reading) bound(ctx context.Context, q *query, s Search) error {
	disorder, err := r.setting(ctx, keyDisorder)
	if err != nil {
		return err
	}
	var id int64
	if !s.Since.IsZero() {
		q.since = s.Since.UnixMilli()
		err := r.db.QueryRowContext(ctx, "SELECT id FROM item WHERE at < ? ORDER BY at DESC LIMIT 1", q.since-disorder).Scan(&id)
		if err == nil {
			q.low = max(q.low, id+1)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if !s.Until.IsZero() {
		q.until = s.Until.UnixMilli()
		err := r.db.QueryRowContext(ctx, "SELECT id FROM item WHERE at >= ? ORDER BY at LIMIT 1", q.until+disorder).Scan(&id)
		if err == nil {
			q.high = min(q.high, id-1)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	return nil
}

// filter returns the condition of the query for items, without the IDs.
func (q *query) filter() (where string, args []any) {
	and := func(condition string, arg any) {
		where += " AND " + condition
		args = append(args, arg)
	}
	if q.account != 0 {
		and("i.account = ?", q.account)
	}
	if q.kind >= 0 && q.account == 0 {
		and("i.kind = ?", q.kind)
	}
	// A plus keeps SQLite from the index of a column.
	if q.kind >= 0 && q.account != 0 {
		and("+i.kind = ?", q.kind)
	}
	if q.since != 0 {
		and("+i.at >= ?", q.since)
	}
	if q.until != 0 {
		and("+i.at < ?", q.until)
	}
	for _, t := range q.terms {
		and(holdsFunction+"("+t.expr+", ?)", t.folded)
	}
	return where, args
}

// order returns the order of the search.
func (q *query) order() string {
	if q.newer {
		return "ASC"
	}
	return "DESC"
}

// narrow takes the IDs up to one that was looked at off the query.
func (q *query) narrow(looked int64) {
	if q.newer {
		q.low = looked + 1
	} else {
		q.high = looked - 1
	}
}

// scan looks at the items one after the other, in the order of an index where one helps.
func (r *reading) scan(ctx context.Context, q *query) (p page, err error) {
	where, args := q.filter()
	if len(q.terms) == 0 && q.since == 0 && q.until == 0 && (q.account == 0 || q.kind < 0) {
		// An index has just these, in this order.
		return p, r.items(ctx, q, &p, where, args)
	}
	step, looked := scanStep, 0
	for q.low <= q.high {
		high, low := q.high, q.low
		last, n, err := r.stepEnd(ctx, q, step)
		if err != nil || n == 0 {
			return p, err
		}
		if q.newer {
			q.high = last
		} else {
			q.low = last
		}
		if err := r.items(ctx, q, &p, where, args); err != nil {
			return p, err
		}
		q.low, q.high = low, high
		q.narrow(last)
		if looked += n; len(p.items) > q.limit || n < step {
			return p, nil
		}
		if looked >= searchRows || time.Now().After(q.deadline) {
			p.reached = last
			return p, nil
		}
		step = min(2*step, scanStepMost)
	}
	return p, nil
}

// stepEnd returns the ID of the last of the next rows, and how many there are.
func (r *reading) stepEnd(ctx context.Context, q *query, rows int) (last int64, n int, err error) {
	where, args := "i.id BETWEEN ? AND ?", []any{q.low, q.high}
	switch {
	case q.account != 0:
		where, args = where+" AND i.account = ?", append(args, q.account)
	case q.kind >= 0:
		where, args = where+" AND i.kind = ?", append(args, q.kind)
	}
	end := "min"
	if q.newer {
		end = "max"
	}
	var id sql.NullInt64
	err = r.db.QueryRowContext(ctx, "SELECT "+end+"(id), count(*) FROM (SELECT i.id FROM item AS i WHERE "+where+" ORDER BY i.id "+q.order()+" LIMIT ?)", append(args, rows)...).Scan(&id, &n)
	return id.Int64, n, err
}

// items adds the items of a range to a page, until it is full.
func (r *reading) items(ctx context.Context, q *query, p *page, where string, args []any) error {
	args = append([]any{q.low, q.high}, args...)
	args = append(args, q.limit+1-len(p.items))
	return eachRow(ctx, r.db, "SELECT "+itemColumns+itemTables+" WHERE i.id BETWEEN ? AND ?"+where+" ORDER BY i.id "+q.order()+" LIMIT ?", func(rows *sql.Rows) error {
		i, err := scanItem(rows)
		p.items = append(p.items, i)
		return err
	}, args...)
}
