package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// delivered is when the messages of the tests are.
var delivered = time.UnixMilli(1_700_000_000_000)

// testDelivery follows a group from its staging to its delivery.
func testDelivery(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	quarantined := Message("b", 20, 1)
	quarantined.State, quarantined.Reason, quarantined.Attachments[0].Quarantine = ledger.Quarantined, "too deep", true
	group := []*ledger.Message{Message("a", 10, 2), quarantined, Message("c", 30, 0)}
	check(t, l.Stage(ctx, "hans", group))

	got, err := l.Unfinished(ctx, "hans")
	check(t, err)
	if diff := cmp.Diff(group, got, cmpopts.IgnoreFields(ledger.Message{}, "FirstSeen")); diff != "" {
		t.Errorf("unfinished differs from what was staged (-want +got):\n%s", diff)
	}
	if age := time.Since(got[0].FirstSeen); age < 0 || age > time.Minute {
		t.Errorf("first seen %v", got[0].FirstSeen)
	}
	if other, err := l.Unfinished(ctx, "eva"); err != nil || len(other) != 0 {
		t.Errorf("another account has %d messages unfinished, %v", len(other), err)
	}

	first := time.UnixMilli(1_700_000_000_123)
	got[0].Attachments[1].Path = "a-1-2.pdf"
	check(t, l.Delivered(ctx, "hans", got, first))
	check(t, l.Delivered(ctx, "hans", got, first.Add(time.Hour))) // a recovery that ran twice
	records, err := l.Lookup(ctx, "hans", []string{"a", "b", "c", "d"})
	check(t, err)
	want := []ledger.Record{
		{Key: ledger.Key{UIDL: "a", Size: 10}, State: ledger.Delivered, Delivered: first, Files: 2},
		{Key: ledger.Key{UIDL: "b", Size: 20}, State: ledger.Quarantined, Delivered: first},
		{Key: ledger.Key{UIDL: "c", Size: 30}, State: ledger.Delivered, Delivered: first},
	}
	if diff := cmp.Diff(want, records, cmpopts.SortSlices(func(a, b ledger.Record) bool { return a.UIDL < b.UIDL })); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
	if got, err = l.Unfinished(ctx, "hans"); err != nil || len(got) != 0 {
		t.Errorf("%d messages unfinished, %v", len(got), err)
	}

	for _, tt := range []struct {
		account, name string
		size          int64
		want          bool
	}{
		{"hans", "a-0.pdf", 5, true},
		{"hans", "a-0.pdf", 6, false},
		{"hans", "x.pdf", 5, false},
		{"hans", "b-0.pdf", 10, false}, // in quarantine
		{"eva", "a-0.pdf", 5, false},
	} {
		is := ledger.Content{Digest: digest.Of(digest.Own, []byte(tt.name)), Size: tt.size}
		if got, err := l.Received(ctx, tt.account, []ledger.Content{is}); err != nil || got[is] != tt.want {
			t.Errorf("Received(%s, %s, %d) = %v, %v, want %v", tt.account, tt.name, tt.size, got, err, tt.want)
		}
	}
}

