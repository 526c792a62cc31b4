package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

type writeStatements struct {
	accountStatements
	known, knownOne, newest, restage, reopen, unfile, finish, path, unstage, paths, setState, listed, failed *sql.Stmt

	message, attachment insertion
}

// accountStatements are those on the row of an account.
type accountStatements struct {
	account, lease, token, row, generation, mailbox *sql.Stmt
}

// stagedColumns are what Stage records of a message, for which appendStaged has the values.
const (
	stagedColumns = "size, becomes, sha256, message_id, reason, files, unread, sender, recipients, subject, dated, zone"
	stagedPlaces  = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
)

func appendStaged(values []any, m *ledger.Message, becomes ledger.State) []any {
	is := m.Envelope.Clip()
	var zone any
	if !is.Date.IsZero() {
		_, zone = is.Date.Zone()
	}
	return append(values,
		m.Size, string(becomes), header(m.Header), text(m.MessageID), text(m.Reason), m.Files(), m.Unread,
		null(is.From), null(is.To), null(is.Subject), milliseconds(is.Date), zone)
}

func knownQuery(n int) string {
	return "SELECT id, uidl, size, state, missed, attempts, skipped FROM message WHERE account = ? AND uidl IN (?" + placeholders(n-1) + ")"
}

func (s *writeStatements) prepare(ctx context.Context, db *sql.DB) error {
	s.message = newInsertion("message (id, account, uidl, first_seen, state, "+stagedColumns+")", "?, ?, ?, ?, 'staged', "+stagedPlaces, 32, 4, 1)
	s.attachment = newInsertion("attachment (message, n, account, staging, path, original_name, media_type, size, digest, kind, kept)",
		"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?", 1)
	for _, i := range []*insertion{&s.message, &s.attachment} {
		if err := i.prepare(ctx, db); err != nil {
			return err
		}
	}
	return prepareAll(ctx, db, map[**sql.Stmt]string{
		&s.account:    "INSERT INTO account (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
		&s.token:      "SELECT token FROM account WHERE id = ?",
		&s.row:        "SELECT " + accountColumns + " FROM account WHERE id = ?",
		&s.lease:      "UPDATE account SET token = token + 1, polled = coalesce(?, polled) WHERE id = ? RETURNING " + accountColumns,
		&s.generation: "UPDATE account SET generation = generation + 1 WHERE id = ?",
		&s.newest:     "SELECT coalesce(max(id), 0) FROM message",
		&s.known:      knownQuery(knownChunk),
		&s.knownOne:   knownQuery(1),
		&s.restage:    "UPDATE message SET state = 'staged', next_attempt = NULL, delivered = NULL, skipped = 0, (" + stagedColumns + ") = (" + stagedPlaces + ") WHERE id = ?",
		&s.reopen:     `UPDATE message SET was = state, state = 'staged', becomes = 'delivered', reason = ?, files = ?, unread = ? WHERE id = ?`,
		&s.unfile:     "DELETE FROM attachment WHERE message = ?",
		&s.finish:     "UPDATE OR FAIL message SET state = coalesce(was, becomes), becomes = NULL, was = NULL, attempts = CASE coalesce(was, becomes) WHEN 'delivered' THEN 0 ELSE attempts END, delivered = coalesce(delivered, ?) WHERE id BETWEEN ? AND ?",
		&s.paths:      "SELECT m.id, m.uidl, m.size, f.n, f.path FROM message AS m LEFT JOIN attachment AS f ON f.message = m.id WHERE m.account = ? AND m.state = 'staged' ORDER BY m.id, f.n",
		&s.path:       "UPDATE attachment SET path = ? WHERE message = ? AND n = ?",
		&s.unstage:    "UPDATE OR FAIL attachment SET staging = NULL WHERE message BETWEEN ? AND ? AND staging <> ''",
		&s.setState:   "UPDATE OR FAIL message SET state = ? WHERE id BETWEEN ? AND ?",
		&s.listed:     "UPDATE message SET missed = ?, attempts = ?, state = ?, delivered = coalesce(?, delivered) WHERE id = ?",
		&s.failed: `INSERT INTO message (account, uidl, size, state, reason, attempts, next_attempt, first_seen)
			VALUES (?, ?, ?, 'failed', ?, 1, ?, ?) ON CONFLICT (account, uidl, size)
			DO UPDATE SET attempts = attempts + 1, reason = excluded.reason, next_attempt = excluded.next_attempt`,
		&s.mailbox: "UPDATE account SET messages = ?, octets = ? WHERE id = ?",
	})
}

