package ledgertest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/google/go-cmp/cmp"
)

// many is beyond the chunks that an implementation is likely to work in.
const many = 2500

// testManyDeletions crosses the bounds of the chunks.
func testManyDeletions(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	var group []*ledger.Message
	for i := range many {
		group = append(group, Message(fmt.Sprint(i), 1, 0))
	}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	check(t, l.DeletePending(ctx, "hans", keysOf(group)))
	check(t, l.Deleted(ctx, "hans", keysOf(group)))
	for _, i := range []int{0, 2047, 2048, len(group) - 1} {
		if got := state(t, l, "hans", group[i].Key); got != ledger.Deleted {
			t.Errorf("message %d is %s", i, got)
		}
	}
}

// testDeletedInVain: the ledger counts how often a message was listed although its deletion was
// confirmed. What failed before it was delivered does not count.
func testDeletedInVain(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	m := []*ledger.Message{Message("a", 10, 1)}
	check(t, l.Failed(ctx, "hans", m[0].Key, "refused", time.Now()))
	check(t, l.Failed(ctx, "hans", m[0].Key, "refused", time.Now()))
	check(t, l.Stage(ctx, "hans", m))
	check(t, l.Delivered(ctx, "hans", m, time.Now()))
	for want := range 3 {
		check(t, l.Found(ctx, "hans", keysOf(m), time.Time{})) // which counts nothing
		check(t, l.DeletePending(ctx, "hans", keysOf(m)))
		check(t, l.Deleted(ctx, "hans", keysOf(m)))
		records, err := l.Lookup(ctx, "hans", []string{"a"})
		if err != nil || len(records) != 1 || records[0].Attempts != want || records[0].State != ledger.Deleted {
			t.Errorf("%+v, %v, want %d", records, err, want)
		}
		check(t, l.Found(ctx, "hans", keysOf(m), time.Time{}))
	}
}

// testMissed: listings that lack a message count up, by less where that is likely a mistake, until
// one has it again.
func testMissed(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	group := []*ledger.Message{Message("a", 10, 1), Message("b", 10, 1), Message("pending", 10, 1)}
	a, b, pending := []ledger.Key{group[0].Key}, []ledger.Key{group[1].Key}, []ledger.Key{group[2].Key}
	deliver(t, l, group...)
	check(t, l.DeletePending(ctx, "hans", pending))
	expect := func(what string, missedA, missedB, kept, present int, settled ledger.State) {
		t.Helper()
		r := records(t, l, "a", "b", "pending")
		if r["a"].Missed != missedA || r["b"].Missed != missedB || r["pending"].State != settled {
			t.Errorf("%s: missed %d and %d, want %d and %d; the pending one is %s", what, r["a"].Missed, r["b"].Missed, missedA, missedB, r["pending"].State)
		}
		n, there, err := l.Kept(ctx, "hans")
		if err != nil || n != kept || there != present {
			t.Errorf("%s: %d kept, %d present, %v, want %d and %d", what, n, there, err, kept, present)
		}
		if keys, err := l.Present(ctx, "hans"); err != nil || len(keys) != present {
			t.Errorf("%s: present %v, %v", what, keys, err)
		}
		keys, err := l.Pending(ctx, "hans")
		if want := settled == ledger.DeletePending; err != nil || slices.Equal(keys, pending) != want {
			t.Errorf("%s: pending %v, %v", what, keys, err)
		}
	}
	expect("listed", 0, 0, 3, 3, ledger.DeletePending)
	check(t, l.Missed(ctx, "hans", slices.Concat(a, pending), true))
	check(t, l.Missed(ctx, "hans", b, false))
	expect("missed once", 1, 2, 3, 3, ledger.DeletePending)
	check(t, l.Missed(ctx, "hans", slices.Concat(a, b, pending), true))
	expect("missed again", 2, 3, 2, 1, ledger.Deleted)
	check(t, l.Missed(ctx, "hans", slices.Concat(a, b), false))
	expect("missed for good", 3, 3, 2, 0, ledger.Deleted)
	later := delivered.Add(time.Hour)
	check(t, l.Found(ctx, "hans", slices.Concat(a, pending), time.Time{}))
	check(t, l.Found(ctx, "hans", b, later))
	expect("found", 0, 0, 3, 3, ledger.Delivered)
	r := records(t, l, "a", "b", "pending")
	if !r["a"].Delivered.Equal(delivered) || !r["b"].Delivered.Equal(later) || r["pending"].Attempts != 1 || r["a"].Attempts != 0 {
		t.Errorf("found: %+v", r)
	}
	check(t, l.Missed(ctx, "hans", []ledger.Key{{UIDL: "unheard of"}}, false))
}