// testTransitions tries every change on a message in every state.
func testTransitions(t *testing.T, open Open) {
	l := fresh(t, open)
	k := ledger.Key{UIDL: "u", Size: 100}
	next := time.UnixMilli(1_700_000_000_000)
	ops := []struct {
		name string
		do   func(ctx context.Context, account string) error
	}{
		{"stage", func(ctx context.Context, account string) error {
			return l.Stage(ctx, account, []*ledger.Message{Message("u", 100, 1)})
		}},
		{"deliver", func(ctx context.Context, account string) error {
			return l.Delivered(ctx, account, []*ledger.Message{Message("u", 100, 1)}, next)
		}},
		{"delete", func(ctx context.Context, account string) error { return l.DeletePending(ctx, account, []ledger.Key{k}) }},
		{"deleted", func(ctx context.Context, account string) error { return l.Deleted(ctx, account, []ledger.Key{k}) }},
		{"fail", func(ctx context.Context, account string) error { return l.Failed(ctx, account, k, "-ERR", next) }},
	}
	stage := func(s ledger.State) func(t *testing.T, account string) {
		return func(t *testing.T, account string) {
			m := Message("u", 100, 1)
			m.State = s
			check(t, l.Stage(t.Context(), account, []*ledger.Message{m}))
		}
	}
	then := func(fns ...func(t *testing.T, account string)) func(t *testing.T, account string) {
		return func(t *testing.T, account string) {
			for _, fn := range fns {
				fn(t, account)
			}
		}
	}
	op := func(i int) func(t *testing.T, account string) {
		return func(t *testing.T, account string) { check(t, ops[i].do(t.Context(), account)) }
	}
	tests := []struct {
		from  ledger.State
		reach func(t *testing.T, account string)
		want  [5]ledger.State // after stage, deliver, delete, deleted, fail; "" refused
	}{
		{"", then(), [5]ledger.State{ledger.Staged, "", "", "", ledger.Failed}},
		{ledger.Staged, stage(""), [5]ledger.State{"", ledger.Delivered, "", "", ""}},
		{ledger.Delivered, then(stage(ledger.Delivered), op(1)), [5]ledger.State{"", ledger.Delivered, ledger.DeletePending, "", ""}},
		{ledger.DeletePending, then(stage(ledger.Delivered), op(1), op(2)), [5]ledger.State{"", ledger.DeletePending, ledger.DeletePending, ledger.Deleted, ""}},
		{ledger.Deleted, then(stage(ledger.Delivered), op(1), op(2), op(3)), [5]ledger.State{"", ledger.Deleted, ledger.DeletePending, ledger.Deleted, ""}},
		{ledger.Failed, op(4), [5]ledger.State{ledger.Staged, "", "", "", ledger.Failed}},
		{ledger.Quarantined, then(stage(ledger.Quarantined), op(1)), [5]ledger.State{"", ledger.Quarantined, "", "", ""}},
	}
	for _, tt := range tests {
		for i, want := range tt.want {
			account := string(tt.from) + "-" + ops[i].name
			tt.reach(t, account)
			if got := state(t, l, account, k); got != tt.from {
				t.Fatalf("%s: the state is %q before the change", account, got)
			}
			err := ops[i].do(t.Context(), account)
			refusal, refused := errors.AsType[*ledger.TransitionError](err)
			switch {
			case refused != (want == "") || !refused && err != nil:
				t.Errorf("%s: error %v, want refused %v", account, err, want == "")
			case refused && (refusal.From != tt.from || refusal.Key != k || refusal.Account != account):
				t.Errorf("%s: %+v", account, refusal)
			}
			if refused {
				want = tt.from
			}
			if got := state(t, l, account, k); got != want {
				t.Errorf("%s: became %q, want %q", account, got, want)
			}
		}
	}
	if err := l.Stage(t.Context(), "x", []*ledger.Message{{Key: k, State: ledger.Deleted}}); err == nil {
		t.Error("a message was staged to become deleted")
	}
}

// testRefusedGroup: what a group holds beside a refused message is not recorded.
func testRefusedGroup(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	check(t, l.Stage(ctx, "hans", []*ledger.Message{Message("known", 1, 1)}))
	for _, group := range [][]*ledger.Message{
		{Message("new", 1, 1), Message("known", 1, 1)},
		{Message("twin", 1, 1), Message("twin", 1, 1)},
	} {
		if _, ok := errors.AsType[*ledger.TransitionError](l.Stage(ctx, "hans", group)); !ok {
			t.Errorf("group of %s was not refused", group[0].UIDL)
		}
		if got := state(t, l, "hans", group[0].Key); got != "" {
			t.Errorf("message %s is %s", group[0].UIDL, got)
		}
	}
}

func testFailures(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	next := time.UnixMilli(1_700_000_000_000)
	for range 3 {
		check(t, l.Failed(ctx, "hans", ledger.Key{UIDL: "u", Size: -1}, "-ERR [SYS/TEMP] busy", next))
	}
	got, err := l.Lookup(ctx, "hans", []string{"u"})
	check(t, err)
	if diff := cmp.Diff([]ledger.Record{{Key: ledger.Key{UIDL: "u", Size: -1}, State: ledger.Failed, Attempts: 3, NextAttempt: next, Reason: "-ERR [SYS/TEMP] busy"}}, got); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
	// It comes at last, and by now its size is known: one record is left.
	check(t, l.Stage(ctx, "hans", []*ledger.Message{Message("u", 100, 1)}))
	got, err = l.Lookup(ctx, "hans", []string{"u"})
	check(t, err)
	if diff := cmp.Diff([]ledger.Record{{Key: ledger.Key{UIDL: "u", Size: 100}, State: ledger.Staged, Attempts: 3, Files: 1}}, got); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
}

