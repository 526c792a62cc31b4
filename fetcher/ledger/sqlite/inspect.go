package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Inspect opens the ledger at path for looking into it: the file is neither made nor changed, and
// only the methods that read work. The error for a missing file is [fs.ErrNotExist].
func Inspect(ctx context.Context, path string) (*Ledger, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	l := newLedger(path)
	if err := l.inspect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), l.Close())
	}
	return l, nil
}

func (l *Ledger) inspect(ctx context.Context) error {
	if _, err := os.Stat(l.path); err != nil {
		if fault := l.orphanedLog(); errors.Is(err, fs.ErrNotExist) && fault != nil {
			return fault
		}
		return err
	}
	if err := l.ensure(ctx); err != nil {
		return err
	}
	if err := l.checkSchema(ctx, "mode=ro"); err != nil {
		return l.explain(err)
	}
	reader, err := connect(l.path, readers, "mode=ro")
	if err != nil {
		return err
	}
	l.reader = newReading(reader)
	return l.explain(l.read.prepare(ctx, reader, l.version))
}

// Summaries counts the messages of every account that the ledger knows, by name.
func (l *Ledger) Summaries(ctx context.Context) ([]ledger.Summary, error) {
	all, err := l.summaries(ctx)
	if err != nil {
		return nil, fmt.Errorf("count messages: %w", l.explain(err))
	}
	return all, nil
}

func (l *Ledger) summaries(ctx context.Context) ([]ledger.Summary, error) {
	known := "TRUE"
	if !l.older(leaseSince) {
		// A lease alone is no knowledge: of an account whose name was mistyped, for instance.
		known = "a.token = 0 OR a.mailbox IS NOT NULL OR a.messages IS NOT NULL OR a.generation > 0 OR m.id IS NOT NULL"
	}
	skipped := "m.skipped"
	if l.older(skippedSince) {
		skipped = "0"
	}
	tooLarge := "a.too_large"
	if l.older(tooLargeSince) {
		tooLarge = "0"
	}
	var all []ledger.Summary
	err := eachRow(ctx, l.reader, `SELECT a.name, `+tooLarge+`, m.state, count(m.id), min(m.first_seen), max(m.first_seen), max(m.delivered),
		sum(m.delivered IS NULL AND m.state IN ('delivered', 'delete_pending', 'deleted') AND `+skipped+` = 0), sum(`+skipped+`)
		FROM account AS a LEFT JOIN message AS m ON m.account = a.id WHERE `+known+` GROUP BY a.id, m.state ORDER BY a.name, m.state`, func(rows *sql.Rows) error {
		var name string
		var state sql.NullString
		var n, tooLarge int
		var oldest, newest, delivered, unknown, skipped sql.NullInt64
		if err := rows.Scan(&name, &tooLarge, &state, &n, &oldest, &newest, &delivered, &unknown, &skipped); err != nil {
			return err
		}
		if len(all) == 0 || all[len(all)-1].Account != name {
			all = append(all, ledger.Summary{Account: name, Count: make(map[ledger.State]int), TooLarge: tooLarge})
		}
		s := &all[len(all)-1]
		if n == 0 {
			return nil
		}
		s.Skipped += int(skipped.Int64)
		s.Unknown += int(unknown.Int64)
		if n -= int(skipped.Int64); n > 0 {
			s.Count[ledger.State(state.String)] = n
		}
		if t := fromMilliseconds(oldest); s.Oldest.IsZero() || t.Before(s.Oldest) {
			s.Oldest = t
		}
		if t := fromMilliseconds(newest); t.After(s.Newest) {
			s.Newest = t
		}
		if t := fromMilliseconds(delivered); t.After(s.Delivered) {
			s.Delivered = t
		}
		return nil
	})
	return all, err
}
