package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
// busy. The write does not wait for the account's first change: from the lease on, a holder who has
// lost the lock unawares is refused.
//
// Release writes what waits for another change of the account, see [Ledger.SetOwner].
func (l *Ledger) Lease(ctx context.Context, account string, polled time.Time) (*ledger.Lease, error) {
	if err := l.inPlace(time.Now()); err != nil {
		return nil, fmt.Errorf("lease account %s: %w", account, err)
	}
	unlock, err := lockIn(LockFolder(l.path), lockName(account), syscall.LOCK_EX, ledger.ErrLeased)
	if err != nil {
		return nil, fmt.Errorf("lock account: %w", err)
	}
	row, err := l.takeToken(ctx, account, polled)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lease account %s: %w", account, err), unlock())
	}
	if !polled.IsZero() {
		// LastPoll looks there, too. A failure costs no more than that.
		_ = os.Chtimes(filepath.Join(LockFolder(l.path), lockName(account)), polled, polled)
	}
	l.hold(account, row)
	return ledger.NewLease(account, row.token, func() error { return errors.Join(l.letGo(ctx, account, row.token), unlock()) }), nil
}

// noted is what a lease has written.
type noted struct {
	token  int64
	polled time.Time
}

// takeToken returns the account's row with the token of a lease. The caller has the lock.
func (l *Ledger) takeToken(ctx context.Context, account string, polled time.Time) (row accountRow, err error) {
	l.mu.Lock()
	own, ok := l.tokens[account]
	l.mu.Unlock()
	// The lock's file tells the time of a poll unless the clock was set back.
	if ok && (polled.IsZero() || polled.After(own.polled)) {
		if row, err := l.newestRow(ctx, account); err == nil && row.token == own.token {
			return row, nil
		}
	}
	unfenced := &Ledger{file: l.file}
	err = unfenced.changeAs(ctx, cheap, account, "lease", func(ctx context.Context, c *change) error {
		return row.scan(c.tx.StmtContext(ctx, c.lease).QueryRowContext(ctx, milliseconds(polled), c.id))
	})
	if err != nil && ctx.Err() == nil {
		// On a full or read-only disk the lock alone keeps others out, which is enough while this
		// process lives. What needs a write fails by itself.
		return l.newestRow(ctx, account)
	}
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tokens[account] = noted{row.token, polled}
	}
	return row, err
}

// Fenced returns a view of the ledger for the holder of leases. A write on an account changes
// nothing and fails with [ledger.ErrFenced] unless the account's newest lease is among them. Reads
// and what is kept of hosts need no lease. The view is closed with the ledger.
func (l *Ledger) Fenced(leases ...*ledger.Lease) *Ledger {
	return &Ledger{file: l.file, fenced: true, leases: leases}
}

// checkLease refuses a change under any but the newest lease of its account.
func (l *Ledger) checkLease(ctx context.Context, c *change) error {
	if !l.fenced {
		return nil
	}
	lease := l.leaseOf(c.account)
	if lease == nil {
		return ledger.ErrFenced
	}
	return c.checkToken(ctx, lease.Token)
}

// leaseOf returns the lease of an account that a fenced view has, nil without one.
func (l *Ledger) leaseOf(account string) *ledger.Lease {
	for _, held := range l.leases {
		if held.Account == account && !held.Ended() {
			return held
		}
	}
	return nil
}

// checkToken refuses a change under a lease that is not the newest one of the account.
func (c *change) checkToken(ctx context.Context, token int64) error {
	var newest int64
	if err := c.tx.StmtContext(ctx, c.token).QueryRowContext(ctx, c.id).Scan(&newest); err != nil {
		return err
	}
	if newest != token {
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
