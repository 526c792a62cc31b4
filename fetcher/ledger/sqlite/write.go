package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

type writeStatements struct {
	account, generation, known, knownOne, insert, restage, reopen, unfile, file, finish, path, unstage, paths, pending, deleted, failed, mailbox *sql.Stmt
}

func knownQuery(n int) string {
	return "SELECT id, uidl, size, state FROM message WHERE account = ? AND uidl IN (?" + placeholders(n-1) + ")"
}

func (s *writeStatements) prepare(ctx context.Context, db *sql.DB) error {
	return prepareAll(ctx, db, map[**sql.Stmt]string{
		&s.account:    "INSERT INTO account (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
		&s.generation: "UPDATE account SET generation = generation + 1 WHERE id = ?",
		&s.known:      knownQuery(knownChunk),
		&s.knownOne:   knownQuery(1),
		&s.insert: `INSERT INTO message (account, uidl, size, state, becomes, sha256, message_id, reason, files, unread, first_seen)
			VALUES (?, ?, ?, 'staged', ?, ?, ?, ?, ?, ?, ?)`,
		&s.restage: `UPDATE message SET state = 'staged', size = ?, becomes = ?, sha256 = ?, message_id = ?, reason = ?, files = ?, unread = ?, next_attempt = NULL, delivered = NULL WHERE id = ?`,
		&s.reopen:  `UPDATE message SET was = state, state = 'staged', becomes = 'delivered', reason = ?, files = ?, unread = ? WHERE id = ?`,
		&s.unfile:  "DELETE FROM attachment WHERE message = ?",
		&s.file: `INSERT INTO attachment (message, n, account, staging, path, original_name, media_type, size, sha256, kept)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		&s.finish:  "UPDATE message SET state = coalesce(was, becomes), becomes = NULL, was = NULL, attempts = CASE coalesce(was, becomes) WHEN 'delivered' THEN 0 ELSE attempts END, delivered = coalesce(delivered, ?) WHERE id = ?",
		&s.paths:   "SELECT path FROM attachment WHERE message = ? ORDER BY n",
		&s.path:    "UPDATE attachment SET path = ? WHERE message = ? AND n = ?",
		&s.unstage: "UPDATE attachment SET staging = NULL WHERE message = ?",
		&s.pending: "UPDATE message SET state = 'delete_pending' WHERE id = ?",
		&s.deleted: "UPDATE message SET state = 'deleted' WHERE id = ?",
		&s.failed: `INSERT INTO message (account, uidl, size, state, reason, attempts, next_attempt, first_seen)
			VALUES (?, ?, ?, 'failed', ?, 1, ?, ?) ON CONFLICT (account, uidl, size)
			DO UPDATE SET attempts = attempts + 1, reason = excluded.reason, next_attempt = excluded.next_attempt`,
		&s.mailbox: "UPDATE account SET messages = ?, octets = ? WHERE id = ?",
	})
}

// change is one transaction on one account.
type change struct {
	*writeStatements
	tx      *sql.Tx
	account string
	id      int64
}

// change runs fn in a transaction, which holds the write lock from its start. name is
// for the hook.
func (l *Ledger) change(ctx context.Context, account, name string, fn func(ctx context.Context, c *change) error) error {
	if err := l.before(StepBegin, name); err != nil {
		return err
	}
	tx, err := l.writer.BeginTx(ctx, nil)
	if err != nil {
		return l.explain(err)
	}
	defer tx.Rollback()
	// The transaction ends with ctx. The statements need not watch it one by one,
	// which costs the driver a goroutine each.
	quiet := context.WithoutCancel(ctx)
	c := &change{writeStatements: &l.write, tx: tx, account: account}
	if c.id, err = l.accountID(ctx, account); err == nil && c.id == 0 {
		err = tx.StmtContext(quiet, l.write.account).QueryRowContext(quiet, account).Scan(&c.id)
	}
	if err != nil {
		return l.explain(err)
	}
	if err := fn(quiet, c); err != nil {
		return l.explain(err)
	}
	if err := l.before(StepCommit, name); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return l.explain(err)
	}
	if err := l.before(StepCommitted, name); err != nil {
		return err
	}
	l.rememberAccount(account, c.id)
	return nil
}

func (c *change) exec(ctx context.Context, statement *sql.Stmt, args ...any) (sql.Result, error) {
	return c.tx.StmtContext(ctx, statement).ExecContext(ctx, args...)
}

func (c *change) refuse(k ledger.Key, from, to ledger.State) error {
	return &ledger.TransitionError{Account: c.account, Key: k, From: from, To: to}
}

type row struct {
	id    int64
	state ledger.State
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
		var k ledger.Key
		var r row
		var uidl, state sql.RawBytes
		if err := rows.Scan(&r.id, &uidl, &k.Size, &state); err != nil {
			return err
		}
		k.UIDL, r.state = string(uidl), internState(state)
		found[k] = r
	}
	return rows.Err()
}

// Stage records a group of messages whose staging files are durable, all or
// none. A message may be new, have failed before, or be [ledger.Message].Retried, with the files in quarantine that stay
// there among its attachments; a failure
// recorded while its size was not known is taken up by it. The account's generation
// grows by one.
func (l *Ledger) Stage(ctx context.Context, account string, group []*ledger.Message) error {
	now := time.Now()
	err := l.change(ctx, account, "stage", func(ctx context.Context, c *change) error {
		known, err := c.rows(ctx, keysOf(group))
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, c.generation, c.id); err != nil {
			return err
		}
		for _, m := range group {
			id, err := c.stage(ctx, known, m, now)
			if err != nil {
				return err
			}
			known[m.Key] = row{id, ledger.Staged}
			allKept := m.AllKept()
			for n := range m.Attachments {
				a := &m.Attachments[n]
				if _, err := c.exec(ctx, c.file, id, n, c.id, null(a.StagingID), a.Path, name(a.OriginalName), name(a.MediaType), a.Size, a.SHA256[:], allKept || a.Quarantine); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("stage %d messages of account %s: %w", len(group), account, err)
	}
	return nil
}

// stage records one message without its attachments and returns its row.
func (c *change) stage(ctx context.Context, known map[ledger.Key]row, m *ledger.Message, now time.Time) (int64, error) {
	becomes := m.State
	switch becomes {
	case "":
		becomes = ledger.Delivered
	case ledger.Delivered, ledger.Quarantined:
	default:
		return 0, fmt.Errorf("message %q is to become %s: only %s and %s can be staged for", m.UIDL, becomes, ledger.Delivered, ledger.Quarantined)
	}
	r, exists := known[m.Key]
	if unsized := (ledger.Key{UIDL: m.UIDL, Size: -1}); !exists && known[unsized].state == ledger.Failed {
		r, exists = known[unsized], true
		delete(known, unsized)
	}
	files := m.Files()
	if exists && m.Retried {
		return r.id, c.retry(ctx, r, m, becomes)
	}
	if exists {
		if r.state != ledger.Failed {
			return 0, c.refuse(m.Key, r.state, ledger.Staged)
		}
		_, err := c.exec(ctx, c.restage, m.Size, string(becomes), digest(m.Header), text(m.MessageID), text(m.Reason), files, m.Unread, r.id)
		return r.id, err
	}
	firstSeen := m.FirstSeen
	if firstSeen.IsZero() {
		firstSeen = now
	}
	result, err := c.exec(ctx, c.insert, c.id, []byte(m.UIDL), m.Size, string(becomes), digest(m.Header), text(m.MessageID), text(m.Reason), files, m.Unread, firstSeen.UnixMilli())
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// Delivered records that the files of staged messages stand durably under the
// paths that group says now, which may differ from those staged. A message
// becomes delivered, or quarantined if it was staged for that. One that is
// past this already stays as it is, with the time of its first delivery.
func (l *Ledger) Delivered(ctx context.Context, account string, group []*ledger.Message, at time.Time) error {
	err := l.change(ctx, account, string(ledger.Delivered), func(ctx context.Context, c *change) error {
		known, err := c.rows(ctx, keysOf(group))
		if err != nil {
			return err
		}
		for _, m := range group {
			r := known[m.Key]
			switch r.state {
			case ledger.Staged:
			case ledger.Delivered, ledger.DeletePending, ledger.Deleted, ledger.Quarantined:
				continue
			default:
				return c.refuse(m.Key, r.state, ledger.Delivered)
			}
			if err := c.finishMessage(ctx, r.id, m, at); err != nil {
				return err
			}
		}
		return c.settleJoined(ctx, group, at)
	})
	if err != nil {
		return fmt.Errorf("record the delivery of %d messages of account %s: %w", len(group), account, err)
	}
	return nil
}

func (c *change) finishMessage(ctx context.Context, id int64, m *ledger.Message, at time.Time) error {
	if _, err := c.exec(ctx, c.finish, at.UnixMilli(), id); err != nil || len(m.Attachments) == 0 {
		return err
	}
	rows, err := c.tx.StmtContext(ctx, c.paths).QueryContext(ctx, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	var changed []int
	n := 0
	for ; rows.Next(); n++ {
		var path sql.RawBytes
		if err := rows.Scan(&path); err != nil {
			return err
		}
		if n < len(m.Attachments) && string(path) != m.Attachments[n].Path {
			changed = append(changed, n)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if n != len(m.Attachments) {
		return fmt.Errorf("message %q was staged with %d attachments and is delivered with %d", m.UIDL, n, len(m.Attachments))
	}
	for _, n := range changed {
		if _, err := c.exec(ctx, c.path, m.Attachments[n].Path, id, n); err != nil {
			return err
		}
	}
	_, err = c.exec(ctx, c.unstage, id)
	return err
}

// DeletePending records that DELE is about to be sent for delivered messages. Keys are
// as [Ledger.Lookup] returned them. It works in chunks: after an error, some
// may have changed.
func (l *Ledger) DeletePending(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.DeletePending, l.write.pending, ledger.Delivered, ledger.Deleted)
}

// Deleted records that the server confirmed the deletions with +OK to QUIT. It
// works in chunks like [Ledger.DeletePending].
func (l *Ledger) Deleted(ctx context.Context, account string, keys []ledger.Key) error {
	return l.move(ctx, account, keys, ledger.Deleted, l.write.deleted, ledger.DeletePending)
}

// move brings messages to a state from one of those allowed. It commits in
// chunks so that other accounts get their turn.
func (l *Ledger) move(ctx context.Context, account string, keys []ledger.Key, to ledger.State, statement *sql.Stmt, from ...ledger.State) error {
	total := len(keys)
	for len(keys) > 0 {
		chunk := keys[:min(len(keys), moveChunk)]
		keys = keys[len(chunk):]
		err := l.change(ctx, account, string(to), func(ctx context.Context, c *change) error { return c.move(ctx, chunk, to, statement, from) })
		if err != nil {
			return fmt.Errorf("record %d messages of account %s as %s: %w", total, account, to, err)
		}
	}
	return nil
}

// Missed records that a listing lacked messages. [ledger.Record.Missed] is 1 behind a first such listing that is
// likely a mistake, 2 behind another first one, and up to 3 behind further ones. From 2 on a pending deletion
// counts as confirmed. It works in chunks like [Ledger.DeletePending].
func (l *Ledger) Missed(ctx context.Context, account string, keys []ledger.Key, likelyMistake bool) error {
	n := 2
	if likelyMistake {
		n = 1
	}
	return l.update(ctx, account, "missed", keys, `UPDATE message SET missed = min(missed + ?1, 3), state = CASE WHEN state = 'delete_pending' AND missed + ?1 > 1 THEN 'deleted' ELSE state END
		WHERE account = ?2 AND uidl = ?3 AND size = ?4`, n)
}

// Found records that messages are listed, after listings lacked them or the server confirmed their deletion. A
// deleted one is delivered again, and [ledger.Record.Attempts] counts how often it was deleted in vain. at, unless it is zero, is the time of delivery from now on: of another message, that
// was delivered under a key of its own and stands there now.
func (l *Ledger) Found(ctx context.Context, account string, keys []ledger.Key, at time.Time) error {
	return l.update(ctx, account, "found", keys, `UPDATE message SET missed = 0, attempts = attempts + (state = 'deleted'), state = CASE state WHEN 'deleted' THEN 'delivered' ELSE state END, delivered = coalesce(?1, delivered)
		WHERE account = ?2 AND uidl = ?3 AND size = ?4`, milliseconds(at))
}

// update executes a statement on messages, in chunks.
func (l *Ledger) update(ctx context.Context, account, name string, keys []ledger.Key, statement string, value any) error {
	for len(keys) > 0 {
		chunk := keys[:min(len(keys), moveChunk)]
		keys = keys[len(chunk):]
		err := l.change(ctx, account, name, func(ctx context.Context, c *change) error {
			for _, k := range chunk {
				if _, err := c.tx.ExecContext(ctx, statement, value, c.id, []byte(k.UIDL), k.Size); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("record %d messages of account %s as %s: %w", len(chunk), account, name, err)
		}
	}
	return nil
}

// SetOwner records whose mailbox an account is, and where. When it was another one before, all of its
// messages count as missed, which changed says.
func (l *Ledger) SetOwner(ctx context.Context, account, mailbox string) (changed bool, err error) {
	var before sql.NullString
	err = l.ask(ctx, account, "owner", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT mailbox FROM account WHERE id = ?", id).Scan(&before)
	})
	if err != nil || before.String == mailbox {
		return false, err
	}
	err = l.change(ctx, account, "owner", func(ctx context.Context, c *change) error {
		_, err := c.tx.ExecContext(ctx, "UPDATE account SET mailbox = ? WHERE id = ?", mailbox, c.id)
		if err == nil && before.Valid {
			_, err = c.tx.ExecContext(ctx, "UPDATE message SET missed = 3 WHERE account = ?", c.id)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record the mailbox of account %s: %w", account, err)
	}
	return before.Valid, nil
}

// Failed records that a message could not be retrieved, why, and when it is
// asked for again. It counts one attempt.
func (l *Ledger) Failed(ctx context.Context, account string, k ledger.Key, reason string, next time.Time) error {
	err := l.change(ctx, account, string(ledger.Failed), func(ctx context.Context, c *change) error {
		known, err := c.rows(ctx, []ledger.Key{k})
		if err != nil {
			return err
		}
		if r, ok := known[k]; ok && r.state != ledger.Failed {
			return c.refuse(k, r.state, ledger.Failed)
		}
		_, err = c.exec(ctx, c.failed, c.id, []byte(k.UIDL), k.Size, text(reason), milliseconds(next), time.Now().UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("record a failure of account %s: %w", account, err)
	}
	return nil
}

// SetMailbox records the answer to STAT, for comparing with the next one.
func (l *Ledger) SetMailbox(ctx context.Context, account string, count int, octets int64) error {
	// Most polls find nothing new: they cost no fsync.
	if n, size, ok, err := l.Mailbox(ctx, account); err == nil && ok && n == count && size == octets {
		return nil
	}
	err := l.change(ctx, account, "mailbox", func(ctx context.Context, c *change) error {
		_, err := c.exec(ctx, c.mailbox, count, octets, c.id)
		return err
	})
	if err != nil {
		return fmt.Errorf("record the mailbox of account %s: %w", account, err)
	}
	return nil
}
