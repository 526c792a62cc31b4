package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"hash/crc32"
	"maps"
	"path"
	"time"

	"github.com/attachd/attachd/extractor/digest"
)

// batch is one transaction of the writer. What it changes of the state counts once it is committed.
type batch struct {
	state
	*writer
	tx       *tx
	accounts map[string]int64   // new ones
	open     map[int64]*ongoing // changed ones; nil is over
	quarters map[int64]sums     // what came, by quarter
	days     map[int64]sums
	totals   map[int64]sums // by account
	indexed  []indexed      // what comes into the text index
	unindex  []indexed      // and what goes from it

	messages    messages
	newMessages insertion
	newItems    insertion
	items       map[itemKey]bool // of this batch
}

// itemKey is what an item is the only one of.
type itemKey struct {
	message int64
	path    string
}

// sums are what is added to a row.
type sums struct {
	files, bytes int64
	failed       int64
}

func (s sums) plus(o sums) sums {
	return sums{s.files + o.files, s.bytes + o.bytes, s.failed + o.failed}
}

// batch runs fn in a transaction.
func (w *writer) batch(ctx context.Context, fn func(b *batch) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b *batch
	err := w.transact(ctx, func(tx *tx) error {
		b = &batch{
			state: w.state, writer: w, tx: tx, accounts: make(map[string]int64), open: make(map[int64]*ongoing),
			quarters: make(map[int64]sums), days: make(map[int64]sums), totals: make(map[int64]sums),
			messages:    messages{known: make(map[uidl][]sized), made: make(map[int64]bool)},
			newMessages: newMessages, newItems: newItems, items: make(map[itemKey]bool),
		}
		if err := fn(b); err != nil {
			return err
		}
		if err := b.flush(); err != nil {
			return err
		}
		if err := b.addSums(); err != nil {
			return err
		}
		return b.addTexts()
	})
	if err != nil {
		return err
	}
	maps.Copy(w.state.accounts, b.accounts)
	for account, o := range b.open {
		if o == nil {
			delete(w.state.open, account)
		} else {
			w.state.open[account] = o
		}
	}
	b.state.accounts, b.state.open = w.state.accounts, w.state.open
	w.state = b.state
	return nil
}

// flush writes the messages and items that are not written yet.
func (b *batch) flush() error {
	if err := b.newMessages.flush(b.tx); err != nil {
		return err
	}
	return b.newItems.flush(b.tx)
}

// add writes a record of the queue.
func (b *batch) add(r any) error {
	switch r := r.(type) {
	case file:
		_, err := b.file(r, false)
		return err
	case visit:
		return b.visit(r)
	case leftOut:
		return b.leftOut(r)
	case Decision:
		return b.decision(r)
	case accounts:
		return b.configured(r)
	}
	return nil
}

func (b *batch) exec(query string, args ...any) error {
	_, err := b.tx.Exec(query, args...)
	return err
}

// account returns the row of an account, which it makes if there is none.
func (b *batch) account(name string) (id int64, err error) {
	if id, ok := b.accounts[name]; ok {
		return id, nil
	}
	if id, ok := b.state.accounts[name]; ok {
		return id, nil
	}
	err = b.tx.QueryRow("INSERT INTO account (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id", name).Scan(&id)
	b.accounts[name] = id
	return id, err
}

// file writes an item, unless it is there. before says that it is from before the history.
func (b *batch) file(f file, before bool) (added bool, err error) {
	account, err := b.account(f.account)
	if err != nil {
		return false, err
	}
	message, err := b.message(account, f.uidl, f.octets)
	if err != nil {
		return false, err
	}
	a := &f.attachment
	mark := int64(crc32.ChecksumIEEE([]byte(a.Path)))
	repairs, err := repairsText(f.repairs)
	if err != nil {
		return false, err
	}
	if there, err := b.repaired(message, mark, a.Path, repairs); there || err != nil {
		return false, err
	}
	b.items[itemKey{message, a.Path}] = true
	at := f.at.UnixMilli()
	id := b.nextID(at, before)
	name := clean(path.Base(a.Path), maxName)
	senderName, sender := parseFrom(f.envelope.From)
	subject := clean(f.envelope.Subject, maxText)
	var original any
	if o := clean(a.OriginalName, maxName); o != name {
		original = o
	}
	is := a.Digests.First(digest.SHA256)
	if err := b.newItems.add(b.tx, id, at, account, message, mark, name, sender, senderName, subject, kindNumber(kindOf(a.MediaType, name)),
		clean(a.MediaType, maxName), original, a.Size, a.Path, is.Sum[:], is.Kind, repairs); err != nil {
		return false, err
	}
	if b.text {
		b.indexed = append(b.indexed, newIndexed(id, name, senderName, sender, subject))
	}
	one := sums{files: 1, bytes: a.Size}
	b.totals[account] = b.totals[account].plus(one)
	b.came(f.at, one)
	return true, nil
}

