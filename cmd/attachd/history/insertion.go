package history

import "strings"

// rowsAtOnce is how many rows one statement inserts, where there are so many: each statement costs
// as much as several rows.
const rowsAtOnce = 16

// insertion gathers rows of a table. They are written with few statements. These are OR FAIL, as a
// batch is given up after any error.
type insertion struct {
	one, many string // statements for one row, and for rowsAtOnce
	columns   int
	values    []any // of one row after the other
}

// newInsertion is for the columns of a table: "table (column, column)".
func newInsertion(into string) insertion {
	columns := 1 + strings.Count(into, ",")
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	one := "INSERT OR FAIL INTO " + into + " VALUES " + row
	return insertion{one: one, many: one + strings.Repeat(", "+row, rowsAtOnce-1), columns: columns}
}

var (
	newMessages = newInsertion("message (id, account, uidl, size)")
	newItems    = newInsertion("item (id, at, account, message, mark, name, sender, sender_name, subject, kind, media_type, original, size, path, digest, digest_kind, repairs)")
)

// add takes a row, which is written at once or later.
func (i *insertion) add(tx *tx, row ...any) error {
	if i.values == nil {
		i.values = make([]any, 0, rowsAtOnce*i.columns)
	}
	if i.values = append(i.values, row...); len(i.values) < rowsAtOnce*i.columns {
		return nil
	}
	_, err := tx.Exec(i.many, i.values...)
	i.values = i.values[:0]
	return err
}

// flush writes the rows that are not written yet.
func (i *insertion) flush(tx *tx) error {
	for rest := i.values; len(rest) > 0; rest = rest[i.columns:] {
		if _, err := tx.Exec(i.one, rest[:i.columns]...); err != nil {
			return err
		}
	}
	i.values = i.values[:0]
	return nil
}
