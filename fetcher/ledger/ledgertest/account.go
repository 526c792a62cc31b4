package ledgertest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/google/go-cmp/cmp"
)

func testMailbox(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	if _, _, ok, err := l.Mailbox(ctx, "hans"); ok || err != nil {
		t.Errorf("an unknown mailbox: %v, %v", ok, err)
	}
	check(t, l.Failed(ctx, "hans", ledger.Key{UIDL: "u", Size: 1}, "x", time.Now()))
	if _, _, ok, err := l.Mailbox(ctx, "hans"); ok || err != nil {
		t.Errorf("a mailbox without a STAT: %v, %v", ok, err)
	}
	for _, want := range [][2]int64{{3, 1 << 40}, {0, 0}, {0, -1}, {0, -1}} {
		check(t, l.SetMailbox(ctx, "hans", int(want[0]), want[1]))
		if n, octets, ok, err := l.Mailbox(ctx, "hans"); err != nil || !ok || n != int(want[0]) || octets != want[1] {
			t.Errorf("%d, %d, %v, %v, want %v", n, octets, ok, err, want)
		}
	}
}

// testTooLarge: the number lasts, is the account's own, and goes with it to another name.
func testTooLarge(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	expect := func(account string, want int) {
		t.Helper()
		if n, err := l.TooLarge(ctx, account); err != nil || n != want {
			t.Errorf("%s: %d messages are too large, error %v, want %d", account, n, err, want)
		}
	}
	expect("hans", 0)
	check(t, l.SetMailbox(ctx, "hans", 9, 900))
	check(t, l.SetMailbox(ctx, "eva", 9, 900))
	expect("hans", 0)
	for _, n := range []int{3, 0, 2} {
		check(t, l.SetTooLarge(ctx, "hans", n))
		expect("hans", n)
	}
	expect("eva", 0)
	all, err := l.Summaries(ctx)
	check(t, err)
	if len(all) != 2 || all[0].TooLarge != 0 || all[1].TooLarge != 2 {
		t.Errorf("summaries %+v", all)
	}
	lease, err := l.Lease(ctx, "hans", time.Time{})
	check(t, err)
	expect("hans", 2)
	check(t, l.Fenced(lease).SetTooLarge(ctx, "hans", 5))
	expect("hans", 5)
	check(t, lease.Release())
	_, err = l.Rename(ctx, "hans", "johann")
	check(t, err)
	expect("johann", 5)
	expect("hans", 0)
}

// testHost: what is known of a host lasts, and of two hosts nothing is mixed.
func testHost(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	day, later := time.UnixMilli(1_700_000_000_000), time.UnixMilli(1_700_000_100_000)
	check(t, l.SetLoginDelay(t.Context(), "mx.example:995", time.Hour))
	check(t, l.SetLoginDelay(t.Context(), "mx.example:995", 10*time.Minute))
	check(t, l.SetHost(t.Context(), "mx.example:995", ledger.Host{Unpipelined: day}))
	check(t, l.SetHost(t.Context(), "mx.example:995", ledger.Host{WithoutCapa: later, LoginAlone: later, Exact: day, Together: "+OK ready"}))
	check(t, l.SetHost(t.Context(), "mx.example:995", ledger.Host{Exact: day}))
	check(t, l.Close())
	l = open(t, dir)
	defer l.Close()
	h, err := l.Host(t.Context(), "mx.example:995")
	if err != nil || !h.Unpipelined.Equal(day) || !h.WithoutCapa.Equal(later) || !h.LoginAlone.Equal(later) || !h.Exact.Equal(day) || h.LoginDelay != 10*time.Minute || h.Together != "+OK ready" {
		t.Errorf("known is %v, error %v", h, err)
	}
	check(t, l.ForgetTogether(t.Context(), "mx.example:995"))
	h, err = l.Host(t.Context(), "mx.example:995")
	if err != nil || h.Together != "" || !h.Exact.Equal(day) {
		t.Errorf("then known is %v, error %v", h, err)
	}
	check(t, l.ForgetTogether(t.Context(), "other.example:995"))
	h, err = l.Host(t.Context(), "other.example:995")
	if err != nil || h != (ledger.Host{}) {
		t.Errorf("known of a host unheard of is %v, error %v", h, err)
	}
}

