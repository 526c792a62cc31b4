package ledger

import (
	"context"
	"database/sql"
	"slices"
)

// Known is which of some messages an account has received before, by what their headers tell.
type Known struct {
	// Headers are the digests that are known.
	Headers map[[32]byte]bool
	// MessageIDs are those that are known (without brackets): true for one whose header is not.
	MessageIDs map[string]bool
}

// Known looks for messages that were delivered by what is known of their headers.
func (l *Ledger) Known(ctx context.Context, account string, ids []Identity) (Known, error) {
	known := Known{make(map[[32]byte]bool), make(map[string]bool)}
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
