package fetcher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/attachd/attachd/fetcher/ledger/sqlite"
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
	if p.visited {
		return nil
	}
	return p.account.guardName(ctx, p.ledger, p.polled)
}

func (a *Account) guardName(ctx context.Context, led *sqlite.Ledger, polled func(account string) bool) error {
	if a.FetchChangedUIDLs {
		return nil
	}
	before, err := led.Holders(ctx, a.Name, a.Owner())
	if err != nil {
		return err
	}
	before = slices.DeleteFunc(before, polled)
	if len(before) == 0 {
		return nil
	}
	return &RenamedError{Account: a.Name, Mailbox: a.Owner(), Before: before}
}

// CheckName returns a [*RenamedError] if a poll would. polled reports whether one of this name is polled, too. Nothing is written down.
func CheckName(ctx context.Context, led *sqlite.Ledger, a Account, polled func(account string) bool) error {
	if _, _, visited, err := led.Mailbox(ctx, a.Name); visited || err != nil {
		return err
	}
	return a.guardName(ctx, led, polled)
}

// Rename gives what the ledger knows of one account, which is polled no more, to the account that has its mailbox
// now, and returns how many messages that is. It fails with [ErrLocked] while either is being polled, and with
// [ledger.ErrKnown] if anything is known of the latter. Files stay where they are.
func (s *Supervisor) Rename(ctx context.Context, from, to string) (messages int, err error) {
	return s.locked(from, func() (int, error) {
		return s.locked(to, func() (int, error) { return s.Ledger.Rename(ctx, from, to) })
	})
}
