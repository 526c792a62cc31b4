package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/attachd/attachd/fetcher/ledger"
)

func open(t testing.TB) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// message makes a message with n attachments, all of them distinct by its UIDL.
func message(uidl string, size int64, n int) *ledger.Message {
	m := &ledger.Message{Key: ledger.Key{UIDL: uidl, Size: size}, State: ledger.Delivered, MessageID: "<" + uidl + "@example.org>"}
	for i := range n {
		name := fmt.Sprintf("%s-%d.pdf", uidl, i)
		m.Attachments = append(m.Attachments, ledger.Attachment{
			StagingID: "id-" + name, Path: name, OriginalName: "=" + name, MediaType: "application/pdf", Size: size / 2, SHA256: sha256.Sum256([]byte(name)),
		})
	}
	return m
}

func state(t testing.TB, l *Ledger, account string, k ledger.Key) ledger.State {
	t.Helper()
	records, err := l.Lookup(t.Context(), account, []string{k.UIDL})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Key == k {
			return r.State
		}
	}
	return ""
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	quarantined := message("b", 20, 1)
	quarantined.State, quarantined.Reason, quarantined.Attachments[0].Quarantine = ledger.Quarantined, "too deep", true
	group := []*ledger.Message{message("a", 10, 2), quarantined, message("c", 30, 0)}
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

	var files []string
	rows, err := l.reader.QueryContext(ctx, "SELECT account || ' ' || path || ' ' || state || ' ' || sha256 FROM files ORDER BY path")
	check(t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		check(t, rows.Scan(&s))
		files = append(files, s)
	}
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	if diff := cmp.Diff([]string{
		"hans a-0.pdf delivered " + sum("a-0.pdf"), "hans a-1-2.pdf delivered " + sum("a-1.pdf"), "hans b-0.pdf quarantined " + sum("b-0.pdf"),
	}, files); diff != "" {
		t.Errorf("the view of files differs (-want +got):\n%s", diff)
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
		is := ledger.Content{SHA256: sha256.Sum256([]byte(tt.name)), Size: tt.size}
		if got, err := l.Received(ctx, tt.account, []ledger.Content{is}); err != nil || got[is] != tt.want {
			t.Errorf("Received(%s, %s, %d) = %v, %v, want %v", tt.account, tt.name, tt.size, got, err, tt.want)
		}
	}
}

// TestTransitions tries every change on a message in every state.
func TestTransitions(t *testing.T) {
	t.Parallel()
	l := open(t)
	k := ledger.Key{UIDL: "u", Size: 100}
	next := time.UnixMilli(1_700_000_000_000)
	ops := []struct {
		name string
		do   func(ctx context.Context, account string) error
	}{
		{"stage", func(ctx context.Context, account string) error {
			return l.Stage(ctx, account, []*ledger.Message{message("u", 100, 1)})
		}},
		{"deliver", func(ctx context.Context, account string) error {
			return l.Delivered(ctx, account, []*ledger.Message{message("u", 100, 1)}, next)
		}},
		{"delete", func(ctx context.Context, account string) error { return l.DeletePending(ctx, account, []ledger.Key{k}) }},
		{"deleted", func(ctx context.Context, account string) error { return l.Deleted(ctx, account, []ledger.Key{k}) }},
		{"fail", func(ctx context.Context, account string) error { return l.Failed(ctx, account, k, "-ERR", next) }},
	}
	stage := func(s ledger.State) func(t *testing.T, account string) {
		return func(t *testing.T, account string) {
			m := message("u", 100, 1)
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

// TestRefusedGroup: what a group holds beside a refused message is not recorded.
func TestRefusedGroup(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("known", 1, 1)}))
	for _, group := range [][]*ledger.Message{
		{message("new", 1, 1), message("known", 1, 1)},
		{message("twin", 1, 1), message("twin", 1, 1)},
	} {
		if _, ok := errors.AsType[*ledger.TransitionError](l.Stage(ctx, "hans", group)); !ok {
			t.Errorf("group of %s was not refused", group[0].UIDL)
		}
		if got := state(t, l, "hans", group[0].Key); got != "" {
			t.Errorf("message %s is %s", group[0].UIDL, got)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
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
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("u", 100, 1)}))
	got, err = l.Lookup(ctx, "hans", []string{"u"})
	check(t, err)
	if diff := cmp.Diff([]ledger.Record{{Key: ledger.Key{UIDL: "u", Size: 100}, State: ledger.Staged, Attempts: 3, Files: 1}}, got); diff != "" {
		t.Errorf("records differ (-want +got):\n%s", diff)
	}
}

