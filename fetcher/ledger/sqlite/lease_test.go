package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// TestLeaseOfKilled: the lease of a process that is killed is free, and what it wrote is there.
func TestLeaseOfKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), leaseEnv+"="+path)
	out, err := child.StdoutPipe()
	check(t, err)
	check(t, child.Start())
	var token int64
	_, err = fmt.Fscan(out, &token)
	check(t, err)
	if _, err := l.Lease(t.Context(), "hans", time.Time{}); !errors.Is(err, ledger.ErrLeased) {
		t.Errorf("error %v while another process has it, want %v", err, ledger.ErrLeased)
	}
	check(t, child.Process.Kill())
	_ = child.Wait()
	lease, err := l.Lease(t.Context(), "hans", time.Time{})
	if err != nil || lease.Token <= token {
		t.Fatalf("after the kill: %+v, %v; the token before was %d", lease, err, token)
	}
	check(t, lease.Release())
}

// leaseEnv names the ledger that the child of TestLeaseOfKilled takes a lease of.
const leaseEnv = "ATTACHD_LEDGER_LEASE"

func leaseUntilKilled(path string) error {
	ctx := context.Background()
	l, err := Open(ctx, path)
	if err != nil {
		return err
	}
	lease, err := l.Lease(ctx, "hans", time.Time{})
	if err != nil {
		return err
	}
	fmt.Println(lease.Token)
	select {}
}

// TestLastPollBefore: what an earlier version knew of the last poll is the time of the lock's file,
// until there was another poll.
func TestLastPollBefore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	oldLedger(t, path, 7)
	before := time.UnixMilli(1_700_000_000_000)
	check(t, os.Mkdir(LockFolder(path), 0o700))
	lock := filepath.Join(LockFolder(path), "hans.lock")
	check(t, os.WriteFile(lock, nil, 0o600))
	check(t, os.Chtimes(lock, before, before))
	opened := func(ctx context.Context, path string) (*Ledger, error) { return Open(ctx, path) }
	for name, open := range map[string]func(context.Context, string) (*Ledger, error){"inspect": Inspect, "open": opened} {
		l, err := open(t.Context(), path)
		check(t, err)
		if at, err := l.LastPoll(t.Context(), "hans"); err != nil || !at.Equal(before) {
			t.Errorf("%s: last polled %v, %v, want %v", name, at, err, before)
		}
		check(t, l.Close())
	}
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	lease, err := l.Lease(t.Context(), "hans", time.Time{})
	check(t, err)
	check(t, lease.Release())
	if at, err := l.LastPoll(t.Context(), "hans"); err != nil || !at.Equal(before) {
		t.Errorf("leased for something else: last polled %v, %v, want %v", at, err, before)
	}
	now := before.Add(time.Hour)
	lease, err = l.Lease(t.Context(), "hans", now)
	check(t, err)
	check(t, lease.Release())
	if at, err := l.LastPoll(t.Context(), "hans"); err != nil || !at.Equal(now) {
		t.Errorf("last polled %v, %v, want %v", at, err, now)
	}
}

// TestLeaseAgain: a poll that follows another one of the same process writes nothing for its lease,
// which excludes and fences all the same. What another process did between them is noticed.
func TestLeaseAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	writes := 0
	l, err := Open(t.Context(), path, WithHook(func(step Step, _ string) error {
		if step == StepBegin {
			writes++
		}
		return nil
	}))
	check(t, err)
	defer l.Close()
	other, err := Open(t.Context(), path)
	check(t, err)
	defer other.Close()
	at := time.UnixMilli(1_700_000_000_000)
	lease := func(l *Ledger) *ledger.Lease {
		t.Helper()
		at = at.Add(time.Minute)
		lease, err := l.Lease(t.Context(), "hans", at)
		check(t, err)
		if polled, err := other.LastPoll(t.Context(), "hans"); err != nil || !polled.Equal(at) {
			t.Errorf("last polled %v, %v, want %v", polled, err, at)
		}
		return lease
	}
	first := lease(l)
	check(t, first.Release())
	second := lease(l)
	if _, err := other.Lease(t.Context(), "hans", at); !errors.Is(err, ledger.ErrLeased) {
		t.Errorf("leased twice: %v", err)
	}
	if err := l.Fenced(first).SetMailbox(t.Context(), "hans", 1, 1); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("a write under a lease that ended: %v", err)
	}
	check(t, second.Release())
	if writes != 2 { // the first lease, and the write that was refused
		t.Errorf("%d transactions of writing, want 2", writes)
	}
	between := lease(other)
	check(t, between.Release())
	third := lease(l)
	check(t, l.Fenced(third).SetMailbox(t.Context(), "hans", 1, 1))
	check(t, third.Release())
	if first.Token != second.Token || second.Token >= between.Token || between.Token >= third.Token {
		t.Errorf("tokens %d, %d, %d, %d", first.Token, second.Token, between.Token, third.Token)
	}
}

