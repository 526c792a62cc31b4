package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Kept returns how many messages of an account were delivered or are in quarantine and are, as
// far as is known, still on the server; and how many of them [Ledger.Present] returns.
func (l *Ledger) Kept(ctx context.Context, account string) (kept, present int, err error) {
	err = l.ask(ctx, account, "kept", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT COUNT(*), COUNT(*) FILTER (WHERE missed < 3) FROM message WHERE account = ? AND state IN ('delivered', 'delete_pending', 'quarantined')", id).Scan(&kept, &present)
	})
	return kept, present, err
}

// Present returns the messages of an account that should still be on the server, but for those of which
// nobody thinks so any more.
func (l *Ledger) Present(ctx context.Context, account string) (keys []ledger.Key, err error) {
	err = l.ask(ctx, account, "present", func(id int64) error {
		keys, err = l.keys(ctx, "SELECT uidl, size FROM message WHERE account = ? AND missed < 3 AND state IN ('delivered', 'delete_pending', 'quarantined')", id)
		return err
	})
	return keys, err
}

// NamesUIDLs reports whether the server of an account has given UIDLs. It takes a UIDL that begins
// with NUL for one that the server has not given.
func (l *Ledger) NamesUIDLs(ctx context.Context, account string) (named bool, err error) {
	err = l.ask(ctx, account, "uidls", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ? AND uidl >= x'01')", id).Scan(&named)
	})
	return named, err
}

// Nameless reports whether messages of an account were delivered for which the server gave no UIDL, and which are, as far as
// is known, still there.
func (l *Ledger) Nameless(ctx context.Context, account string) (nameless bool, err error) {
	err = l.ask(ctx, account, "nameless", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ? AND uidl < x'01' AND state IN ('delivered', 'delete_pending'))", id).Scan(&nameless)
	})
	return nameless, err
}

// Identity returns what is known of the header of a message.
func (l *Ledger) Identity(ctx context.Context, account string, k ledger.Key) (i ledger.Identity, err error) {
	err = l.ask(ctx, account, "identity", func(id int64) error {
		var sum []byte
		err := l.reader.QueryRowContext(ctx, "SELECT coalesce(message_id, ''), sha256 FROM message WHERE account = ? AND uidl = ? AND size = ?", id, []byte(k.UIDL), k.Size).Scan(&i.MessageID, &sum)
		copy(i.Header[:], sum)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return i, err
}

// Is reports whether the message of key k that was delivered is m: with the same Message-ID, the same header as far as
// that is known, and attachments as [Ledger.Same] compares them.
func (l *Ledger) Is(ctx context.Context, account string, k ledger.Key, m *ledger.Message) (is bool, err error) {
	err = l.ask(ctx, account, "is", func(id int64) error {
		var row int64
		err := l.reader.QueryRowContext(ctx, "SELECT id FROM message WHERE account = ? AND uidl = ? AND size = ? AND message_id IS ? AND coalesce(sha256, ?5, x'') = coalesce(?5, sha256, x'')",
			id, []byte(k.UIDL), k.Size, text(m.MessageID), digest(m.Header)).Scan(&row)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			is, err = l.hasExactly(ctx, row, ledger.WithoutSidecars(m.Attachments))
		}
		return err
	})
	return is, err
}

// Others reports whether messages were delivered of which the UIDL is that of k, with mark behind it, and the size the same.
func (l *Ledger) Others(ctx context.Context, account string, k ledger.Key, mark string) (others bool, err error) {
	from := append([]byte(k.UIDL), mark...)
	to := append(slices.Clone(from), 0xff)
	err = l.ask(ctx, account, "others", func(id int64) error {
		return l.reader.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM message WHERE account = ? AND uidl > ? AND uidl < ? AND size = ? AND state IN ('delivered', 'delete_pending'))", id, from, to, k.Size).Scan(&others)
	})
	return others, err
}

// Same returns the messages of an account that were delivered and are, as far as is known, still on
// the server, which may be m: with the same Message-ID and the same header ([ledger.Identity]), as a mail that is sent a second
// time has another Date or Received; and with the same attachments, byte for byte and in this order. Sidecars
// don't count. Without attachments, none is the same. Where the header of either is not known, the Message-ID or, without
// one, the UIDL will do.
func (l *Ledger) Same(ctx context.Context, account string, m *ledger.Message) (same []ledger.Key, err error) {
	attachments := ledger.WithoutSidecars(m.Attachments)
	if len(attachments) == 0 {
		return nil, nil
	}
	err = l.ask(ctx, account, "same", func(id int64) error {
		candidates, err := l.candidates(ctx, id, m, ledger.Largest(attachments))
		for row, key := range candidates {
			if err != nil {
				break
			}
			var ok bool
			if ok, err = l.hasExactly(ctx, row, attachments); ok {
				same = append(same, key)
			}
		}
		return err
	})
	return same, err
}

