package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Others returns those of the keys that have another message beside them. It has the same size and
// was delivered under the same UIDL with mark, and some more, behind it.
func (l *Ledger) Others(ctx context.Context, account string, keys []ledger.Key, mark string) (map[ledger.Key]bool, error) {
	others := make(map[ledger.Key]bool)
	err := l.ask(ctx, account, "others", func(id int64) error {
		for chunk := range slices.Chunk(keys, askedChunk) {
			args := []any{id}
			for n, k := range chunk {
				from := append([]byte(k.UIDL), mark...)
				args = append(args, n, from, append(slices.Clone(from), 0xff), k.Size)
			}
			err := l.eachAsked(ctx, `WITH asked(n, low, high, size) AS (VALUES `+tuples(len(chunk), 4)+`) SELECT n FROM asked
				WHERE EXISTS (SELECT 1 FROM message WHERE account = ?1 AND uidl > low AND uidl < high AND size = asked.size AND state IN ('delivered', 'delete_pending'))`,
				func(n int) { others[chunk[n]] = true }, args)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return others, err
}

// Received returns those of the contents that the account has received as an attachment
// of a message that was delivered. Files in quarantine don't count.
func (l *Ledger) Received(ctx context.Context, account string, contents []ledger.Content) (map[ledger.Content]bool, error) {
	received := make(map[ledger.Content]bool)
	err := l.ask(ctx, account, "received", func(id int64) error {
		same, kept := "f.kind = asked.kind AND substr(f.digest, 1, 8) = head AND f.digest = sum", " AND f.kept = 0"
		if l.older(kindSince) {
			same = "asked.kind = 1 AND substr(f.sha256, 1, 8) = head AND f.sha256 = sum"
		}
		if l.older(filesSince) {
			kept = ""
		}
		for chunk := range slices.Chunk(contents, askedChunk) {
			args := []any{id}
			for n, c := range chunk {
				args = append(args, n, c.Digest.Kind, c.Size, c.Digest.Sum[:8], c.Digest.Sum[:])
			}
			err := l.eachAsked(ctx, `WITH asked(n, kind, size, head, sum) AS (VALUES `+tuples(len(chunk), 5)+`) SELECT n FROM asked
				WHERE EXISTS (SELECT 1 FROM attachment AS f JOIN message AS m ON m.id = f.message
					WHERE f.account = ?1 AND `+same+` AND f.size = asked.size AND m.state IN ('delivered', 'delete_pending', 'deleted')`+kept+`)`,
				func(n int) { received[chunk[n]] = true }, args)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return received, err
}

// Kinds returns the kinds of digests, other than the own one, by which an account's attachments are
// recorded (files) and its messages without a UIDL (keys).
func (l *Ledger) Kinds(ctx context.Context, account string) (files, keys []digest.Kind, err error) {
	err = l.ask(ctx, account, "kinds", func(id int64) error {
		for _, k := range digest.Kinds() {
			var file, key bool
			from := []byte(ledger.DigestMark(k))
			known := "EXISTS (SELECT 1 FROM attachment WHERE account = ?1 AND kind = ?2)"
			if l.older(kindSince) {
				known = "?2 = 1"
			}
			err := l.reader.QueryRowContext(ctx, "SELECT "+known+", EXISTS (SELECT 1 FROM message WHERE account = ?1 AND uidl > ?3 AND uidl < ?4)",
				id, k, from, append(slices.Clone(from), 0xff)).Scan(&file, &key)
			if err != nil {
				return err
			}
			if k != digest.Own && file {
				files = append(files, k)
			}
			if k != digest.Own && key {
				keys = append(keys, k)
			}
		}
		return nil
	})
	return files, keys, err
}

// Sized returns those of the sizes that an attachment of the account has which is recorded by this
// kind of digest.
func (l *Ledger) Sized(ctx context.Context, account string, kind digest.Kind, sizes []int64) (map[int64]bool, error) {
	sized := make(map[int64]bool)
	err := l.ask(ctx, account, "sized", func(id int64) error {
		for chunk := range slices.Chunk(sizes, askedChunk) {
			args := []any{id}
			for n, size := range chunk {
				args = append(args, n, kind, size)
			}
			known := "f.kind = asked.kind"
			if l.older(kindSince) {
				known = "asked.kind = 1"
			}
			err := l.eachAsked(ctx, `WITH asked(n, kind, size) AS (VALUES `+tuples(len(chunk), 3)+`) SELECT n FROM asked
				WHERE EXISTS (SELECT 1 FROM attachment AS f WHERE f.account = ?1 AND `+known+` AND f.size = asked.size)`,
				func(n int) { sized[chunk[n]] = true }, args)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return sized, err
}

// askedChunk is how many things one statement asks for, with several parameters for each.
const askedChunk = 256

// padded returns for how many things a statement asks that is to ask for n. NULLs stand for the
// rest. There are few such statements, so they stay prepared ([recurring]).
func padded(n int) int {
	padded := 1
	for padded < n {
		padded *= 4
	}
	return padded
}

// tuples are placeholders for the rows of a VALUES clause. They begin with ?2.
func tuples(rows, columns int) string {
	row := "(?" + placeholders(columns-1) + ")"
	first := "(?2" + placeholders(columns-1) + ")"
	return first + strings.Repeat(", "+row, rows-1)
}

// eachAsked calls fn with the first column of each row: the number of a thing that was asked for.
func (l *Ledger) eachAsked(ctx context.Context, query string, fn func(n int), args []any) error {
	return eachRow(ctx, l.reader, query, func(rows *sql.Rows) error {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		fn(n)
		return nil
	}, args...)
}

// ask calls fn with the row of an account that has messages. Without one it does nothing.
func (l *Ledger) ask(ctx context.Context, account, what string, fn func(id int64) error) error {
	err := l.before(StepRead, what)
	var id int64
	if err == nil {
		id, err = l.withMessages(ctx, account)
	}
	if err == nil && id != 0 {
		err = fn(id)
	}
	if err != nil {
		return fmt.Errorf("look up messages of account %s: %w", account, l.explain(err))
	}
	return nil
}

func (l *Ledger) keys(ctx context.Context, query string, args ...any) (keys []ledger.Key, err error) {
	err = eachRow(ctx, l.reader, query, func(rows *sql.Rows) error {
		var uidl []byte
		var size int64
		if err := rows.Scan(&uidl, &size); err != nil {
			return err
		}
		keys = append(keys, ledger.Key{UIDL: string(uidl), Size: size})
		return nil
	}, args...)
	return keys, err
}

// eachRow calls fn for each row until one can't be read or fn fails.
func eachRow(ctx context.Context, db querier, query string, fn func(*sql.Rows) error, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
