package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// RenamedError says that an account of which nothing is known has the mailbox of one that is not polled any more: it
// was given another name, and all of its mail would be delivered a second time.
type RenamedError struct {
	Account, Mailbox string
	Before           []string // the accounts, in order
}

// Error names the two ways on.
func (e *RenamedError) Error() string {
	return fmt.Sprintf("its mailbox (%s) was that of account %s, which is not polled any more: its mail would be delivered again. "+
		"To go on where that ended: attachd state rename %s %s. To deliver all of it again: uidl_change: fetch", e.Mailbox, strings.Join(e.Before, " and of account "), e.Before[0], e.Account)
}

// guardName fails with a [RenamedError] before anything is asked.
func (p *poll) guardName(ctx context.Context) error {
	if p.visited || p.account.FetchChangedUIDLs {
		return nil
	}
	before, err := p.ledger.Holders(ctx, p.account.Name, p.account.owner())
	if err != nil {
		return err
	}
	before = slices.DeleteFunc(before, p.polled)
	if len(before) == 0 {
		return nil
	}
	return &RenamedError{Account: p.account.Name, Mailbox: p.account.owner(), Before: before}
}

// Rename gives what the ledger knows of one account, which is polled no more, to the account that has its mailbox
// now, and returns how many messages that is. It fails with [ErrLocked] while either is being polled, and with
// [ledger.ErrKnown] if anything is known of the latter. Files stay where they are.
func (s *Supervisor) Rename(ctx context.Context, from, to string) (messages int, err error) {
	return s.locked(from, func() (int, error) {
		return s.locked(to, func() (int, error) { return s.Ledger.Rename(ctx, from, to) })
	})
}
