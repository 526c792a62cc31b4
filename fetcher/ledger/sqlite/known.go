package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Known looks for messages that were delivered by what is known of their headers.
func (l *Ledger) Known(ctx context.Context, account string, ids []ledger.Identity) (ledger.Known, error) {
	known := ledger.Known{Headers: make(map[[32]byte]bool), MessageIDs: make(map[string]bool)}
	var messageIDs, digests []any
	for _, id := range ids {
		if t := text(id.MessageID); t != nil {
			messageIDs = append(messageIDs, t)
		}
		if d := digest(id.Header); d != nil {
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

// eachKnown passes on the messages that were delivered in which a column has one of the values.
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