// TestDurability: only what may be lost is written without an fsync, and what comes behind it is
// written with one again.
func TestDurability(t *testing.T) {
	t.Parallel()
	l := open(t)
	synchronous := func(how durability) (mode int) {
		check(t, l.changeAs(t.Context(), how, "hans", "test", func(ctx context.Context, c *change) error {
			return c.tx.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&mode)
		}))
		return mode
	}
	const normal, full = 1, 2
	for _, how := range []durability{durable, cheap, durable} {
		if got, want := synchronous(how), map[durability]int{durable: full, cheap: normal}[how]; got != want {
			t.Errorf("durable %t: synchronous = %d, want %d", how, got, want)
		}
	}
	refused := errors.New("refused")
	if err := l.changeAs(t.Context(), cheap, "hans", "test", func(context.Context, *change) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if got := synchronous(durable); got != full {
		t.Errorf("behind a change that failed: synchronous = %d", got)
	}
}

// TestWithoutFsync: of a visit that delivers, only the record of what is staged waits for the disk,
// and of one that deletes what it needs to know of that.
func TestWithoutFsync(t *testing.T) {
	t.Parallel()
	var l *Ledger
	var waited []string // for the disk
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), WithHook(func(step Step, name string) error {
		if step == StepCommit && !l.relaxed {
			waited = append(waited, name)
		}
		return nil
	}))
	check(t, err)
	defer l.Close()
	ctx, group := t.Context(), numberedGroup(0)
	lease, err := l.Lease(ctx, "hans", time.Now())
	check(t, err)
	defer lease.Release()
	_, err = l.SetOwner(ctx, "hans", "hans on a")
	check(t, err)
	check(t, l.SetDestination(ctx, "hans", "/mnt/a", "1"))
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	check(t, l.SetHost(ctx, "mail.example.org:995", ledger.Host{Exact: time.Now()}))
	check(t, l.SetMailbox(ctx, "hans", 40, 400))
	if want := []string{"stage"}; !slices.Equal(waited, want) {
		t.Errorf("delivery waits for the disk at %q, want %q", waited, want)
	}
	waited = nil
	check(t, l.DeletePending(ctx, "hans", keysOf(group)))
	check(t, l.Deleted(ctx, "hans", keysOf(group)))
	check(t, l.SetMailbox(ctx, "hans", 0, 0))
	check(t, l.SetDestination(ctx, "hans", "/mnt/b", "2"))
	if want := []string{string(ledger.DeletePending), string(ledger.Deleted), "destination"}; !slices.Equal(waited, want) {
		t.Errorf("deletion and another folder wait for the disk at %q, want %q", waited, want)
	}
}

// TestLeaseLeavesNoTrace: nothing is kept of an account that was taken and never polled. What is
// written under the lease is not refused for that.
func TestLeaseLeavesNoTrace(t *testing.T) {
	t.Parallel()
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lease, err := l.Lease(t.Context(), "typo", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Release()
	if all, err := l.Summaries(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%+v is kept, error %v", all, err)
	}
	if err := l.Fenced(lease).SetMailbox(t.Context(), "typo", 1, 1); err != nil {
		t.Error(err)
	}
}