// Gone returns, of those messages that an account had before and that were deleted, which these were: with the same
// header ([ledger.Identity]), Message-ID (or none) and attachments. Whoever sends a message a second time gives it at least
// another Received field, so that one like that was put back.
func (l *Ledger) Gone(ctx context.Context, account string, messages []*ledger.Message) (gone map[*ledger.Message]ledger.Key, err error) {
	gone = make(map[*ledger.Message]ledger.Key)
	candidates := make(map[[32]byte][]*ledger.Message) // by their headers
	var digests []any                                  // of their largest attachments
	for _, m := range messages {
		if attachments := ledger.WithoutSidecars(m.Attachments); len(attachments) > 0 && m.Header != [32]byte{} {
			candidates[m.Header] = append(candidates[m.Header], m)
			sum := ledger.Largest(attachments).SHA256
			digests = append(digests, sum[:8])
		}
	}
	if len(digests) == 0 {
		return gone, nil
	}
	err = l.ask(ctx, account, "gone", func(id int64) error {
		for chunk := range slices.Chunk(digests, knownChunk) {
			if err := l.gone(ctx, id, chunk, candidates, gone); err != nil {
				return err
			}
		}
		return nil
	})
	return gone, err
}

func (l *Ledger) gone(ctx context.Context, account int64, digests []any, candidates map[[32]byte][]*ledger.Message, gone map[*ledger.Message]ledger.Key) error {
	rows, err := l.reader.QueryContext(ctx, `SELECT DISTINCT m.id, m.uidl, m.size, m.sha256, m.message_id FROM attachment AS f JOIN message AS m ON m.id = f.message
		WHERE f.account = ? AND substr(f.sha256, 1, 8) IN (?`+placeholders(len(digests)-1)+`) AND f.kept = 0 AND m.state = 'deleted' AND m.sha256 IS NOT NULL`,
		append([]any{account}, digests...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	type before struct {
		row int64
		ledger.Key
	}
	found := make(map[*ledger.Message]before)
	for rows.Next() {
		var b before
		var uidl, sum []byte
		var messageID sql.NullString
		if err := rows.Scan(&b.row, &uidl, &b.Size, &sum, &messageID); err != nil {
			return err
		}
		b.UIDL = string(uidl)
		for _, m := range candidates[[32]byte(sum)] {
			if is, _ := text(m.MessageID).(string); is == messageID.String {
				found[m] = b
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for m, b := range found {
		same, err := l.hasExactly(ctx, b.row, ledger.WithoutSidecars(m.Attachments))
		if err != nil {
			return err
		}
		if same {
			gone[m] = b.Key
		}
	}
	return nil
}

func (l *Ledger) candidates(ctx context.Context, account int64, is *ledger.Message, a ledger.Attachment) (map[int64]ledger.Key, error) {
	rows, err := l.reader.QueryContext(ctx, `SELECT DISTINCT m.id, m.uidl, m.size FROM attachment AS f JOIN message AS m ON m.id = f.message
		WHERE f.account = ?1 AND substr(f.sha256, 1, 8) = ?2 AND f.sha256 = ?3 AND m.message_id IS ?4 AND m.state IN ('delivered', 'delete_pending') AND f.kept = 0
		AND (m.sha256 = ?5 OR (m.sha256 IS NULL OR ?5 IS NULL) AND (m.message_id IS NOT NULL OR m.uidl = ?6))`,
		account, a.SHA256[:8], a.SHA256[:], text(is.MessageID), digest(is.Header), []byte(is.UIDL))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[int64]ledger.Key)
	for rows.Next() {
		var id, size int64
		var uidl []byte
		if err := rows.Scan(&id, &uidl, &size); err != nil {
			return nil, err
		}
		found[id] = ledger.Key{UIDL: string(uidl), Size: size}
	}
	return found, rows.Err()
}

// hasExactly reports whether a message was recorded with these attachments, which are without sidecars.
func (l *Ledger) hasExactly(ctx context.Context, message int64, attachments []ledger.Attachment) (bool, error) {
	rows, err := l.reader.QueryContext(ctx, "SELECT path, sha256 FROM attachment WHERE message = ? AND kept = 0 ORDER BY n", message)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var recorded []ledger.Attachment
	for rows.Next() {
		var a ledger.Attachment
		var sum sql.RawBytes
		if err := rows.Scan(&a.Path, &sum); err != nil {
			return false, err
		}
		copy(a.SHA256[:], sum)
		recorded = append(recorded, a)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return ledger.SameFiles(recorded, attachments), nil
}

// ask calls fn with the account's row, unless there is none.
func (l *Ledger) ask(ctx context.Context, account, what string, fn func(id int64) error) error {
	err := l.before(StepRead, what)
	var id int64
	if err == nil {
		id, err = l.accountID(ctx, account)
	}
	if err == nil && id != 0 {
		err = fn(id)
	}
	if err != nil {
		return fmt.Errorf("look up messages of account %s: %w", account, l.explain(err))
	}
	return nil
}

func (l *Ledger) keys(ctx context.Context, query string, args ...any) ([]ledger.Key, error) {
	rows, err := l.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []ledger.Key
	for rows.Next() {
		var uidl []byte
		var size int64
		if err := rows.Scan(&uidl, &size); err != nil {
			return nil, err
		}
		keys = append(keys, ledger.Key{UIDL: string(uidl), Size: size})
	}
	return keys, rows.Err()
}
