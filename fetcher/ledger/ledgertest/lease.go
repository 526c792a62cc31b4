package ledgertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// testLease: one has an account at a time, and each token is larger than the one before, in a
// ledger that was opened again, too.
func testLease(t *testing.T, open Open) {
	dir := t.TempDir()
	l, ctx := open(t, dir), t.Context()
	first, err := l.Lease(ctx, "hans", time.Time{})
	check(t, err)
	if _, err := l.Lease(ctx, "hans", time.Time{}); !errors.Is(err, ledger.ErrLeased) {
		t.Errorf("leased twice: %v", err)
	}
	other, err := l.Lease(ctx, "eva", time.Time{})
	check(t, err)
	check(t, other.Release())
	check(t, first.Release())
	second, err := l.Lease(ctx, "hans", time.Time{})
	check(t, err)
	check(t, first.Release()) // again, which ends nothing
	if _, err := l.Lease(ctx, "hans", time.Time{}); !errors.Is(err, ledger.ErrLeased) {
		t.Errorf("leased twice after a second release: %v", err)
	}
	check(t, second.Release())
	check(t, l.Close())
	l = open(t, dir)
	defer l.Close()
	third, err := l.Lease(ctx, "hans", time.Time{})
	check(t, err)
	check(t, third.Release())
	// Within a process they may share one, see [ledger.Lease].
	if first.Token > second.Token || second.Token >= third.Token {
		t.Errorf("tokens %d, %d, %d", first.Token, second.Token, third.Token)
	}
}

// testFence: every write on an account is refused, and changes nothing, under a lease that is not
// its newest one.
func testFence(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	now := time.UnixMilli(1_700_000_000_000)
	staged, done, kept := Message("staged", 10, 1), Message("done", 10, 1), Message("kept", 10, 1)
	kept.State, kept.Reason = ledger.Quarantined, "too deep"
	deliver(t, l, done, kept)
	check(t, l.Stage(ctx, "hans", []*ledger.Message{staged}))
	writes := map[string]func(l Ledger) error{
		"Stage":            func(l Ledger) error { return l.Stage(ctx, "hans", []*ledger.Message{Message("new", 10, 1)}) },
		"Delivered":        func(l Ledger) error { return l.Delivered(ctx, "hans", []*ledger.Message{staged}, now) },
		"Failed":           func(l Ledger) error { return l.Failed(ctx, "hans", ledger.Key{UIDL: "failed"}, "-ERR", now) },
		"DeletePending":    func(l Ledger) error { return l.DeletePending(ctx, "hans", []ledger.Key{done.Key}) },
		"Deleted":          func(l Ledger) error { return l.Deleted(ctx, "hans", []ledger.Key{done.Key}) },
		"Spare":            func(l Ledger) error { return l.Spare(ctx, "hans", done.Key, now) },
		"Missed":           func(l Ledger) error { return l.Missed(ctx, "hans", []ledger.Key{done.Key}, false) },
		"Found":            func(l Ledger) error { return l.Found(ctx, "hans", []ledger.Key{done.Key}, now) },
		"StillQuarantined": func(l Ledger) error { return l.StillQuarantined(ctx, "hans", kept.Key, "still") },
		"Dropped":          func(l Ledger) error { return l.Dropped(ctx, "hans", kept.Key, now) },
		"Expired":          func(l Ledger) error { return l.Expired(ctx, "hans", kept.Key) },
		"SetMailbox":       func(l Ledger) error { return l.SetMailbox(ctx, "hans", 3, 30) },
		"SetTooLarge":      func(l Ledger) error { return l.SetTooLarge(ctx, "hans", 3) },
		"SetOwner":         func(l Ledger) error { _, err := l.SetOwner(ctx, "hans", "another mailbox"); return err },
		"CatchUp":          func(l Ledger) error { return l.CatchUp(ctx, "hans", 100) },
		"SetDestination":   func(l Ledger) error { return l.SetDestination(ctx, "hans", "/elsewhere", "2") },
		"Rename from":      func(l Ledger) error { _, err := l.Rename(ctx, "hans", "johann"); return err },
		"Rename to":        func(l Ledger) error { _, err := l.Rename(ctx, "eva", "hans"); return err },
		"Forget":           func(l Ledger) error { _, err := l.Forget(ctx, "hans", []ledger.Key{done.Key}); return err },
		"ForgetAll":        func(l Ledger) error { _, err := l.ForgetAll(ctx, "hans"); return err },
		"Adopt": func(l Ledger) error {
			_, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "listed"}}}, now)
			return err
		},
	}
	old, err := l.Lease(ctx, "hans", time.Time{})
	check(t, err)
	check(t, old.Release())
	newest, err := l.Lease(ctx, "hans", time.Time{})
	check(t, err)
	defer newest.Release()
	johann, err := l.Lease(ctx, "johann", time.Time{})
	check(t, err)
	defer johann.Release()
	eva, err := l.Lease(ctx, "eva", time.Time{})
	check(t, err)
	defer eva.Release()

	before := snapshot(t, l)
	for name, write := range writes {
		if err := write(l.Fenced(old, johann, eva)); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("%s under an old lease: %v", name, err)
		}
		if err := write(l.Fenced(johann, eva)); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("%s under leases of other accounts: %v", name, err)
		}
	}
	if after := snapshot(t, l); after != before {
		t.Errorf("refused writes changed something: %s, before %s", after, before)
	}
	view := l.Fenced(newest)
	for _, name := range []string{"Stage", "Delivered", "DeletePending", "Deleted", "SetMailbox", "Adopt"} {
		if err := writes[name](view); err != nil {
			t.Errorf("%s under the newest lease: %v", name, err)
		}
	}
	if got := state(t, view, "hans", staged.Key); got != ledger.Delivered {
		t.Errorf("read through the view: %q", got)
	}
	// A host is nobody's account.
	check(t, l.Fenced().SetHost(ctx, "mx.example:995", ledger.Host{Exact: now}))
}

