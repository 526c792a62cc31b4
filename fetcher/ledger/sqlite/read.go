package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// lookupChunk is how many UIDLs one statement asks for at most.
const lookupChunk = 500

// lookupSizes are how many the statements of a lookup ask for. Most mailboxes hold a few messages,
// and to fill the largest one up for them would take a poll that finds nothing longer than all else
// that it asks of the ledger.
var lookupSizes = [...]int{lookupChunk, 64, 8, 1}

type readStatements struct {
	account, mailbox *sql.Stmt
	lookups          [len(lookupSizes)]string // prepared when they are first needed
}

// lookup returns the statement for so many UIDLs, and how many it takes: fewer, or less than
// five times as many.
func (s *readStatements) lookup(uidls int) (query string, takes int) {
	for i, n := range lookupSizes {
		query, takes = s.lookups[i], n
		if n < 5*uidls {
			break
		}
	}
	return query, takes
}

// The order is part of what Lookup promises.
func lookupQuery(n int, version int) string {
	columns, unread := "missed, files, unread, skipped", " OR unread = 1"
	switch {
	case version < 3:
		columns, unread = "0, "+filesBefore+", 0, 0", ""
	case version < filesSince:
		columns, unread = "missed, "+filesBefore+", 0, 0", ""
	case version < skippedSince:
		columns = "missed, files, unread, 0"
	}
	return "SELECT uidl, size, state, delivered, attempts, next_attempt, CASE WHEN state = 'failed'" + unread + " THEN reason END, " + columns + " FROM message WHERE account = ? AND uidl IN (?" +
		strings.Repeat(", ?", n-1) + ") ORDER BY state = 'failed', id DESC"
}

func (s *readStatements) prepare(ctx context.Context, db *sql.DB, version int) error {
	for i, n := range lookupSizes {
		s.lookups[i] = lookupQuery(n, version)
	}
	return prepareAll(ctx, db, map[**sql.Stmt]string{
		&s.account: "SELECT id FROM account WHERE name = ?",
		&s.mailbox: "SELECT messages, octets FROM account WHERE name = ?",
	})
}

func prepareAll(ctx context.Context, db *sql.DB, queries map[**sql.Stmt]string) error {
	for statement, query := range queries {
		var err error
		if *statement, err = db.PrepareContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// accountID returns the row of an account, 0 if it has none yet.
func (l *Ledger) accountID(ctx context.Context, account string) (int64, error) {
	l.mu.Lock()
	id, ok := l.accounts[account]
	l.mu.Unlock()
	if ok {
		return id, nil
	}
	err := l.read.account.QueryRowContext(ctx, account).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	l.rememberAccount(account, id)
	return id, nil
}

// withMessages is accountID, but 0 as well for an account that is held and has no messages.
func (l *Ledger) withMessages(ctx context.Context, account string) (int64, error) {
	if row, ok := l.heldRow(account); ok && !row.known {
		return 0, nil
	}
	return l.accountID(ctx, account)
}

func (l *Ledger) rememberAccount(account string, id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts[account] = id
}

// Lookup returns what the ledger knows of these UIDLs, whatever the sizes: no record of a UIDL,
// one, or several where a server used it again. Use [ledger.Match] on the records of one UIDL. They
// come settled before failed and newer before older; the order of the UIDLs is not kept.
func (l *Ledger) Lookup(ctx context.Context, account string, uidls []string) (records []ledger.Record, err error) {
	err = l.ask(ctx, account, "lookup", func(id int64) (err error) {
		args := []any{id}
		for len(uidls) > 0 {
			query, n := l.read.lookup(len(uidls))
			args = args[:1]
			for i := range n {
				// A short chunk is filled up with its last UIDL: one statement serves all.
				args = append(args, []byte(uidls[min(i, len(uidls)-1)]))
			}
			if records, err = l.appendRecords(ctx, records, query, args); err != nil {
				return err
			}
			uidls = uidls[min(n, len(uidls)):]
		}
		return nil
	})
	return records, err
}

func (l *Ledger) appendRecords(ctx context.Context, records []ledger.Record, query string, args []any) ([]ledger.Record, error) {
	rows, err := recurring{l.reader}.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r ledger.Record
		var uidl, state sql.RawBytes
		var delivered, next, files sql.NullInt64
		var reason sql.NullString
		if err := rows.Scan(&uidl, &r.Size, &state, &delivered, &r.Attempts, &next, &reason, &r.Missed, &files, &r.Unread, &r.Skipped); err != nil {
			return nil, err
		}
		r.Reason, r.Files = reason.String, int(files.Int64)
		if !files.Valid {
			r.Files = ledger.Vouched
		}
		r.UIDL, r.State, r.Delivered, r.NextAttempt = string(uidl), internState(state), fromMilliseconds(delivered), fromMilliseconds(next)
		records = append(records, r)
	}
	return records, rows.Err()
}

// internState spares an allocation per record.
func internState(b []byte) ledger.State {
	for _, s := range [...]ledger.State{ledger.Delivered, ledger.Deleted, ledger.DeletePending, ledger.Staged, ledger.Failed, ledger.Quarantined} {
		if string(b) == string(s) {
			return s
		}
	}
	return ledger.State(b)
}

func fromMilliseconds(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64)
}