// TestLookup asks for more UIDLs than a chunk, among them 8-bit, over-long and twin ones.
func TestLookup(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	odd := []string{"\x80\xff\xfe", "a\x00b", "a\x00c", "ä", strings.Repeat("x", 1024), "'; DROP TABLE message; --", ""}
	var group []*ledger.Message
	var uidls []string
	for _, u := range odd {
		group = append(group, message(u, 7, 0))
		uidls = append(uidls, u)
	}
	for i := range 1700 {
		u := fmt.Sprintf("%08x", i)
		uidls = append(uidls, u, "absent-"+u)
		group = append(group, message(u, int64(i), 0))
		if i%100 == 0 {
			group = append(group, message(u, 1<<40, 0)) // the UIDL was used again
		}
	}
	check(t, l.Stage(ctx, "hans", group))
	records, err := l.Lookup(ctx, "hans", uidls)
	check(t, err)
	got := make(map[ledger.Key]bool)
	for _, r := range records {
		if got[r.Key] {
			t.Errorf("%q came twice", r.UIDL)
		}
		got[r.Key] = true
	}
	for _, m := range group {
		if !got[m.Key] {
			t.Errorf("%q (%d) was not found", m.UIDL, m.Size)
		}
	}
	if len(got) != len(group) {
		t.Errorf("%d records, want %d", len(got), len(group))
	}
	for _, u := range odd {
		if records, err := l.Lookup(ctx, "hans", []string{u}); err != nil || len(records) != 1 || records[0].UIDL != u {
			t.Errorf("UIDL %q gave %+v, %v", u, records, err)
		}
	}
	if records, err := l.Lookup(ctx, "eva", uidls); err != nil || len(records) != 0 {
		t.Errorf("another account knows %d, %v", len(records), err)
	}
}