// testLongNames: of a long name of an attachment its beginning is kept.
func testLongNames(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	m := &ledger.Message{Key: ledger.Key{UIDL: "1", Size: 1 << 20}}
	for i := range 10 {
		long := fmt.Sprint(i, strings.Repeat("ü", 500))
		m.Attachments = append(m.Attachments, ledger.Attachment{StagingID: "x", Path: fmt.Sprint(i), OriginalName: long, MediaType: "application/" + long})
	}
	check(t, l.Stage(ctx, "lab", []*ledger.Message{m}))
	kept, err := l.Unfinished(ctx, "lab")
	if err != nil || len(kept) != 1 || len(kept[0].Attachments) != len(m.Attachments) {
		t.Fatalf("%d messages, error %v", len(kept), err)
	}
	for _, a := range kept[0].Attachments {
		if n := len(a.OriginalName); n < ledger.MaxName-1 || n > ledger.MaxName || !strings.HasPrefix(a.OriginalName, a.Path+"üüü") || strings.Contains(a.OriginalName, "\ufffd") {
			t.Errorf("%d bytes are kept of a name: %.20q", n, a.OriginalName)
		}
	}
}

// testEnvelope: a message comes back with its envelope, clipped, from wherever it is.
func testEnvelope(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	zone := time.FixedZone("", -(3*60+30)*60)
	plain := Message("plain", 10, 1)
	plain.Envelope = ledger.Envelope{From: "Jörg <j@example.org>", To: "a@example.org, b@example.org", Subject: "März\x00\x1b", Date: time.Date(1969, 7, 20, 20, 17, 40, 0, zone)}
	odd := Message("odd", 10, 1)
	odd.Envelope = ledger.Envelope{From: "\xff\xfe", To: strings.Repeat("x", 10_000), Subject: strings.Repeat("ä", 10_000), Date: time.Unix(0, 0).UTC()}
	odd.State, odd.Reason = ledger.Quarantined, "too deep"
	none := Message("none", 10, 1)
	again := Message("again", 10, 1)
	again.Envelope.Subject = "the second time"
	check(t, l.Failed(ctx, "hans", again.Key, "-ERR", time.Now()))
	group := []*ledger.Message{plain, odd, none, again}
	check(t, l.Stage(ctx, "hans", group))
	unfinished, err := l.Unfinished(ctx, "hans")
	check(t, err)
	if len(unfinished) != len(group) {
		t.Fatalf("%d unfinished", len(unfinished))
	}
	compare := func(got *ledger.Message) {
		t.Helper()
		i := slices.IndexFunc(group, func(m *ledger.Message) bool { return m.Key == got.Key })
		want := group[i].Envelope.Clip()
		if diff := cmp.Diff(want, got.Envelope); diff != "" {
			t.Errorf("%s: the envelope differs (-want +got):\n%s", got.UIDL, diff)
		}
		_, offset := want.Date.Zone()
		if _, kept := got.Date.Zone(); kept != offset {
			t.Errorf("%s: the zone is %d seconds off UTC, want %d", got.UIDL, kept, offset)
		}
	}
	for _, m := range unfinished {
		compare(m)
	}
	check(t, l.Delivered(ctx, "hans", unfinished, delivered))
	quarantined, err := l.Quarantined(ctx, "hans")
	check(t, err)
	if len(quarantined) != 1 {
		t.Fatalf("%d in quarantine", len(quarantined))
	}
	compare(quarantined[0])
}

// testCancelled: a change with a context that is over is not made, and the next one is.
func testCancelled(t *testing.T, open Open) {
	l := fresh(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Stage(ctx, "hans", []*ledger.Message{Message("a", 1, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != "" {
		t.Errorf("a cancelled change is there: %s", got)
	}
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{Message("a", 1, 1)}))
}

// testConcurrentAccounts lets many accounts write and read at once; each must
// find its own messages and only these.
func testConcurrentAccounts(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	var wg sync.WaitGroup
	for a := range 12 {
		wg.Go(func() {
			account := fmt.Sprintf("account-%d", a)
			for g := range 8 {
				var group []*ledger.Message
				var uidls []string
				for i := range 20 {
					m := Message(fmt.Sprintf("%d-%d", g, i), int64(a), 1)
					group, uidls = append(group, m), append(uidls, m.UIDL)
				}
				for _, step := range []func() error{
					func() error { return l.Stage(ctx, account, group) },
					func() error { return l.Delivered(ctx, account, group, time.Now()) },
					func() error { return l.DeletePending(ctx, account, keysOf(group)) },
					func() error { return l.Deleted(ctx, account, keysOf(group)) },
					func() error { return l.SetMailbox(ctx, account, g, int64(a)) },
				} {
					if err := step(); err != nil {
						t.Error(err)
						return
					}
				}
				records, err := l.Lookup(ctx, account, uidls)
				if err != nil || len(records) != len(group) {
					t.Errorf("%s: %d records, %v", account, len(records), err)
				}
				for _, r := range records {
					if r.Size != int64(a) || r.State != ledger.Deleted {
						t.Errorf("%s: %+v", account, r)
					}
				}
			}
		})
	}
	wg.Wait()
}