// testRename: all that is known of an account goes to another one, and nothing is overwritten.
func testRename(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	m := Message("a", 10, 1)
	check(t, l.Stage(ctx, "hans", []*ledger.Message{m}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{m}, time.UnixMilli(1_700_000_000_000)))
	check(t, l.Stage(ctx, "grete", []*ledger.Message{Message("b", 10, 1)}))
	for _, name := range []string{"hans", "johann"} {
		_, err := l.SetOwner(ctx, name, "hans on mail.example.org")
		check(t, err)
	}
	check(t, l.SetMailbox(ctx, "hans", 1, 10))
	holders := func(account string, want ...string) {
		t.Helper()
		if got, err := l.Holders(ctx, account, "hans on mail.example.org"); err != nil || !slices.Equal(got, want) {
			t.Errorf("holders for %s: %q, error %v, want %q", account, got, err, want)
		}
	}
	holders("johann", "hans")
	holders("new", "hans")
	holders("hans")
	holders("grete")
	for name, want := range map[string]error{"johann": nil, "grete": ledger.ErrKnown} {
		n, err := l.Rename(ctx, "hans", name)
		if !errors.Is(err, want) || want == nil && n != 1 {
			t.Errorf("%d messages given to %s, error %v, want %v", n, name, err, want)
		}
	}
	holders("hans", "johann")
	is := m.Attachments[0].Content()
	received, err := l.Received(ctx, "johann", []ledger.Content{is})
	check(t, err)
	generation, err := l.Generation(ctx, "johann")
	check(t, err)
	_, octets, visited, err := l.Mailbox(ctx, "johann")
	check(t, err)
	if !received[is] || generation != 1 || octets != 10 || !visited {
		t.Errorf("received %t, generation %d, octets %d, visited %t", received[is], generation, octets, visited)
	}
	if _, _, visited, err = l.Mailbox(ctx, "hans"); err != nil || visited {
		t.Errorf("the old name was visited: %t, %v", visited, err)
	}
	if n, err := l.Rename(ctx, "nobody", "new"); n != 0 || err != nil {
		t.Errorf("%d messages of nobody, %v", n, err)
	}
}

func testAdoptAndForget(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	check(t, l.Stage(ctx, "hans", []*ledger.Message{Message("known", 10, 1)}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{Message("known", 10, 1)}, time.UnixMilli(1_700_000_000_000)))
	n, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "known", Size: 10}}, {Key: ledger.Key{UIDL: "new", Size: 20}}, {Key: ledger.Key{UIDL: "new", Size: 20}}}, time.Time{})
	check(t, err)
	if n != 1 {
		t.Errorf("%d adopted, want 1", n)
	}
	records, err := l.Lookup(ctx, "hans", []string{"known", "new"})
	check(t, err)
	if diff := cmp.Diff([]ledger.Record{{Key: ledger.Key{UIDL: "new", Size: 20}, State: ledger.Delivered, Files: ledger.Vouched}, {Key: ledger.Key{UIDL: "known", Size: 10}, State: ledger.Delivered, Delivered: time.UnixMilli(1_700_000_000_000), Files: 1}}, records); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
	for _, want := range []int{1, 0} {
		if n, err = l.Forget(ctx, "hans", []ledger.Key{{UIDL: "known", Size: 10}, {UIDL: "known", Size: 11}}); err != nil || n != want {
			t.Errorf("%d forgotten, %v, want %d", n, err, want)
		}
	}
	is := Message("known", 10, 1).Attachments[0].Content()
	if received, err := l.Received(ctx, "hans", []ledger.Content{is}); err != nil || received[is] {
		t.Errorf("an attachment of a forgotten message counts as received: %v", err)
	}
	if n, err = l.ForgetAll(ctx, "hans"); err != nil || n != 1 {
		t.Errorf("%d forgotten, %v, want 1", n, err)
	}
	check(t, l.CatchUp(ctx, "hans", 7))
	check(t, l.CatchUp(ctx, "hans", 3))
	if n, err := l.Generation(ctx, "hans"); err != nil || n != 7 {
		t.Errorf("generation %d, %v, want 7", n, err)
	}
}