func TestMailbox(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
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

// TestGone: a message that was deleted is known again by its header, its Message-ID and its attachments, and only
// by all of these.
func TestGone(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	made := func(id, header string, attachments int) *ledger.Message {
		m := message("a", 10, attachments)
		m.MessageID, m.Header = id, sha256.Sum256([]byte(header))
		return m
	}
	group := []*ledger.Message{made("id", "header", 2)}
	plain := made("", "plain header", 2)
	plain.UIDL = "plain"
	group = append(group, plain)
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	if gone, err := l.Gone(ctx, "hans", group); len(gone) > 0 || err != nil {
		t.Errorf("gone before it is deleted: %v, %v", gone, err)
	}
	check(t, l.DeletePending(ctx, "hans", keysOf(group)))
	check(t, l.Deleted(ctx, "hans", keysOf(group)))
	withoutDigest := made("id", "", 2)
	withoutDigest.Header = [32]byte{}
	for name, tt := range map[string]struct {
		account string
		message *ledger.Message
		want    bool
	}{
		"the same":             {"hans", made("id", "header", 2), true},
		"of another account":   {"eva", made("id", "header", 2), false},
		"sent again":           {"hans", made("id", "another header", 2), false},
		"an attachment less":   {"hans", made("id", "header", 1), false},
		"no attachments":       {"hans", made("id", "header", 0), false},
		"another Message-ID":   {"hans", made("other", "header", 2), false},
		"no Message-ID":        {"hans", made("", "header", 2), false},
		"without one before":   {"hans", made("id", "plain header", 2), false},
		"of an unknown header": {"hans", withoutDigest, false},
	} {
		gone, err := l.Gone(ctx, tt.account, []*ledger.Message{message("b", 10, 1), tt.message})
		want := make(map[*ledger.Message]ledger.Key)
		if tt.want {
			want[tt.message] = group[0].Key
		}
		if err != nil || !maps.Equal(gone, want) {
			t.Errorf("%s: %v, %v, want %v", name, gone, err, want)
		}
	}
}

// TestSidecarsDoNotCount: a message is the same whatever its sidecars say, which name the UIDL it had.
func TestSidecarsDoNotCount(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	made := func(uidl string, path string) *ledger.Message {
		m := message(uidl, 10, 2)
		m.MessageID = "id"
		for i, a := range m.Attachments {
			a.Path = path + a.Path[1:] // behind the UIDL
			m.Attachments[i] = a
		}
		sidecar := ledger.Attachment{StagingID: uidl + "-s", Path: m.Attachments[1].Path + ".json", SHA256: sha256.Sum256([]byte(uidl)), Sidecar: true}
		m.Attachments = slices.Insert(m.Attachments, 1, sidecar)
		return m
	}
	before := made("a", "a")
	check(t, l.Stage(ctx, "hans", []*ledger.Message{before}))
	check(t, l.Delivered(ctx, "hans", []*ledger.Message{before}, time.Now()))
	again := made("b", "b")
	for i, a := range before.Attachments {
		if !a.Sidecar {
			again.Attachments[i].SHA256 = a.SHA256
		}
	}
	was := map[*ledger.Message]ledger.Key{again: before.Key}
	if is, err := l.Is(ctx, "hans", was); !is[again] || err != nil {
		t.Errorf("the same: %v, %v", is, err)
	}
	if same, err := l.Same(ctx, "hans", []*ledger.Message{again}); len(same[again]) != 1 || err != nil {
		t.Errorf("the same: %v, %v", same, err)
	}
	again.Attachments[2].SHA256[0]++
	if is, err := l.Is(ctx, "hans", was); is[again] || err != nil {
		t.Errorf("another: %v, %v", is, err)
	}
}

// TestManyDeletions crosses the bounds of the chunks.
func TestManyDeletions(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	var group []*ledger.Message
	for i := range moveChunk + 300 {
		group = append(group, message(fmt.Sprint(i), 1, 0))
	}
	check(t, l.Stage(ctx, "hans", group))
	check(t, l.Delivered(ctx, "hans", group, time.Now()))
	check(t, l.DeletePending(ctx, "hans", keysOf(group)))
	check(t, l.Deleted(ctx, "hans", keysOf(group)))
	for _, i := range []int{0, moveChunk - 1, moveChunk, len(group) - 1} {
		if got := state(t, l, "hans", group[i].Key); got != ledger.Deleted {
			t.Errorf("message %d is %s", i, got)
		}
	}
}

// TestConcurrentAccounts lets many accounts write and read at once; each must
// find its own messages and only these.
func TestConcurrentAccounts(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	var wg sync.WaitGroup
	for a := range 12 {
		wg.Go(func() {
			account := fmt.Sprintf("account-%d", a)
			for g := range 8 {
				var group []*ledger.Message
				var uidls []string
				for i := range 20 {
					m := message(fmt.Sprintf("%d-%d", g, i), int64(a), 1)
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
	check(t, l.Check(ctx))
}

// TestReadersDoNotWait reads while a change is held open.
func TestReadersDoNotWait(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	if l.JournalMode() != "wal" {
		t.Skip("the temporary folder is on a network file system, where readers wait")
	}
	check(t, l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1)}))
	check(t, l.change(ctx, "hans", "test", func(ctx context.Context, c *change) error {
		if _, err := c.exec(ctx, c.mailbox, 1, 1, c.id); err != nil {
			return err
		}
		if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != ledger.Staged {
			t.Errorf("state %q while a change is under way", got)
		}
		return nil
	}))
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	l := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1)}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// While another holds the writer, a change waits only as long as its context.
	check(t, l.change(t.Context(), "eva", "test", func(context.Context, *change) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := l.Stage(ctx, "hans", []*ledger.Message{message("a", 1, 1)}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		return nil
	}))
	if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != "" {
		t.Errorf("a cancelled change is there: %s", got)
	}
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 1)}))
}

func TestOpenMakesPrivateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "by us?", "st#te 100%.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	check(t, l.Stage(t.Context(), "hans", []*ledger.Message{message("a", 1, 1)}))
	check(t, l.Close())
	entries, err := os.ReadDir(filepath.Dir(path))
	check(t, err)
	if want := map[string]int{"wal": 1, "truncate": 2}[l.JournalMode()]; len(entries) != want {
		t.Errorf("left behind: %v", entries)
	}
	for path, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	l, err = Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	if got := state(t, l, "hans", ledger.Key{UIDL: "a", Size: 1}); got != ledger.Staged {
		t.Errorf("state %q after opening again", got)
	}
}

// TestOpenTogether: of processes that start at once on a new folder, all must end up with one file.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			l, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer l.Close()
			if err := l.Stage(t.Context(), "hans", []*ledger.Message{message(fmt.Sprint(i), 1, 1)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l, err := Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	if got, err := l.Unfinished(t.Context(), "hans"); err != nil || len(got) != 8 {
		t.Errorf("%d messages, %v, want 8", len(got), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	// good makes a ledger with enough in it to have many pages, cleanly closed.
	good := func(t *testing.T, path string) {
		l, err := Open(t.Context(), path)
		check(t, err)
		var group []*ledger.Message
		for i := range 2000 {
			group = append(group, message(fmt.Sprint(i), 1, 1))
		}
		check(t, l.Stage(t.Context(), "hans", group))
		check(t, l.Close())
	}
	run := func(t *testing.T, path string, statements string) {
		db, err := sql.Open("sqlite", path)
		check(t, err)
		defer db.Close()
		_, err = db.Exec(statements)
		check(t, err)
	}
	tests := []struct {
		name string
		make func(t *testing.T, path string)
		want error
		text string
	}{
		{
			"newer schema", func(t *testing.T, path string) {
				good(t, path)
				run(t, path, fmt.Sprintf("PRAGMA user_version = %d", len(migrations())+2))
			}, ledger.ErrNewer,
			fmt.Sprintf("newer schema, version %d, and this attachd knows %d: run the attachd that wrote it", len(migrations())+2, len(migrations())),
		},
		{"garbage", func(t *testing.T, path string) {
			check(t, os.WriteFile(path, []byte(strings.Repeat("not a database. ", 1000)), 0o600))
		}, ledger.ErrDamaged, "restore a backup, or run attachd state rebuild"},
		{"truncated", func(t *testing.T, path string) { good(t, path); check(t, os.Truncate(path, 40960)) }, ledger.ErrDamaged, "restore a backup"},
		{"empty", func(t *testing.T, path string) { check(t, os.WriteFile(path, nil, 0o600)) }, ledger.ErrDamaged, "it is empty"},
		{"another program's", func(t *testing.T, path string) { run(t, path, "CREATE TABLE bookmarks (url)") }, ledger.ErrForeign, "another program"},
		{"a table that is missing", func(t *testing.T, path string) { good(t, path); run(t, path, "DROP TABLE attachment") }, ledger.ErrDamaged, "state rebuild"},
		{"no version", func(t *testing.T, path string) { good(t, path); run(t, path, "PRAGMA user_version = 0") }, ledger.ErrDamaged, "state rebuild"},
		{"no mark", func(t *testing.T, path string) { good(t, path); run(t, path, "PRAGMA application_id = 0") }, ledger.ErrDamaged, "state rebuild"},
		{"log without its file", func(t *testing.T, path string) { check(t, os.WriteFile(path+"-wal", []byte("x"), 0o600)) }, ledger.ErrDamaged, "its -wal is there"},
		{"folder", func(t *testing.T, path string) { check(t, os.Mkdir(path, 0o700)) }, nil, "is a folder"},
		{"file for a folder", func(t *testing.T, path string) {
			folder := filepath.Dir(path)
			check(t, os.Remove(folder))
			check(t, os.WriteFile(folder, nil, 0o600))
		}, syscall.ENOTDIR, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "sub", "state.db")
			check(t, os.Mkdir(filepath.Dir(path), 0o700))
			tt.make(t, path)
			before, _ := os.ReadFile(path)
			l, err := Open(t.Context(), path)
			if err == nil {
				l.Close()
				t.Fatal("it was opened")
			}
			if tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "open ledger: ") {
				t.Errorf("error %v, want %v and %q", err, tt.want, tt.text)
			}
			after, _ := os.ReadFile(path)
			if string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestDamageInUse overwrites the middle of the file: reading it must not pass for an answer.
func TestDamageInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	var group []*ledger.Message
	var uidls []string
	for i := range 3000 {
		group, uidls = append(group, message(fmt.Sprint(i), 1, 1)), append(uidls, fmt.Sprint(i))
	}
	check(t, l.Stage(t.Context(), "hans", group))
	check(t, l.Close())
	info, err := os.Stat(path)
	check(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("\xff", int(info.Size()-20480))), 16384)
	check(t, errors.Join(err, f.Close()))
	l, err = Open(t.Context(), path)
	if err == nil {
		defer l.Close()
		if err := l.Check(t.Context()); !errors.Is(err, ledger.ErrDamaged) {
			t.Errorf("Check: %v", err)
		}
		_, err = l.Lookup(t.Context(), "hans", uidls)
	}
	if !errors.Is(err, ledger.ErrDamaged) {
		t.Errorf("error %v, want damaged", err)
	}
}

// TestFull: a group that finds no room is not there, and the next one is when there is room again.
func TestFull(t *testing.T) {
	t.Parallel()
	l, ctx := open(t), t.Context()
	var pages int
	check(t, l.writer.QueryRow("PRAGMA page_count").Scan(&pages))
	limit := func(n int) {
		_, err := l.writer.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
		check(t, err)
	}
	limit(pages + 4)
	var group []*ledger.Message
	for i := range 500 {
		group = append(group, message(fmt.Sprint(i), 1, 2))
	}
	err := l.Stage(ctx, "hans", group)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), l.path) {
		t.Errorf("error %v, want ENOSPC and the path", err)
	}
	if got, err := l.Unfinished(ctx, "hans"); err != nil || len(got) != 0 {
		t.Errorf("%d messages of the failed group are there, %v", len(got), err)
	}
	limit(1 << 30)
	check(t, l.Stage(ctx, "hans", group))
}

