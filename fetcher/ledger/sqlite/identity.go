package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Identities returns the identities of messages. Where nothing is known of a header there is no
// entry.
func (l *Ledger) Identities(ctx context.Context, account string, keys []ledger.Key) (map[ledger.Key]ledger.Identity, error) {
	identities := make(map[ledger.Key]ledger.Identity, len(keys))
	err := l.ask(ctx, account, "identity", func(id int64) error {
		return l.eachIdentity(ctx, id, keys, func(_ int64, k ledger.Key, is ledger.Identity) {
			if is != (ledger.Identity{}) {
				identities[k] = is
			}
		})
	})
	return identities, err
}

// eachIdentity calls fn for each of the messages that is recorded, with its row.
func (l *Ledger) eachIdentity(ctx context.Context, account int64, keys []ledger.Key, fn func(row int64, k ledger.Key, is ledger.Identity)) error {
	for chunk := range slices.Chunk(keys, lookupChunk) {
		asked := make(map[ledger.Key]bool, len(chunk))
		args := []any{account}
		for _, k := range chunk {
			if !asked[k] {
				asked[k] = true
				args = append(args, []byte(k.UIDL))
			}
		}
		query := "SELECT id, uidl, size, coalesce(message_id, ''), sha256 FROM message WHERE account = ? AND uidl IN (?" + placeholders(len(asked)-1) + ")"
		err := eachRow(ctx, l.reader, query, func(rows *sql.Rows) error {
			var row int64
			var k ledger.Key
			var is ledger.Identity
			var uidl, sum sql.RawBytes
			if err := rows.Scan(&row, &uidl, &k.Size, &is.MessageID, &sum); err != nil {
				return err
			}
			copy(is.Header[:], sum)
			if k.UIDL = string(uidl); asked[k] {
				fn(row, k, is)
			}
			return nil
		}, args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Is returns those of the messages that were delivered under the keys given with them:
// [ledger.Identity.Is] holds, and their attachments are the same, as in [Ledger.Same].
func (l *Ledger) Is(ctx context.Context, account string, was map[*ledger.Message]ledger.Key) (map[*ledger.Message]bool, error) {
	is := make(map[*ledger.Message]bool, len(was))
	err := l.ask(ctx, account, "is", func(id int64) error {
		rows := make(map[ledger.Key]int64)
		known := make(map[ledger.Key]ledger.Identity)
		if err := l.eachIdentity(ctx, id, slices.Collect(maps.Values(was)), func(row int64, k ledger.Key, is ledger.Identity) {
			rows[k], known[k] = row, is
		}); err != nil {
			return err
		}
		for m, k := range was {
			if rows[k] == 0 || !known[k].Is(m.Identity()) {
				continue
			}
			same, err := l.hasExactly(ctx, rows[k], ledger.WithoutSidecars(m.Attachments))
			if err != nil {
				return err
			}
			if same {
				is[m] = true
			}
		}
		return nil
	})
	return is, err
}

// Same returns, for each of the messages, the ones that it may be: they were delivered and are, as
// far as is known, still on the server. Oldest come first. They have
//
//   - the same Message-ID and the same header ([ledger.Identity]): a mail that is sent a second
//     time has another Date or Received field. Where one of the headers is not known, the
//     Message-ID is enough or, without one, the UIDL.
//   - the same attachments, byte for byte and in this order. Sidecars don't count. A message
//     without attachments is the same as none.
func (l *Ledger) Same(ctx context.Context, account string, messages []*ledger.Message) (map[*ledger.Message][]ledger.Key, error) {
	same := make(map[*ledger.Message][]ledger.Key)
	err := l.ask(ctx, account, "same", func(id int64) error {
		for chunk := range slices.Chunk(messages, askedChunk) {
			candidates, err := l.candidates(ctx, id, chunk)
			if err != nil {
				return err
			}
			for _, c := range candidates {
				ok, err := l.hasExactly(ctx, c.row, ledger.WithoutSidecars(c.of.Attachments))
				if err != nil {
					return err
				}
				if ok {
					same[c.of] = append(same[c.of], c.Key)
				}
			}
		}
		return nil
	})
	return same, err
}

// candidate is a message that another one may be, by its header and one of its attachments.
type candidate struct {
	of  *ledger.Message
	row int64
	ledger.Key
}

func (l *Ledger) candidates(ctx context.Context, account int64, messages []*ledger.Message) (found []candidate, err error) {
	args := []any{account}
	asked := 0
	for n, m := range messages {
		if attachments := ledger.WithoutSidecars(m.Attachments); len(attachments) > 0 {
			largest := ledger.Largest(attachments)
			for is := range largest.Digests.All() {
				args = append(args, n, is.Kind, largest.Size, is.Sum[:8], is.Sum[:], text(m.MessageID), header(m.Header), []byte(m.UIDL))
				asked++
			}
		}
	}
	if asked == 0 {
		return nil, nil
	}
	// CROSS JOIN keeps this order: the digests are asked for first, as they are in an index.
	err = eachRow(ctx, l.reader, `WITH asked(n, kind, size, head, sum, id, header, uidl) AS (VALUES `+tuples(asked, 8)+`)
		SELECT DISTINCT asked.n, m.id, m.uidl, m.size FROM asked CROSS JOIN attachment AS f CROSS JOIN message AS m
		WHERE f.account = ?1 AND f.kind = asked.kind AND f.size = asked.size AND substr(f.digest, 1, 8) = head AND f.digest = sum AND f.kept = 0 AND m.id = f.message AND m.message_id IS asked.id AND m.state IN ('delivered', 'delete_pending')
		AND (m.sha256 = header OR (m.sha256 IS NULL OR header IS NULL) AND (m.message_id IS NOT NULL OR m.uidl = asked.uidl)) ORDER BY asked.n, m.id`,
		func(rows *sql.Rows) error {
			var n int
			var c candidate
			var uidl sql.RawBytes
			if err := rows.Scan(&n, &c.row, &uidl, &c.Size); err != nil {
				return err
			}
			c.of, c.UIDL = messages[n], string(uidl)
			found = append(found, c)
			return nil
		}, args...)
	return found, err
}

// Gone returns, for those of the messages that are deleted ones put back, which ones these are.
// Header ([ledger.Identity]), Message-ID and attachments are the same. A mail that is sent a second
// time has at least another Received field.
func (l *Ledger) Gone(ctx context.Context, account string, messages []*ledger.Message) (gone map[*ledger.Message]ledger.Key, err error) {
	gone = make(map[*ledger.Message]ledger.Key)
	candidates := make(map[[32]byte][]*ledger.Message) // by their headers
	var contents []ledger.Content                      // of their largest attachments
	for _, m := range messages {
		if attachments := ledger.WithoutSidecars(m.Attachments); len(attachments) > 0 && m.Header != [32]byte{} {
			candidates[m.Header] = append(candidates[m.Header], m)
			largest := ledger.Largest(attachments)
			for c := range largest.Contents() {
				contents = append(contents, c)
			}
		}
	}
	if len(contents) == 0 {
		return gone, nil
	}
	err = l.ask(ctx, account, "gone", func(id int64) error {
		for chunk := range slices.Chunk(contents, askedChunk) {
			if err := l.gone(ctx, id, chunk, candidates, gone); err != nil {
				return err
			}
		}
		return nil
	})
	return gone, err
}

func (l *Ledger) gone(ctx context.Context, account int64, contents []ledger.Content, candidates map[[32]byte][]*ledger.Message, gone map[*ledger.Message]ledger.Key) error {
	type before struct {
		row int64
		ledger.Key
	}
	found := make(map[*ledger.Message]before)
	asked := padded(len(contents))
	args := make([]any, 1+3*asked)
	args[0] = account
	for i, c := range contents {
		args[1+3*i], args[2+3*i], args[3+3*i] = c.Digest.Kind, c.Size, c.Digest.Sum[:8]
	}
	err := eachRow(ctx, recurring{l.reader}, `WITH asked(kind, size, head) AS (VALUES `+tuples(asked, 3)+`)
		SELECT DISTINCT m.id, m.uidl, m.size, m.sha256, m.message_id FROM asked CROSS JOIN attachment AS f CROSS JOIN message AS m
		WHERE f.account = ?1 AND f.kind = asked.kind AND f.size = asked.size AND substr(f.digest, 1, 8) = head AND f.kept = 0
		AND m.id = f.message AND m.state = 'deleted' AND m.sha256 IS NOT NULL`, func(rows *sql.Rows) error {
		var b before
		var uidl, sum []byte
		var messageID sql.NullString
		if err := rows.Scan(&b.row, &uidl, &b.Size, &sum, &messageID); err != nil {
			return err
		}
		b.UIDL = string(uidl)
		is := ledger.Identity{MessageID: messageID.String, Header: [32]byte(sum)}
		for _, m := range candidates[is.Header] {
			if is.Is(m.Identity()) {
				found[m] = b
			}
		}
		return nil
	}, args...)
	if err != nil {
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

// hasExactly reports whether a message was recorded with these attachments, which are without
// sidecars.
func (l *Ledger) hasExactly(ctx context.Context, message int64, attachments []ledger.Attachment) (bool, error) {
	var recorded []ledger.Attachment
	err := eachRow(ctx, l.reader, "SELECT path, digest, kind FROM attachment WHERE message = ? AND kept = 0 ORDER BY n", func(rows *sql.Rows) error {
		var a ledger.Attachment
		var kind digest.Kind
		var sum sql.RawBytes
		if err := rows.Scan(&a.Path, &sum, &kind); err != nil {
			return err
		}
		a.Digests = digests(sum, kind)
		recorded = append(recorded, a)
		return nil
	}, message)
	return err == nil && ledger.SameFiles(recorded, attachments), err
}

// Known says which of the identities messages were delivered with.
func (l *Ledger) Known(ctx context.Context, account string, ids []ledger.Identity) (ledger.Known, error) {
	known := ledger.Known{Headers: make(map[[32]byte]bool), MessageIDs: make(map[string]bool)}
	var messageIDs, digests []any
	for _, id := range ids {
		if t := text(id.MessageID); t != nil {
			messageIDs = append(messageIDs, t)
		}
		if d := header(id.Header); d != nil {
			digests = append(digests, d)
		}
	}
	err := l.ask(ctx, account, "known", func(id int64) error {
		err := l.eachKnown(ctx, id, "message_id", messageIDs, func(messageID sql.NullString, header []byte) {
			known.MessageIDs[messageID.String] = known.MessageIDs[messageID.String] || header == nil
		})
		if err != nil {
			return err
		}
		return l.eachKnown(ctx, id, "sha256", digests, func(_ sql.NullString, header []byte) { known.Headers[[32]byte(header)] = true })
	})
	return known, err
}

// eachKnown calls fn for each delivered message that has one of the values in a column.
func (l *Ledger) eachKnown(ctx context.Context, account int64, column string, values []any, fn func(messageID sql.NullString, header []byte)) error {
	for chunk := range slices.Chunk(values, lookupChunk) {
		err := eachRow(ctx, l.reader, "SELECT DISTINCT message_id, sha256 FROM message WHERE account = ? AND "+wasDelivered+" AND "+column+" IN (?"+placeholders(len(chunk)-1)+")", func(rows *sql.Rows) error {
			var messageID sql.NullString
			var header []byte
			if err := rows.Scan(&messageID, &header); err != nil {
				return err
			}
			fn(messageID, header)
			return nil
		}, append([]any{account}, chunk...)...)
		if err != nil {
			return err
		}
	}
	return nil
}