// Stage records a group of messages with durable staging files, all or none. The account's
// generation grows by one. A message may
//
//   - be new,
//   - have failed before, even under an unknown size: its record is taken up,
//   - be [ledger.Message].Retried: files that stay in quarantine are then among its attachments.
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
		if err := c.tx.StmtContext(ctx, c.newest).QueryRowContext(ctx).Scan(&c.newestID); err != nil {
			return err
		}
		c.messages, c.attachments = c.message.begin(c.tx, len(group)), c.attachment.begin(c.tx, len(group))
		for _, m := range group {
			if err := c.stageWhole(ctx, known, m, now); err != nil {
				return err
			}
		}
		return c.flush(ctx)
	})
	if err != nil {
		return fmt.Errorf("stage %d messages of account %s: %w", len(group), account, err)
	}
	return nil
}

// stageWhole records one message with its attachments. The rows of a new one are there only after a
// flush.
func (c *change) stageWhole(ctx context.Context, known map[ledger.Key]row, m *ledger.Message, now time.Time) error {
	c.leftOut = nil
	id, err := c.stage(ctx, known, m, now)
	if err != nil {
		return err
	}
	known[m.Key] = row{id, ledger.Record{Key: m.Key, State: ledger.Staged}}
	allKept := m.AllKept()
	for n := range m.Attachments {
		a := &m.Attachments[n]
		is := a.Digests.First()
		c.attachments.values = append(c.attachments.values, id, n, c.id, c.staging(a), a.Path, name(a.OriginalName), name(a.MediaType), a.Size,
			is.Sum[:], is.Kind, allKept || a.Quarantine)
		if err := c.attachments.added(ctx); err != nil {
			return err
		}
	}
	return nil
}

// flush writes the rows that were added.
func (c *change) flush(ctx context.Context) error {
	if err := c.messages.flush(ctx); err != nil {
		return err
	}
	return c.attachments.flush(ctx)
}

// staging tells what was left out, which is no file, from a file that an earlier change put under
// its name.
func (c *change) staging(a *ledger.Attachment) any {
	if a.LeftOut || a.StagingID == "" && c.leftOut[a.Path] {
		return ""
	}
	return null(a.StagingID)
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
	if unsized := (ledger.Key{UIDL: m.UIDL, Size: -1}); !exists && known[unsized].State == ledger.Failed {
		r, exists = known[unsized], true
		delete(known, unsized)
	}
	if exists {
		// What is known may be a row of this group.
		if err := c.flush(ctx); err != nil {
			return 0, err
		}
	}
	if exists && m.Retried {
		return r.id, c.retry(ctx, r, m, becomes)
	}
	if _, err := c.allow(m.Key, r.State, ledger.Staged); err != nil {
		return 0, err
	}
	if exists {
		_, err := c.exec(ctx, c.restage, append(appendStaged(nil, m, becomes), r.id)...)
		return r.id, err
	}
	firstSeen := m.FirstSeen
	if firstSeen.IsZero() {
		firstSeen = now
	}
	c.newestID++
	c.messages.values = appendStaged(append(c.messages.values, c.newestID, c.id, []byte(m.UIDL), firstSeen.UnixMilli()), m, becomes)
	return c.newestID, c.messages.added(ctx)
}

// Delivered records that the files of staged messages stand durably under the paths that group says
// now, which may differ from those staged. A message becomes delivered, or quarantined if it was
// staged for that. A message that is past this already stays as it is, with the time of its first
// delivery. It costs no fsync: after a power cut the messages may be staged again, and are finished
// as after any other crash before this call.
func (l *Ledger) Delivered(ctx context.Context, account string, group []*ledger.Message, at time.Time) error {
	err := l.changeAs(ctx, cheap, account, string(ledger.Delivered), func(ctx context.Context, c *change) error {
		finished := make(map[ledger.Key]*finishing, len(group))
		for _, m := range group {
			finished[m.Key] = &finishing{Message: m}
		}
		moved, err := c.staged(ctx, finished)
		if err != nil {
			return err
		}
		if err := c.dropPast(ctx, finished); err != nil {
			return err
		}
		if err := c.finishAll(ctx, finished, moved, at); err != nil {
			return err
		}
		return c.settleJoined(ctx, group, at)
	})
	if err != nil {
		return fmt.Errorf("record the delivery of %d messages of account %s: %w", len(group), account, err)
	}
	return nil
}