func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	folder := t.TempDir()
	l, err := Open(t.Context(), filepath.Join(folder, "state.db"))
	check(t, err)
	check(t, l.Close())
	check(t, os.Chmod(filepath.Join(folder, "state.db"), 0o400))
	if l, err = Open(t.Context(), filepath.Join(folder, "state.db")); err == nil {
		l.Close()
		t.Fatal("a file without write permission was opened")
	}
	if !strings.Contains(err.Error(), "writable") {
		t.Errorf("error %v", err)
	}
}

// TestHost: what is known of a host lasts, and of two hosts nothing is mixed.
func TestHost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path)
	check(t, err)
	day, later := time.UnixMilli(1_700_000_000_000), time.UnixMilli(1_700_000_100_000)
	check(t, l.SetLoginDelay(t.Context(), "mx.example:995", time.Hour))
	check(t, l.SetLoginDelay(t.Context(), "mx.example:995", 10*time.Minute))
	check(t, l.SetHost(t.Context(), "mx.example:995", ledger.Host{Unpipelined: day}))
	check(t, l.SetHost(t.Context(), "mx.example:995", ledger.Host{WithoutCapa: later, Exact: day}))
	check(t, l.Close())
	l, err = Open(t.Context(), path)
	check(t, err)
	defer l.Close()
	h, err := l.Host(t.Context(), "mx.example:995")
	if err != nil || !h.Unpipelined.Equal(day) || !h.WithoutCapa.Equal(later) || !h.Exact.Equal(day) || h.LoginDelay != 10*time.Minute {
		t.Errorf("known is %v, error %v", h, err)
	}
	h, err = l.Host(t.Context(), "other.example:995")
	if err != nil || h != (ledger.Host{}) {
		t.Errorf("known of a host unheard of is %v, error %v", h, err)
	}
}
