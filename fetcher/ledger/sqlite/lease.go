package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Lease takes an account for this process, or fails with [ledger.ErrLeased] at once. polled, unless
// it is zero, becomes the time of its last poll, see [Ledger.LastPoll].
//
// The lease is a lock on a file in [LockFolder]. The kernel drops the lock with the process,
// however that ends; the file stays. Taking a lease costs no fsync: a power cut may undo that
// write, and leaves nobody who could hold an older lease. It costs no write at all if the newest
// lease was one of this Ledger: most polls find nothing, and thousands of them would keep a disk
// busy.
func (l *Ledger) Lease(ctx context.Context, account string, polled time.Time) (*ledger.Lease, error) {
	unlock, err := lockIn(LockFolder(l.path), lockName(account), syscall.LOCK_EX, ledger.ErrLeased)
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	token, err := l.takeToken(ctx, account, polled)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lease account %s: %w", account, err), unlock())
	}
	if !polled.IsZero() {
		// LastPoll looks there, too. A failure costs no more than that.
		_ = os.Chtimes(filepath.Join(LockFolder(l.path), lockName(account)), polled, polled)
	}
	return ledger.NewLease(account, token, unlock), nil
}

// noted is what a lease has written.
type noted struct {
	token  int64
	polled time.Time
}

// takeToken returns the token of a lease. The caller has the lock.
func (l *Ledger) takeToken(ctx context.Context, account string, polled time.Time) (token int64, err error) {
	l.mu.Lock()
	own, ok := l.tokens[account]
	l.mu.Unlock()
	// The lock's file tells the time of a poll unless the clock was set back.
	if ok && (polled.IsZero() || polled.After(own.polled)) {
		if newest, err := l.newestToken(ctx, account); err == nil && newest == own.token {
			return own.token, nil
		}
	}
	unfenced := &Ledger{file: l.file}
	err = unfenced.changeAs(ctx, cheap, account, "lease", func(ctx context.Context, c *change) error {
		return c.tx.StmtContext(ctx, c.lease).QueryRowContext(ctx, milliseconds(polled), c.id).Scan(&token)
	})
	if err != nil && ctx.Err() == nil {
		// On a full or read-only disk the lock alone keeps others out, which is enough while this
		// process lives. What needs a write fails by itself.
		return l.newestToken(ctx, account)
	}
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tokens[account] = noted{token, polled}
	}
	return token, err
}

// newestToken returns that of the account's newest lease, 0 without any.
func (l *Ledger) newestToken(ctx context.Context, account string) (token int64, err error) {
	err = l.reader.QueryRowContext(ctx, "SELECT token FROM account WHERE name = ?", account).Scan(&token)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return token, l.explain(err)
}

// Fenced returns a view of the ledger for the holder of leases. A write on an account changes
// nothing and fails with [ledger.ErrFenced] unless the account's newest lease is among them. Reads
// and what is kept of hosts need no lease. The view is closed with the ledger.
func (l *Ledger) Fenced(leases ...*ledger.Lease) *Ledger {
	return &Ledger{file: l.file, fenced: true, leases: leases}
}

// checkLease refuses a change on an account under any but its newest lease.
func (l *Ledger) checkLease(ctx context.Context, c *change, account string, id int64) error {
	if !l.fenced {
		return nil
	}
	i := slices.IndexFunc(l.leases, func(held *ledger.Lease) bool { return held.Account == account && !held.Ended() })
	if i < 0 {
		return ledger.ErrFenced
	}
	var newest int64
	if err := c.tx.StmtContext(ctx, c.token).QueryRowContext(ctx, id).Scan(&newest); err != nil {
		return err
	}
	if newest != l.leases[i].Token {
		return ledger.ErrFenced
	}
	return nil
}

// LastPoll returns when the account was last polled, whatever came of it; zero without any. It is
// the later of what the ledger has noted and the time of the account's lock file.
func (l *Ledger) LastPoll(ctx context.Context, account string) (time.Time, error) {
	var at sql.NullInt64
	if !l.older(leaseSince) {
		err := l.before(StepRead, "last poll")
		if err == nil {
			err = l.reader.QueryRowContext(ctx, "SELECT polled FROM account WHERE name = ?", account).Scan(&at)
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return time.Time{}, fmt.Errorf("look up the last poll of account %s: %w", account, l.explain(err))
		}
	}
	last := fromMilliseconds(at)
	info, err := os.Stat(filepath.Join(LockFolder(l.path), lockName(account)))
	if err == nil && info.ModTime().After(last) && info.ModTime().Sub(last) >= time.Millisecond {
		return info.ModTime(), nil
	}
	return last, nil
}
