package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// held is an account that this process has the lease of. Nobody else changes it meanwhile. So its
// row is read with the lease and with each change, and answers what a poll asks of one column after
// the other: each question to the file costs some system calls. Who was stopped while another
// process took the account over may be told what was there before; what it writes is refused.
type held struct {
	row     accountRow
	changes int  // how many were begun
	stale   bool // a change is under way, or failed and may have reached the disk all the same
	waiting settings
}

// accountRow is the row of an account, and whether there is anything to ask of its messages.
type accountRow struct {
	token                   int64
	messages, octets, start sql.NullInt64
	generation, tooLarge    int64
	settings
	known, failed bool // it has messages, failed ones
}

// settings are columns that wait for an account's next change, or for the end of its lease, as long
// as no message of it is recorded that they could be about. A kill before takes them, and the next
// poll finds them out again.
type settings struct{ owner, place, folder sql.NullString }

func setting(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }

// over returns the settings with those of under where they are not set.
func (s settings) over(under settings) settings {
	for _, is := range [...][2]*sql.NullString{{&s.owner, &under.owner}, {&s.place, &under.place}, {&s.folder, &under.folder}} {
		if !is[0].Valid {
			*is[0] = *is[1]
		}
	}
	return s
}

// accountColumns are those of an accountRow. The last one has an index.
const accountColumns = `token, messages, octets, start, generation, too_large, mailbox, place, folder,
	EXISTS (SELECT 1 FROM message WHERE message.account = account.id),
	EXISTS (SELECT 1 FROM message WHERE message.account = account.id AND state = 'failed')`

func (r *accountRow) scan(from *sql.Row) error {
	return from.Scan(&r.token, &r.messages, &r.octets, &r.start, &r.generation, &r.tooLarge, &r.owner, &r.place, &r.folder, &r.known, &r.failed)
}

// newestRow reads the row of an account.
func (l *Ledger) newestRow(ctx context.Context, account string) (r accountRow, err error) {
	err = r.scan(l.reader.QueryRowContext(ctx, "SELECT "+accountColumns+" FROM account WHERE name = ?", account))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return r, l.explain(err)
}

// hold keeps the row of an account whose lease was taken.
func (l *Ledger) hold(account string, r accountRow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[account] = &held{row: r}
}

// heldRow returns the row of an account, with the settings that wait. ok is false if it has to be
// read.
func (l *Ledger) heldRow(account string) (r accountRow, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[account]
	if h == nil || h.stale {
		return r, false
	}
	r = h.row
	r.settings = h.waiting.over(r.settings)
	return r, true
}

// wait keeps settings for the account's next change. It returns false if they can't wait.
func (l *Ledger) wait(account string, s settings) bool {
	if l.fenced && l.leaseOf(account) == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.held[account]
	if h == nil || h.stale || h.row.known {
		return false
	}
	h.waiting = s.over(h.waiting)
	return true
}

// outdate says that the row of an account is to be read again, if it is held.
func (l *Ledger) outdate(account string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.held[account]; h != nil {
		h.stale = true
	}
}

// touching is a change of an account that may be held.
type touching struct {
	*held   // nil if it is not
	number  int
	written settings // that waited
	after   accountRow
}

// touch begins a change within its transaction, and writes what waits for it.
func (l *Ledger) touch(ctx context.Context, c *change) (t touching, err error) {
	l.mu.Lock()
	if t.held = l.held[c.account]; t.held != nil {
		t.changes++
		t.number, t.stale = t.changes, true
		t.written, t.waiting = t.waiting, settings{}
	}
	l.mu.Unlock()
	if t.written != (settings{}) {
		_, err = c.tx.ExecContext(ctx, "UPDATE account SET mailbox = coalesce(?, mailbox), place = coalesce(?, place), folder = coalesce(?, folder) WHERE id = ?",
			t.written.owner, t.written.place, t.written.folder, c.id)
	}
	return t, err
}

// look reads the row as the change leaves it.
func (t *touching) look(ctx context.Context, c *change) error {
	if t.held == nil {
		return nil
	}
	return t.after.scan(c.tx.StmtContext(ctx, c.row).QueryRowContext(ctx, c.id))
}

// touched ends a change.
func (l *Ledger) touched(t touching, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case t.held == nil:
	case err != nil:
		t.waiting = t.written.over(t.waiting)
	case t.number == t.changes: // or the next one is under way
		t.row, t.stale = t.after, false
	}
}

// letGo ends what hold began. The caller has the lock, though the lease has ended.
func (l *Ledger) letGo(ctx context.Context, account string, token int64) (err error) {
	l.mu.Lock()
	h := l.held[account]
	waits := h != nil && h.waiting != settings{}
	l.mu.Unlock()
	if waits {
		unfenced := &Ledger{file: l.file}
		err = unfenced.changeAs(context.WithoutCancel(ctx), cheap, account, "owner", func(ctx context.Context, c *change) error {
			return c.checkToken(ctx, token)
		})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, account)
	return err
}