// testLastPoll: the time of the last poll lasts, and only a poll changes it.
func testLastPoll(t *testing.T, open Open) {
	dir := t.TempDir()
	l, ctx := open(t, dir), t.Context()
	at := time.UnixMilli(1_700_000_000_123)
	for _, polled := range []time.Time{at.Add(-time.Hour), at, {}} {
		lease, err := l.Lease(ctx, "hans", polled)
		check(t, err)
		check(t, lease.Release())
	}
	check(t, l.Close())
	l = open(t, dir)
	defer l.Close()
	if got, err := l.LastPoll(ctx, "hans"); err != nil || !got.Equal(at) {
		t.Errorf("last polled %v, %v, want %v", got, err, at)
	}
	if got, err := l.LastPoll(ctx, "eva"); err != nil || !got.IsZero() {
		t.Errorf("an account that was never polled: %v, %v", got, err)
	}
}

// snapshot is all that tests of the fence look at.
func snapshot(t *testing.T, l Ledger) string {
	t.Helper()
	ctx := t.Context()
	var all strings.Builder
	for _, account := range []string{"hans", "johann", "eva"} {
		known, err := l.Lookup(ctx, account, []string{"staged", "done", "kept", "new", "failed", "listed"})
		check(t, err)
		unfinished, err := l.Unfinished(ctx, account)
		check(t, err)
		quarantined, err := l.Quarantined(ctx, account)
		check(t, err)
		count, octets, _, err := l.Mailbox(ctx, account)
		check(t, err)
		destination, err := l.Destination(ctx, account)
		check(t, err)
		holders, err := l.Holders(ctx, account, "another mailbox")
		check(t, err)
		fmt.Fprintln(&all, account, known, len(unfinished), len(quarantined), count, octets, destination, holders)
	}
	return all.String()
}