// finishing is a message that is delivered.
type finishing struct {
	*ledger.Message
	id     int64 // its row, if it is staged
	staged int   // attachments
}

// moved is an attachment with another path than the one that it was staged for.
type moved struct {
	message, n int64
	path       string
}

// staged finds the rows of a group's messages, counts their attachments, and returns those with
// another path. The account has few other staged messages, if any.
func (c *change) staged(ctx context.Context, group map[ledger.Key]*finishing) (all []moved, err error) {
	rows, err := c.tx.StmtContext(ctx, c.paths).QueryContext(ctx, c.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var f moved
	var size int64
	var n sql.NullInt64 // NULL, as the path is, for a message without attachments
	var uidl, path sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&f.message, &uidl, &size, &n, &path); err != nil {
			return nil, err
		}
		m := group[ledger.Key{UIDL: string(uidl), Size: size}]
		if m == nil {
			continue
		}
		if m.id = f.message; !n.Valid {
			continue
		}
		if is := m.staged; is < len(m.Attachments) && string(path) != m.Attachments[is].Path {
			f.n, f.path = n.Int64, m.Attachments[is].Path
			all = append(all, f)
		}
		m.staged++
	}
	return all, rows.Err()
}

// dropPast takes from a group what is delivered already, or past it.
func (c *change) dropPast(ctx context.Context, group map[ledger.Key]*finishing) error {
	var past []ledger.Key
	for k, m := range group {
		if m.id == 0 {
			past = append(past, k)
		}
	}
	known, err := c.rows(ctx, past)
	if err != nil {
		return err
	}
	for _, k := range past {
		if _, err := c.allow(k, known[k].State, ledger.Delivered); err != nil {
			return err
		}
		delete(group, k)
	}
	return nil
}

// finishAll makes staged messages what they were staged for. It takes two statements for messages
// that were staged together, and one for each file with another name than it was staged for.
func (c *change) finishAll(ctx context.Context, group map[ledger.Key]*finishing, moved []moved, at time.Time) error {
	ids := make([]int64, 0, len(group))
	for _, m := range group {
		if len(m.Attachments) > 0 && m.staged != len(m.Attachments) {
			return fmt.Errorf("message %q was staged with %d attachments and is delivered with %d", m.UIDL, m.staged, len(m.Attachments))
		}
		ids = append(ids, m.id)
	}
	for first, last := range ranges(ids) {
		if _, err := c.exec(ctx, c.finish, at.UnixMilli(), first, last); err != nil {
			return err
		}
		if _, err := c.exec(ctx, c.unstage, first, last); err != nil {
			return err
		}
	}
	for _, f := range moved {
		if _, err := c.exec(ctx, c.path, f.path, f.message, f.n); err != nil {
			return err
		}
	}
	return nil
}

// settleJoined makes delivered what waited in quarantine, in pieces, for the messages of a group.
// Each piece counts as many files as the whole.
func (c *change) settleJoined(ctx context.Context, group []*ledger.Message, at time.Time) error {
	const waiting = "SELECT f.message FROM attachment AS f JOIN message AS m ON m.id = f.message WHERE m.account = ?1 AND m.state = 'quarantined' AND f.path >= ?2 AND f.path < ?3"
	for _, m := range group {
		for _, a := range m.Attachments {
			folder, ok := strings.CutSuffix(a.Path, ledger.JoinedMark)
			if !ok {
				continue
			}
			const behind = "0" // what follows the slash
			if _, err := c.tx.ExecContext(ctx, "UPDATE message SET state = 'delivered', delivered = ?4, reason = NULL, files = (SELECT files FROM message WHERE account = ?1 AND uidl = ?5 AND size = ?6) WHERE id IN ("+waiting+")",
				c.id, a.Path, folder+behind, at.UnixMilli(), []byte(m.UIDL), m.Size); err != nil {
				return err
			}
			if _, err := c.tx.ExecContext(ctx, "DELETE FROM attachment WHERE account = ?1 AND kept = 1 AND path >= ?2 AND path < ?3", c.id, a.Path, folder+behind); err != nil {
				return err
			}
		}
	}
	return nil
}
