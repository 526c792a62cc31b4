package history

import (
	"context"
	"database/sql"
	"errors"
)

// textStep is how many items from before the index are put into it at a time.
const textStep = 500

// prepareText makes the index, or removes it. Items that are there already come into a new one bit
// by bit, see [batch.index]; keyText is 0 until then.
func prepareText(tx *tx, wanted bool) error {
	var there bool
	if err := tx.QueryRow("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'item_text')").Scan(&there); err != nil || there == wanted {
		return err
	}
	if !wanted {
		if _, err := tx.Exec("DROP TABLE item_text"); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM setting WHERE key IN (?, ?)", keyText, keyTextFrom)
		return err
	}
	if _, err := tx.Exec(textSchema); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT OR REPLACE INTO setting SELECT ?, coalesce(max(id), 0) + 1 FROM item", keyTextFrom)
	return err
}

// index puts the next older items into the text index, and reports whether all are in it.
func (b *batch) index(ctx context.Context) (done bool, err error) {
	var from int64
	err = b.tx.QueryRow("SELECT value FROM setting WHERE key = ?", keyTextFrom).Scan(&from)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	last := int64(0)
	var texts []indexed
	err = eachRow(ctx, b.tx, "SELECT id, name, sender_name, sender, subject FROM item WHERE id < ? ORDER BY id DESC LIMIT ?", func(r *sql.Rows) error {
		t, err := scanIndexed(r)
		texts, last = append(texts, t), t.id
		return err
	}, from, textStep)
	if err != nil {
		return false, err
	}
	b.indexed = append(b.indexed, texts...)
	if len(texts) == textStep {
		return false, b.set(keyTextFrom, last)
	}
	if err := b.exec("DELETE FROM setting WHERE key = ?", keyTextFrom); err != nil {
		return false, err
	}
	b.whole = true
	return true, b.set(keyText, 1)
}

// indexed is what the index has of an item.
type indexed struct {
	id                    int64
	name, sender, subject string // folded
}

func newIndexed(id int64, name, senderName, sender, subject string) indexed {
	return indexed{id, fold(name), fold(senderText(senderName, sender)), fold(subject)}
}

// scanIndexed reads the columns id, name, sender_name, sender and subject.
func scanIndexed(r *sql.Rows) (indexed, error) {
	var id int64
	var name, senderName, sender, subject string
	err := r.Scan(&id, &name, &senderName, &sender, &subject)
	return newIndexed(id, name, senderName, sender, subject), err
}

func (t indexed) add(tx *tx) error {
	_, err := tx.Exec("INSERT INTO item_text (rowid, name, sender, subject) VALUES (?, ?, ?, ?)", t.id, t.name, t.sender, t.subject)
	return err
}

func (t indexed) remove(tx *tx) error {
	_, err := tx.Exec("INSERT INTO item_text (item_text, rowid, name, sender, subject) VALUES ('delete', ?, ?, ?, ?)", t.id, t.name, t.sender, t.subject)
	return err
}

// addTexts changes the text index by what the batch did. It comes last: many a statement makes a
// savepoint, and the index writes to the file what it has gathered at each.
func (b *batch) addTexts() error {
	for _, t := range b.unindex {
		if err := t.remove(b.tx); err != nil {
			return err
		}
	}
	for _, t := range b.indexed {
		if err := t.add(b.tx); err != nil {
			return err
		}
	}
	return nil
}
