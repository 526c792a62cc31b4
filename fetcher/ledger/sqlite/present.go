package sqlite

import (
	"context"

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
