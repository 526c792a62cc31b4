package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

const rowColumns = `SELECT id, first_seen, CASE WHEN state NOT IN ('staged', 'failed') THEN delivered END,
	state IN ('staged', 'failed', 'quarantined') OR unread = 1 OR EXISTS (SELECT 1 FROM attachment WHERE message = message.id AND kept = 1)
	FROM message WHERE id `

// Rows returns the rows of up to limit messages of all accounts behind after, in their order.
func (l *Ledger) Rows(ctx context.Context, after int64, limit int) ([]ledger.Row, error) {
	return l.rows(ctx, rowColumns+"> ? ORDER BY id LIMIT ?", after, limit)
}

// RowsOf returns those of the rows that are there, in their order.
func (l *Ledger) RowsOf(ctx context.Context, ids []int64) (rows []ledger.Row, err error) {
	for chunk := range slices.Chunk(ids, lookupChunk) {
		found, err := l.rows(ctx, rowColumns+"IN ("+anyOf(chunk)+") ORDER BY id", arguments(chunk)...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

func (l *Ledger) rows(ctx context.Context, query string, args ...any) (rows []ledger.Row, err error) {
	if err = l.before(StepRead, "rows"); err == nil {
		err = eachRow(ctx, l.reader, query, func(r *sql.Rows) error {
			var row ledger.Row
			var seen int64
			var delivered sql.NullInt64
			if err := r.Scan(&row.ID, &seen, &delivered, &row.Open); err != nil {
				return err
			}
			row.FirstSeen, row.Delivered = time.UnixMilli(seen), fromMilliseconds(delivered)
			rows = append(rows, row)
			return nil
		}, args...)
	}
	if err != nil {
		return nil, fmt.Errorf("read the state's messages: %w", l.explain(err))
	}
	return rows, nil
}

// Filed returns the messages of some rows, with the files that stand under their names. A message
// without any is left out.
func (l *Ledger) Filed(ctx context.Context, ids []int64) (all []ledger.Filed, err error) {
	if err = l.before(StepRead, "filed"); err == nil {
		for chunk := range slices.Chunk(ids, lookupChunk) {
			if err = l.appendFiled(ctx, &all, chunk); err != nil {
				break
			}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the state's files: %w", l.explain(err))
	}
	return all, nil
}

func (l *Ledger) appendFiled(ctx context.Context, all *[]ledger.Filed, ids []int64) error {
	query := `SELECT m.id, m.first_seen, m.delivered, a.name, m.uidl, m.size, m.sender, m.recipients, m.subject, m.dated, m.zone,
			f.path, f.original_name, f.media_type, f.size, ` + l.digestColumns() + `
		FROM message AS m JOIN account AS a ON a.id = m.account JOIN attachment AS f ON f.message = m.id
		WHERE m.id IN (` + anyOf(ids) + `) AND m.state NOT IN ('staged', 'failed') AND f.staging IS NULL AND f.kept = 0 ORDER BY m.id, f.n`
	var last ledger.Filed
	end := func() {
		// A sidecar stands before the file that it is named after.
		files := last.Attachments
		last.Attachments = nil
		for i, f := range files {
			sidecar := i+1 < len(files) && f.Path == files[i+1].Path+ledger.SidecarExt
			if !sidecar && !strings.HasSuffix(f.Path, ledger.JoinedMark) {
				last.Attachments = append(last.Attachments, f)
			}
		}
		if len(last.Attachments) > 0 {
			*all = append(*all, last)
		}
	}
	err := eachRow(ctx, l.reader, query, func(r *sql.Rows) error {
		var m ledger.Filed
		var f ledger.Attachment
		var seen int64
		var kind digest.Kind
		var uidl, sum []byte
		var from, to, subject, original, media sql.NullString
		var delivered, date, zone sql.NullInt64
		if err := r.Scan(&m.ID, &seen, &delivered, &m.Account, &uidl, &m.Size, &from, &to, &subject, &date, &zone,
			&f.Path, &original, &media, &f.Size, &sum, &kind); err != nil {
			return err
		}
		if m.ID != last.ID {
			end()
			m.FirstSeen, m.Row.Delivered, m.UIDL = time.UnixMilli(seen), fromMilliseconds(delivered), string(uidl)
			m.Envelope = envelope(from, to, subject, date, zone)
			last = m
		}
		f.OriginalName, f.MediaType = original.String, media.String
		f.Digests = digests(sum, kind)
		last.Attachments = append(last.Attachments, f)
		return nil
	}, arguments(ids)...)
	end()
	return err
}

func envelope(from, to, subject sql.NullString, date, zone sql.NullInt64) ledger.Envelope {
	e := ledger.Envelope{From: from.String, To: to.String, Subject: subject.String}
	if date.Valid {
		e.Date = fromMilliseconds(date).In(time.FixedZone("", int(zone.Int64)))
	}
	return e
}

func anyOf(ids []int64) string { return "?" + placeholders(len(ids)-1) }

func arguments(ids []int64) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return args
}
