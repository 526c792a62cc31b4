package sqlite

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// change is one transaction on one account.
type change struct {
	*writeStatements
	tx      *sql.Tx
	account string
	id      int64
	leftOut map[string]bool // paths of attachments that were left out when a retried message came

	newestID              int64 // of all messages, with those that are not written yet
	messages, attachments pending
}

// durability says whether a change outlives a power cut. Every change outlives the process.
type durability bool

const (
	durable durability = true
	// cheap costs no fsync. The next durable change, on whatever account, makes it durable as well,
	// since the log is one file. So a power cut takes a cheap change only with all that came later.
	cheap durability = false
)

// change changes what is kept of an account. fn runs in a transaction, which holds the write lock
// from its start. name is what the hook is told.
func (l *Ledger) change(ctx context.Context, account, name string, fn func(ctx context.Context, c *change) error) error {
	return l.changeAs(ctx, durable, account, name, fn)
}

func (l *Ledger) changeAs(ctx context.Context, how durability, account, name string, fn func(ctx context.Context, c *change) error) error {
	var id int64
	var t touching
	err := l.transact(ctx, how, name, func(ctx context.Context, tx *sql.Tx) (err error) {
		if id, err = l.accountID(ctx, account); err == nil && id == 0 {
			err = tx.StmtContext(ctx, l.write.account).QueryRowContext(ctx, account).Scan(&id)
		}
		if err != nil {
			return err
		}
		c := &change{writeStatements: &l.write, tx: tx, account: account, id: id}
		if err := l.checkLease(ctx, c); err != nil {
			return err
		}
		if t, err = l.touch(ctx, c); err == nil {
			err = fn(ctx, c)
		}
		if err != nil {
			return err
		}
		return t.look(ctx, c)
	})
	l.touched(t, err)
	if err == nil {
		l.rememberAccount(account, id)
	}
	return err
}

// transact is what every write goes through.
func (l *Ledger) transact(ctx context.Context, how durability, name string, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if err := l.before(StepBegin, name); err != nil {
		return err
	}
	if err := l.inPlace(time.Now()); err != nil {
		return err
	}
	conn, err := l.writer.Conn(ctx)
	if err != nil {
		return l.explain(err)
	}
	defer conn.Close()
	if err := l.relax(ctx, conn, how); err != nil {
		return l.explain(err)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	// The transaction ends with ctx. The statements need not watch it one by one,
	// which costs the driver a goroutine each.
	if err := fn(context.WithoutCancel(ctx), tx); err != nil {
		return l.explain(err)
	}
	if err := l.before(StepCommit, name); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return l.explain(err)
	}
	return l.before(StepCommitted, name)
}

// relax makes the writer's connection commit with an fsync or without. Only in WAL mode does the
// file stay whole without it. conn is that connection, and nobody else has it.
//
// A connection begins with FULL. So relaxed may be true of one that is not, which costs an fsync,
// and is never false of one that is.
func (l *Ledger) relax(ctx context.Context, conn *sql.Conn, how durability) error {
	relaxed, pragma := how == cheap && l.journal == "wal", "PRAGMA synchronous = FULL"
	if relaxed == l.relaxed {
		return nil
	}
	if relaxed {
		l.relaxed, pragma = true, "PRAGMA synchronous = NORMAL"
	}
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), pragma); err != nil {
		return err
	}
	l.relaxed = relaxed
	return nil
}

func (c *change) exec(ctx context.Context, statement *sql.Stmt, args ...any) (sql.Result, error) {
	return c.tx.StmtContext(ctx, statement).ExecContext(ctx, args...)
}

// allow reports whether a message changes by coming to a state, and refuses what is not allowed.
func (c *change) allow(k ledger.Key, from, to ledger.State) (changes bool, err error) {
	changes, allowed := ledger.Transition(from, to)
	if !allowed {
		return false, c.refuse(k, from, to)
	}
	return changes, nil
}

func (c *change) refuse(k ledger.Key, from, to ledger.State) error {
	return &ledger.TransitionError{Account: c.account, Key: k, From: from, To: to}
}

// row is a message as changes know it. Of its record it has the key, the state, Missed, Attempts
// and Skipped.
type row struct {
	id int64
	ledger.Record
}

// rows returns what is known of the keys' UIDLs, by key.
func (c *change) rows(ctx context.Context, keys []ledger.Key) (map[ledger.Key]row, error) {
	found := make(map[ledger.Key]row)
	args := make([]any, 1+knownChunk)
	args[0] = c.id
	for len(keys) > 0 {
		statement, n := c.known, knownChunk
		if len(keys) == 1 {
			statement, n = c.knownOne, 1
		}
		for i := range n {
			args[1+i] = []byte(keys[min(i, len(keys)-1)].UIDL)
		}
		if err := c.appendRows(ctx, found, statement, args[:1+n]); err != nil {
			return nil, err
		}
		keys = keys[min(n, len(keys)):]
	}
	return found, nil
}

func (c *change) appendRows(ctx context.Context, found map[ledger.Key]row, statement *sql.Stmt, args []any) error {
	rows, err := c.tx.StmtContext(ctx, statement).QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		var uidl, state sql.RawBytes
		if err := rows.Scan(&r.id, &uidl, &r.Size, &state, &r.Missed, &r.Attempts, &r.Skipped); err != nil {
			return err
		}
		r.UIDL, r.State = string(uidl), internState(state)
		found[r.Key] = r
	}
	return rows.Err()
}

const (
	knownChunk = 256  // keys looked up by one statement of a change
	moveChunk  = 2048 // keys moved by one transaction
)

// ranges yields the first and the last ID of each range of consecutive ones. Messages that were
// staged together make one.
func ranges(ids []int64) iter.Seq2[int64, int64] {
	return func(yield func(first, last int64) bool) {
		slices.Sort(ids)
		for len(ids) > 0 {
			n := 1
			for n < len(ids) && ids[n] == ids[n-1]+1 {
				n++
			}
			if !yield(ids[0], ids[n-1]) {
				return
			}
			ids = ids[n:]
		}
	}
}

func placeholders(n int) string { return strings.Repeat(", ?", n) }

func keysOf(group []*ledger.Message) []ledger.Key {
	keys := make([]ledger.Key, len(group))
	for i, m := range group {
		keys[i] = m.Key
	}
	return keys
}