// Unfinished returns the messages of an account that were staged and not delivered, with all their
// attachments, in the order of their staging: the work that a crash left. [ledger.Message].State is
// what each is to become.
func (l *Ledger) Unfinished(ctx context.Context, account string) ([]*ledger.Message, error) {
	return l.messages(ctx, account, ledger.Staged, "state = 'staged'")
}

// messages returns the messages that a condition holds for. It is part of the statement, not a
// parameter: the index on staged messages is found by it.
func (l *Ledger) messages(ctx context.Context, account string, in ledger.State, which string) ([]*ledger.Message, error) {
	messages, err := l.readMessages(ctx, account, in, which)
	if err != nil {
		return nil, fmt.Errorf("look up %s messages of account %s: %w", in, account, l.explain(err))
	}
	return messages, nil
}

func (l *Ledger) readMessages(ctx context.Context, account string, in ledger.State, which string) ([]*ledger.Message, error) {
	id, err := l.accountWith(ctx, account, in, which)
	if err != nil || id == 0 {
		return nil, err
	}
	// One transaction, so that the messages and their attachments fit together.
	tx, err := l.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	shown := "sender, recipients, subject, dated, zone"
	if l.older(envelopeSince) {
		shown = "NULL, NULL, NULL, NULL, NULL"
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, uidl, size, coalesce(becomes, state), sha256, message_id, reason, attempts, first_seen, delivered, `+shown+`
		FROM message WHERE account = ?1 AND `+which+` ORDER BY id`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var messages []*ledger.Message
	byID := make(map[int64]*ledger.Message)
	for rows.Next() {
		m := new(ledger.Message)
		var row int64
		var uidl, sum []byte
		var messageID, reason, from, to, subject sql.NullString
		var firstSeen, delivered, date, zone sql.NullInt64
		if err := rows.Scan(&row, &uidl, &m.Size, &m.State, &sum, &messageID, &reason, &m.Attempts, &firstSeen, &delivered, &from, &to, &subject, &date, &zone); err != nil {
			return nil, err
		}
		m.Envelope = envelope(from, to, subject, date, zone)
		m.UIDL, m.MessageID, m.Reason = string(uidl), messageID.String, reason.String
		m.FirstSeen, m.Delivered = fromMilliseconds(firstSeen), fromMilliseconds(delivered)
		copy(m.Header[:], sum)
		messages = append(messages, m)
		byID[row] = m
	}
	if err := rows.Err(); err != nil || len(messages) == 0 {
		return messages, err
	}
	kept := "f.kept"
	if l.older(filesSince) {
		kept = "coalesce(becomes, state) = 'quarantined'"
	}
	files, err := tx.QueryContext(ctx, `SELECT f.message, f.staging, f.path, f.original_name, f.media_type, f.size, `+l.digestColumns()+`, `+kept+`
		FROM message JOIN attachment AS f ON f.message = message.id WHERE message.account = ?1 AND `+which+` ORDER BY f.message, f.n`, id)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	for files.Next() {
		var a ledger.Attachment
		var row int64
		var kind digest.Kind
		var sum []byte
		var staging, original, media sql.NullString
		if err := files.Scan(&row, &staging, &a.Path, &original, &media, &a.Size, &sum, &kind, &a.Quarantine); err != nil {
			return nil, err
		}
		a.StagingID, a.OriginalName, a.MediaType = staging.String, original.String, media.String
		a.Digests = digests(sum, kind)
		byID[row].Attachments = append(byID[row].Attachments, a)
	}
	return messages, files.Err()
}

// accountWith returns the row of an account that has messages for which a condition holds, 0 for
// one without: most polls find none.
func (l *Ledger) accountWith(ctx context.Context, account string, in ledger.State, which string) (id int64, err error) {
	if err := l.before(StepRead, string(in)); err != nil {
		return 0, err
	}
	find := l.withMessages
	if in == ledger.Staged {
		// Staging files that no message names are removed: this is asked of the file, whoever has
		// taken the account over.
		find = l.accountID
	}
	if id, err = find(ctx, account); err != nil || id == 0 {
		return 0, err
	}
	var any bool
	err = l.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ?1 AND "+which+")", id).Scan(&any)
	if err != nil || !any {
		return 0, err
	}
	return id, nil
}

// DeliveredCount returns how many messages of an account were delivered. Skipped ones don't count.
func (l *Ledger) DeliveredCount(ctx context.Context, account string) (n int, err error) {
	err = l.ask(ctx, account, "count", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM message WHERE account = ? AND "+wasDelivered+" AND "+l.notSkipped(), id).Scan(&n)
	})
	return n, err
}

// digestColumns are the digest of an attachment f and its kind.
func (l *Ledger) digestColumns() string {
	if l.older(kindSince) {
		return "f.sha256, 1"
	}
	return "f.digest, f.kind"
}

const wasDelivered = "state IN ('delivered', 'delete_pending', 'deleted')"

// notSkipped is the condition that a message was not there before the account's start.
func (l *Ledger) notSkipped() string {
	if l.older(skippedSince) {
		return "TRUE"
	}
	return "skipped = 0"
}
