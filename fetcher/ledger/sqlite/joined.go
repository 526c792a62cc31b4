package sqlite

import (
	"context"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// settleJoined makes delivered what waited in quarantine, in pieces, for the messages of a group. As many files of each
// piece were delivered as of the whole.
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
