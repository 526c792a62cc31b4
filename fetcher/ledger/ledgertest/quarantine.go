package ledgertest

import (
	"errors"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/google/go-cmp/cmp"
)

// copied makes a message that was delivered with n files, and lies in quarantine itself, too.
func copied(uidl string, n int) *ledger.Message {
	m := Message(uidl, 10, n)
	m.Reason = "part 2: illegal-base64"
	for _, ext := range []string{".eml", ".txt"} {
		m.Attachments = append(m.Attachments, ledger.Attachment{StagingID: "id-" + uidl + ext, Path: ".quarantine/" + uidl + ext, Size: 1, Quarantine: true})
	}
	return m
}

// testKeptCopy: a message that was delivered may have its copy in quarantine, which counts as none
// of its files, and may be delivered further files from there, or be dropped, in any state.
func testKeptCopy(t *testing.T, open Open) {
	for _, in := range []ledger.State{ledger.Delivered, ledger.DeletePending, ledger.Deleted} {
		t.Run(string(in), func(t *testing.T) {
			t.Parallel()
			l, ctx := fresh(t, open), t.Context()
			k, at := ledger.Key{UIDL: "a", Size: 10}, time.UnixMilli(1000)
			group := []*ledger.Message{copied("a", 1), Message("b", 10, 1)}
			check(t, l.Stage(ctx, "hans", group))
			unfinished, err := l.Unfinished(ctx, "hans")
			check(t, err)
			if n := len(unfinished[0].Kept()); n != 2 || unfinished[0].State != ledger.Delivered {
				t.Fatalf("%d files are to be kept of %+v", n, unfinished[0])
			}
			check(t, l.Delivered(ctx, "hans", group, at))
			if in != ledger.Delivered {
				check(t, l.DeletePending(ctx, "hans", []ledger.Key{k}))
			}
			if in == ledger.Deleted {
				check(t, l.Deleted(ctx, "hans", []ledger.Key{k}))
			}
			counts, err := l.QuarantineCounts(ctx)
			if diff := cmp.Diff(map[string]int{"hans": 1}, counts); err != nil || diff != "" {
				t.Errorf("counts differ (-want +got), %v:\n%s", err, diff)
			}
			kept, err := l.Quarantined(ctx, "hans")
			check(t, err)
			if len(kept) != 1 || kept[0].State != in || kept[0].Reason == "" || len(kept[0].Kept()) != 2 || len(kept[0].Attachments) != 3 {
				t.Fatalf("in quarantine: %+v", kept)
			}
			again := Message("a", 10, 1)
			if is, err := l.Is(ctx, "hans", map[*ledger.Message]ledger.Key{again: k}); err != nil || !is[again] {
				t.Errorf("it is not the same with its copy in quarantine: %v", err)
			}

			// Another file of it, while the copy stays; and a second time, after a crash.
			again = kept[0]
			again.State, again.Retried, again.Reason = ledger.Delivered, true, "still illegal"
			more := Message("c", 10, 1).Attachments[0]
			again.Attachments = append(again.Attachments, more)
			check(t, l.Stage(ctx, "hans", []*ledger.Message{again}))
			if kept, err := l.Quarantined(ctx, "hans"); err != nil || len(kept) != 0 {
				t.Errorf("in quarantine while staged: %+v, %v", kept, err)
			}
			unfinished, err = l.Unfinished(ctx, "hans")
			check(t, err)
			check(t, l.Delivered(ctx, "hans", unfinished, at.Add(time.Hour)))
			check(t, l.Delivered(ctx, "hans", unfinished, at.Add(time.Hour)))
			if r := records(t, l, "a")["a"]; r.State != in || r.Files != 2 || !r.Delivered.Equal(at) {
				t.Errorf("after a retry: %+v", r)
			}
			check(t, l.StillQuarantined(ctx, "hans", k, "x"))
			check(t, l.Dropped(ctx, "hans", k, at.Add(time.Hour)))
			if r := records(t, l, "a")["a"]; r.State != in || r.Files != 2 || !r.Delivered.Equal(at) {
				t.Errorf("dropped: %+v", r)
			}
			if kept, err := l.Quarantined(ctx, "hans"); err != nil || len(kept) != 0 {
				t.Errorf("in quarantine: %+v, %v", kept, err)
			}
			for name, err := range map[string]error{"retry": l.Stage(ctx, "hans", []*ledger.Message{again}), "drop": l.Dropped(ctx, "hans", k, at)} {
				if _, ok := errors.AsType[*ledger.TransitionError](err); !ok {
					t.Errorf("%s when it is not there any more: %v", name, err)
				}
			}
		})
	}
}

