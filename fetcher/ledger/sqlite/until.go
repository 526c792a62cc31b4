package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// KnownUntil returns when the ledger last noted anything of an account or, when it never did, of any, by its own messages: those that
// [Ledger.Adopt] recorded without a time, and what came later, don't count. It is zero for a ledger that knows nothing. Of a backup
// it is a time that the backup is no older than.
func (l *Ledger) KnownUntil(ctx context.Context, account string) (time.Time, error) {
	err := l.before(StepRead, "known until")
	for _, where := range []string{"account = (SELECT id FROM account WHERE name = ?1)", "?1 <> ''"} {
		var at sql.NullInt64
		if err == nil {
			err = l.reader.QueryRowContext(ctx, "SELECT max(max(first_seen, coalesce(delivered, 0))) FROM message WHERE "+where+
				" AND id < coalesce((SELECT min(id) FROM message WHERE "+where+" AND state = 'delivered' AND delivered IS NULL), 9223372036854775807)", account).Scan(&at)
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("look up what is known of account %s: %w", account, l.explain(err))
		}
		if at.Valid {
			return time.UnixMilli(at.Int64), nil
		}
	}
	return time.Time{}, nil
}