// testSpare: a delivered message that is spared is not due before its time, and everything else of
// its record stays. Nothing is recorded of a message that is not delivered.
func testSpare(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	group := []*ledger.Message{Message("a", 10, 1), Message("b", 10, 1)}
	deliver(t, l, group...)
	failed, next := ledger.Key{UIDL: "failed", Size: 10}, time.UnixMilli(5000)
	check(t, l.Failed(ctx, "hans", failed, "refused", next))
	check(t, l.DeletePending(ctx, "hans", []ledger.Key{group[0].Key}))
	later := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	for _, k := range []ledger.Key{group[0].Key, failed, {UIDL: "unknown", Size: 10}} {
		check(t, l.Spare(ctx, "hans", k, later))
	}
	got := records(t, l, "a", "failed", "unknown")
	if a := got["a"]; !a.NextAttempt.Equal(later) || a.State != ledger.DeletePending || a.Attempts != 0 || a.Reason != "" {
		t.Errorf("spared is %+v", a)
	}
	if f := got["failed"]; !f.NextAttempt.Equal(next) || len(got) != 2 {
		t.Errorf("the others are %+v", got)
	}
	due := func(want int) {
		t.Helper()
		if d, err := l.Due(ctx, "hans", time.Now(), true); err != nil || d.Deleted != want {
			t.Errorf("due %+v, %v, want %d", d, err, want)
		}
	}
	due(1)
	for _, until := range []time.Time{time.UnixMilli(1000), time.Now().AddDate(10, 0, 0)} { // the latter by a clock that was ahead
		check(t, l.Spare(ctx, "hans", group[0].Key, later))
		due(1)
		check(t, l.Spare(ctx, "hans", group[0].Key, until))
		due(2)
	}
}

// testDue: what may be deleted, by what was delivered of it.
func testDue(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	at := time.UnixMilli(1000)
	moved, unread, sidecar := Message("moved", 10, 0), Message("unread", 10, 1), Message("sidecar", 10, 2)
	moved.Before, unread.Unread = 2, true
	sidecar.Attachments[0].Path = sidecar.Attachments[1].Path + ".json"
	group := []*ledger.Message{Message("two", 10, 2), Message("none", 10, 0), moved, unread, sidecar, copied("copied", 0)}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, at))
	if _, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "vouched", Size: 10}}}, at); err != nil {
		t.Fatal(err)
	}
	late := []*ledger.Message{Message("late", 10, 1)}
	check(t, l.Stage(ctx, "hans", late))
	check(t, l.Delivered(ctx, "hans", late, at.Add(time.Hour)))

	want := map[string]int{"two": 2, "none": 0, "moved": 2, "unread": 1, "sidecar": 1, "copied": 0, "vouched": ledger.Vouched}
	got := make(map[string]int)
	for uidl, r := range records(t, l, slices.Collect(maps.Keys(want))...) {
		got[uidl] = r.Files
		if wanted := uidl != "none" && uidl != "unread" && uidl != "copied"; r.Deletable(false) != wanted || r.Deletable(true) != (uidl != "unread") {
			t.Errorf("deletable: %t, with empty ones: %t: %+v", r.Deletable(false), r.Deletable(true), r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	for empty, want := range map[bool]ledger.Due{false: {Deleted: 4, Empty: 2, Unread: 1}, true: {Deleted: 6, Unread: 1}} {
		if got, err := l.Due(ctx, "hans", at, empty); err != nil || got != want {
			t.Errorf("due %+v, %v, want %+v", got, err, want)
		}
	}
	if messages, err := l.Unread(ctx, "hans"); err != nil || len(messages) != 1 || messages[0].UIDL != "unread" {
		t.Errorf("unread: %+v, %v", messages, err)
	}
}
