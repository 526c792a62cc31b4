package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/ledger"
)

// testStart: a start is recorded once, goes with the account's name, and is given up when
// everything is to be fetched again.
func testStart(t *testing.T, open Open) {
	dir := t.TempDir()
	l, ctx := open(t, dir), t.Context()
	expect := func(when, account string, want ledger.Start) {
		t.Helper()
		got, err := l.Start(ctx, account)
		check(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	at := time.UnixMilli(1_700_000_000_123)
	expect("nothing known", "hans", ledger.Start{First: true})
	lease, err := l.Lease(ctx, "hans", at)
	check(t, err)
	check(t, lease.Release())
	_, err = l.SetOwner(ctx, "hans", "hans on a")
	check(t, err)
	expect("leased", "hans", ledger.Start{First: true})
	_, err = l.Skip(ctx, "hans", []ledger.Key{{UIDL: "a", Size: 1}}, time.Time{})
	check(t, err)
	expect("interrupted", "hans", ledger.Start{First: true, Skipped: 1})
	n, err := l.Skip(ctx, "hans", []ledger.Key{{UIDL: "a", Size: 1}, {UIDL: "b", Size: 2}}, at)
	check(t, err)
	if n != 1 {
		t.Errorf("%d skipped, want the one that was not", n)
	}
	expect("set", "hans", ledger.Start{Set: true, Before: at, Skipped: 2})
	check(t, l.Close())
	l = open(t, dir)
	defer l.Close()
	expect("opened again", "hans", ledger.Start{Set: true, Before: at, Skipped: 2})
	_, err = l.Rename(ctx, "hans", "johann")
	check(t, err)
	expect("renamed", "johann", ledger.Start{Set: true, Before: at, Skipped: 2})
	expect("the old name", "hans", ledger.Start{First: true})
	n, err = l.ForgetSkipped(ctx, "johann")
	check(t, err)
	if n != 2 {
		t.Errorf("%d forgotten, want 2", n)
	}
	expect("given up", "johann", ledger.Start{Set: true})
	_, err = l.Skip(ctx, "eva", nil, at)
	check(t, err)
	expect("with an empty mailbox", "eva", ledger.Start{Set: true, Before: at})
	_, err = l.ForgetAll(ctx, "eva")
	check(t, err)
	expect("all forgotten", "eva", ledger.Start{Set: true})
	deliver(t, l, Message("c", 10, 1))
	expect("delivered before", "hans", ledger.Start{})
	check(t, l.SetMailbox(ctx, "grete", 0, 0))
	expect("visited before", "grete", ledger.Start{})
	_, err = l.Adopt(ctx, "otto", []ledger.Listed{{Key: ledger.Key{UIDL: "a", Size: 1}}}, time.Time{})
	check(t, err)
	expect("rebuilt", "otto", ledger.Start{})
	check(t, l.CatchUp(ctx, "emil", 3))
	expect("caught up", "emil", ledger.Start{})
}

// testSkipped: a skipped message is settled and never deleted, and counts nowhere as delivered.
func testSkipped(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	k, known, failed := ledger.Key{UIDL: "s", Size: 7}, Message("a", 10, 1), ledger.Key{UIDL: "f", Size: 8}
	deliver(t, l, known)
	check(t, l.Failed(ctx, "hans", failed, "broke", time.Now()))
	n, err := l.Skip(ctx, "hans", []ledger.Key{k, known.Key, failed}, time.UnixMilli(1_700_000_000_000))
	check(t, err)
	if n != 2 {
		t.Errorf("%d skipped, want 2", n)
	}
	all := records(t, l, "s", "a", "f")
	if diff := cmp.Diff(ledger.Record{Key: k, State: ledger.Delivered, Skipped: true}, all["s"]); diff != "" {
		t.Errorf("record differs (-want +got):\n%s", diff)
	}
	if all["a"].Skipped || !all["f"].Skipped || all["f"].Deletable(true) || all["s"].Deletable(true) {
		t.Errorf("records %+v", all)
	}
	var refused *ledger.TransitionError
	if err := l.DeletePending(ctx, "hans", []ledger.Key{k}); !errors.As(err, &refused) {
		t.Errorf("a deletion of a skipped message: %v", err)
	}
	if n, err := l.DeliveredCount(ctx, "hans"); err != nil || n != 1 {
		t.Errorf("%d delivered, %v, want 1", n, err)
	}
	if d, err := l.Due(ctx, "hans", time.Now(), true); err != nil || d.Deleted != 1 {
		t.Errorf("due %+v, %v, want the delivered one", d, err)
	}
	if kept, present, err := l.Kept(ctx, "hans"); err != nil || kept != 3 || present != 3 {
		t.Errorf("%d kept, %d present, %v, want 3", kept, present, err)
	}
	skipped, err := l.Skipped(ctx, "hans")
	check(t, err)
	if len(skipped) != 2 {
		t.Errorf("skipped %v", skipped)
	}
	summaries, err := l.Summaries(ctx)
	check(t, err)
	if len(summaries) != 1 || summaries[0].Skipped != 2 || summaries[0].Unknown != 0 || summaries[0].Count[ledger.Delivered] != 1 {
		t.Errorf("summaries %+v", summaries)
	}
	testMaybeSkipped(t, l)
	if until, err := l.KnownUntil(ctx, "hans"); err != nil || until.Before(delivered) {
		t.Errorf("known until %v, %v", until, err)
	}
	if n, err := l.Forget(ctx, "hans", []ledger.Key{k}); err != nil || n != 1 {
		t.Errorf("%d forgotten, %v", n, err)
	}
	if _, ok := records(t, l, "s")["s"]; ok {
		t.Error("a forgotten message is known")
	}
}

// testMaybeSkipped: a message that may have been there before is one to be fetched, through its
// failures, until it is skipped or delivered.
func testMaybeSkipped(t *testing.T, l Ledger) {
	t.Helper()
	ctx := t.Context()
	old, young, known := ledger.Key{UIDL: "old", Size: 5}, Message("young", 10, 1), ledger.Key{UIDL: "a", Size: Message("a", 10, 1).Size}
	check(t, l.MaybeSkip(ctx, "hans", []ledger.Key{old, young.Key, known}))
	if diff := cmp.Diff(ledger.Record{Key: old, State: ledger.Failed, Skipped: true}, records(t, l, "old")["old"]); diff != "" {
		t.Errorf("undecided (-want +got):\n%s", diff)
	}
	if r := records(t, l, "a")["a"]; r.Skipped || r.State != ledger.Delivered {
		t.Errorf("delivered before: %+v", r)
	}
	summary := func(when string, skipped int) {
		t.Helper()
		all, err := l.Summaries(ctx)
		check(t, err)
		if len(all) != 1 || all[0].Skipped != skipped || all[0].Unknown != 0 || all[0].Count[ledger.Failed] != 0 {
			t.Errorf("%s: summaries %+v, want %d skipped", when, all, skipped)
		}
	}
	summary("undecided", 4)
	check(t, l.Failed(ctx, "hans", old, "broke", time.Now()))
	if r := records(t, l, "old")["old"]; !r.Skipped || r.Attempts != 1 {
		t.Errorf("not retrieved: %+v", r)
	}
	deliver(t, l, young)
	if r := records(t, l, "young")["young"]; r.Skipped || r.State != ledger.Delivered {
		t.Errorf("delivered: %+v", r)
	}
	n, err := l.Skip(ctx, "hans", []ledger.Key{old}, time.Time{})
	check(t, err)
	if r := records(t, l, "old")["old"]; n != 1 || !r.Skipped || r.State != ledger.Delivered {
		t.Errorf("%d skipped: %+v", n, r)
	}
	summary("decided", 3)
}