// testRetried takes a message out of quarantine, another one not, and drops a third.
func testRetried(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	var group []*ledger.Message
	for _, uidl := range []string{"a", "b", "c"} {
		m := Message(uidl, 10, 2)
		m.State, m.Reason = ledger.Quarantined, "too deep"
		group = append(group, m)
	}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.UnixMilli(1000)))

	again := Message("a", 10, 3)
	again.Retried = true
	check(t, l.Stage(ctx, "hans", []*ledger.Message{again}))
	unfinished, err := l.Unfinished(ctx, "hans")
	check(t, err)
	if len(unfinished) != 1 || len(unfinished[0].Attachments) != 3 || unfinished[0].State != ledger.Delivered || unfinished[0].Reason != "" || !unfinished[0].Delivered.IsZero() {
		t.Fatalf("unfinished: %+v", unfinished)
	}
	check(t, l.Delivered(ctx, "hans", unfinished, time.UnixMilli(2000)))
	check(t, l.StillQuarantined(ctx, "hans", ledger.Key{UIDL: "b", Size: 10}, "still too deep"))
	check(t, l.Dropped(ctx, "hans", ledger.Key{UIDL: "c", Size: 10}, time.UnixMilli(3000)))

	left, err := l.Quarantined(ctx, "hans")
	check(t, err)
	if len(left) != 1 || left[0].UIDL != "b" || left[0].Reason != "still too deep" || left[0].Attempts != 1 || len(left[0].Attachments) != 2 {
		t.Errorf("in quarantine: %+v", left)
	}
	records, err := l.Lookup(ctx, "hans", []string{"a", "c"})
	check(t, err)
	if diff := cmp.Diff([]ledger.Record{
		{Key: ledger.Key{UIDL: "c", Size: 10}, State: ledger.Delivered, Delivered: time.UnixMilli(3000), Files: ledger.Vouched},
		{Key: ledger.Key{UIDL: "a", Size: 10}, State: ledger.Delivered, Delivered: time.UnixMilli(2000), Files: 3},
	}, records); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
	again.Retried = true // of a message that is delivered
	for name, err := range map[string]error{
		"stage": l.Stage(ctx, "hans", []*ledger.Message{again}),
		"still": l.StillQuarantined(ctx, "hans", again.Key, "x"),
		"drop":  l.Dropped(ctx, "hans", again.Key, time.Now()),
	} {
		if _, ok := errors.AsType[*ledger.TransitionError](err); !ok {
			t.Errorf("%s of a delivered message: %v", name, err)
		}
	}
}

// testExpired: what was in quarantine for too long is gone, and stays on the server. Its bytes are
// counted until then.
func testExpired(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	raw, copied := Message("raw", 10, 1), copied("copied", 1)
	raw.State, raw.Reason, raw.Attachments[0].Size = ledger.Quarantined, "too deep", 1_000_000
	deliver(t, l, raw, copied)
	if n, err := l.QuarantineBytes(ctx, "hans"); err != nil || n < 1_000_000 || n > 1_100_000 {
		t.Errorf("%d bytes in quarantine, %v", n, err)
	}
	for _, m := range []*ledger.Message{raw, copied} {
		check(t, l.Expired(ctx, "hans", m.Key))
	}
	r := records(t, l, "raw", "copied")
	if r["raw"].State != ledger.Delivered || !r["raw"].Delivered.IsZero() || r["raw"].Deletable(false) || r["copied"].State != ledger.Delivered || r["copied"].Files != 1 {
		t.Errorf("expired: %+v", r)
	}
	if n, err := l.QuarantineBytes(ctx, "hans"); err != nil || n != 0 {
		t.Errorf("%d bytes are left in quarantine, %v", n, err)
	}
	if _, refused := errors.AsType[*ledger.TransitionError](l.Expired(ctx, "hans", raw.Key)); !refused {
		t.Error("expired twice")
	}
}
