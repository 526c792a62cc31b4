package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// RenamedError means that an unknown account has the mailbox of one no longer polled. It was
// probably given another name, and all of its mail would be delivered a second time.
type RenamedError struct {
	Account, Mailbox string
	Before           []string // names of the accounts that had the mailbox, in order
}

// Error says what was found, and the two ways to go on.
func (e *RenamedError) Error() string {
	return fmt.Sprintf("its mailbox (%s) was that of account %s, which is not polled any more: its mail would be delivered again. "+
		"To go on where that ended: attachd state rename %s %s. To deliver all of it again: uidl_change: fetch", e.Mailbox, strings.Join(e.Before, " and of account "), e.Before[0], e.Account)
}

// CheckName returns a [*RenamedError] if an account was never polled, and its mailbox is that
// of an account no longer polled. polled reports whether an account of this name is polled.
// CheckName asks nothing of the server and writes nothing down.
func CheckName(ctx context.Context, led Holders, a Account, polled func(account string) bool) error {
	if _, _, ever, err := led.Mailbox(ctx, a.Name); ever || err != nil || a.FetchChangedUIDLs {
		return err
	}
	before, err := led.Holders(ctx, a.Name, a.Owner)
	if err != nil {
		return err
	}
	before = slices.DeleteFunc(before, polled)
	if len(before) == 0 {
		return nil
	}
	return &RenamedError{Account: a.Name, Mailbox: a.Owner, Before: before}
}