// repaired reports whether a file has its item, and notes there what was mended in it.
func (b *batch) repaired(message, mark int64, path string, repairs any) (there bool, err error) {
	switch {
	case b.items[itemKey{message, path}]:
		if err := b.flush(); err != nil {
			return false, err
		}
	case b.messages.made[message]: // it has no items but those of this batch
		return false, nil
	}
	var id int64
	err = b.tx.QueryRow("SELECT id FROM item WHERE message = ? AND mark = ? AND path = ?", message, mark, path).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err == nil && repairs != nil:
		err = b.exec("UPDATE item SET repairs = ? WHERE id = ? AND repairs IS NULL", repairs, id)
	}
	return true, err
}

func repairsText(repairs []string) (any, error) {
	if len(repairs) == 0 {
		return nil, nil
	}
	all := make([]string, len(repairs))
	for i, r := range repairs {
		all[i] = clean(r, maxText)
	}
	text, err := json.Marshal(all)
	return string(text), err
}

// nextID returns the ID of a new item. It notes how far the times of items are from the order of
// their IDs. Those from before the file was made come in their order.
func (b *batch) nextID(at int64, before bool) (id int64) {
	if before && b.low < firstLive && at < b.began {
		b.low++
		return b.low - 1
	}
	b.disorder = max(b.disorder, b.newest-at)
	b.newest = max(b.newest, at)
	b.next++
	return b.next - 1
}

// came counts what came, or failed, at a time.
func (b *batch) came(at time.Time, s sums) {
	quarter := at.Unix() - at.Unix()%quarterSeconds
	b.quarters[quarter] = b.quarters[quarter].plus(s)
	day := dayNumber(at.In(b.history.options.Zone))
	b.days[day] = b.days[day].plus(s)
}

const quarterSeconds = 15 * 60

// dayNumber returns a date as yyyymmdd.
func dayNumber(t time.Time) int64 {
	year, month, day := t.Date()
	return int64(year*10000 + int(month)*100 + day)
}

// addSums writes what the batch counted.
func (b *batch) addSums() error {
	for at, s := range b.quarters {
		if err := b.exec("INSERT INTO quarter VALUES (?, ?, ?, ?) ON CONFLICT (at) DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes, failed = failed + excluded.failed", at, s.files, s.bytes, s.failed); err != nil {
			return err
		}
	}
	for day, s := range b.days {
		if err := b.exec("INSERT INTO day VALUES (?, ?, ?, ?) ON CONFLICT (day) DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes, failed = failed + excluded.failed", day, s.files, s.bytes, s.failed); err != nil {
			return err
		}
	}
	for account, s := range b.totals {
		if err := b.exec("UPDATE account SET files = files + ?, bytes = bytes + ? WHERE id = ?", s.files, s.bytes, account); err != nil {
			return err
		}
	}
	if b.disorder != b.writer.state.disorder {
		if err := b.set(keyDisorder, b.disorder); err != nil {
			return err
		}
	}
	if b.low != b.writer.state.low {
		return b.set(keyLow, b.low)
	}
	return nil
}

// set keeps a setting.
func (b *batch) set(key string, value int64) error {
	return b.exec("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", key, value)
}

func (b *batch) decision(d Decision) error {
	return b.exec("INSERT INTO decision (at, account, what, uidl, subject, reason, who, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		d.At.UnixMilli(), d.Account, clean(d.What, maxText), []byte(d.UIDL), clean(d.Subject, maxText), clean(d.Reason, maxError), clean(d.By, maxText), clean(d.Outcome, maxError))
}