// testOwner: where an account becomes another mailbox, all of its messages count as missed.
func testOwner(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	for _, want := range []struct {
		mailbox string
		changed bool
		missed  int
	}{{"hans on a", false, 0}, {"hans on a", false, 0}, {"hans on b", true, 3}, {"hans on b", false, 3}} {
		if m := Message("a", 10, 1); state(t, l, "hans", m.Key) == "" {
			deliver(t, l, m)
		}
		changed, err := l.SetOwner(ctx, "hans", want.mailbox)
		if missed := records(t, l, "a")["a"].Missed; err != nil || changed != want.changed || missed != want.missed {
			t.Errorf("%s: changed %v, missed %d, %v", want.mailbox, changed, missed, err)
		}
	}
}

// testDestination: where the files go is kept with the generation.
func testDestination(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	if got, err := l.Destination(ctx, "hans"); err != nil || got != (ledger.Destination{}) {
		t.Errorf("before: %+v, %v", got, err)
	}
	check(t, l.SetDestination(ctx, "hans", "/mnt/a", "1:2"))
	deliver(t, l, Message("a", 10, 1))
	if got, err := l.Destination(ctx, "hans"); err != nil || got != (ledger.Destination{Place: "/mnt/a", Folder: "1:2", Generation: 1}) {
		t.Errorf("after: %+v, %v", got, err)
	}
}

// testKnownUntil: what came behind messages that were only adopted does not count, and who knows
// nothing asks the others.
func testKnownUntil(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	expect := func(account string, want time.Time) {
		t.Helper()
		if got, err := l.KnownUntil(ctx, account); err != nil || !got.Equal(want) {
			t.Errorf("%s is known until %v, %v, want %v", account, got, err, want)
		}
	}
	expect("hans", time.Time{})
	first := Message("a", 10, 1)
	first.FirstSeen = delivered.Add(-time.Hour)
	deliver(t, l, first)
	expect("hans", delivered)
	expect("eva", delivered)
	_, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "b", Size: 10}}}, time.Time{})
	check(t, err)
	late := Message("c", 10, 1)
	check(t, l.Stage(ctx, "hans", []*ledger.Message{late}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{late}, delivered.Add(time.Hour)))
	expect("hans", delivered)
}

// testSummaries counts the messages of several accounts.
func testSummaries(t *testing.T, open Open) {
	l, ctx := fresh(t, open), t.Context()
	early, late := Message("a", 10, 1), Message("b", 10, 1)
	early.FirstSeen, late.FirstSeen = delivered.Add(-time.Hour), delivered.Add(-time.Minute)
	deliver(t, l, early, late)
	check(t, l.DeletePending(ctx, "hans", []ledger.Key{early.Key}))
	check(t, l.SetMailbox(ctx, "eva", 1, 1))
	got, err := l.Summaries(ctx)
	check(t, err)
	want := []ledger.Summary{
		{Account: "eva", Count: map[ledger.State]int{}},
		{Account: "hans", Count: map[ledger.State]int{ledger.Delivered: 1, ledger.DeletePending: 1}, Oldest: early.FirstSeen, Newest: late.FirstSeen, Delivered: delivered},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summaries differ (-want +got):\n%s", diff)
	}
	_, err = l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "c", Size: 10}}}, time.Time{})
	check(t, err)
	if got, err = l.Summaries(ctx); err != nil || len(got) != 2 || got[1].Unknown != 1 || got[1].Count[ledger.Delivered] != 2 {
		t.Errorf("with an adopted one: %+v, %v", got, err)
	}
}
