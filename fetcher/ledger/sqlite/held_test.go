package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/fetcher/ledger"
)

// pair opens a ledger twice: for this process, with a hook, and as another process has it.
func pair(t *testing.T, hook Hook) (l, other *Ledger) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	l, err := Open(t.Context(), path, WithHook(hook))
	check(t, err)
	t.Cleanup(func() { check(t, l.Close()) })
	other, err = Open(t.Context(), path)
	check(t, err)
	t.Cleanup(func() { check(t, other.Close()) })
	return l, other
}

// told is what a ledger answers about an account.
func told(t *testing.T, l *Ledger, account string) string {
	t.Helper()
	ctx := t.Context()
	count, octets, visited, err := l.Mailbox(ctx, account)
	check(t, err)
	generation, err := l.Generation(ctx, account)
	check(t, err)
	destination, err := l.Destination(ctx, account)
	check(t, err)
	start, err := l.Start(ctx, account)
	check(t, err)
	known, err := l.Lookup(ctx, account, []string{"a", "b", "c"})
	check(t, err)
	unfinished, err := l.Unfinished(ctx, account)
	check(t, err)
	failures, err := l.Failures(ctx, account)
	check(t, err)
	kept, present, err := l.Kept(ctx, account)
	check(t, err)
	return fmt.Sprint(count, octets, visited, generation, destination, start, known, len(unfinished), failures, kept, present)
}

// TestHeldTellsWhatIsThere: while an account is held, and changed again and again, its ledger tells
// what another process reads from the file.
func TestHeldTellsWhatIsThere(t *testing.T) {
	t.Parallel()
	l, other := pair(t, nil)
	ctx, at := t.Context(), time.UnixMilli(1_700_000_000_000)
	a, b := message("a", 10, 1), message("b", 10, 1)
	c := ledger.Key{UIDL: "c", Size: 5}
	lease, err := l.Lease(ctx, "hans", at)
	check(t, err)
	view := l.Fenced(lease)
	for _, step := range []struct {
		name   string
		change func() error
	}{
		{"lease", func() error { return nil }},
		{"size of the empty mailbox", func() error { return view.SetMailbox(ctx, "hans", 0, 0) }},
		{"start", func() error { _, err := view.Skip(ctx, "hans", nil, at); return err }},
		{"failed", func() error { return view.Failed(ctx, "hans", c, "broke", at) }},
		{"forgotten", func() error { _, err := view.Forget(ctx, "hans", []ledger.Key{c}); return err }},
		{"staged", func() error { return view.Stage(ctx, "hans", []*ledger.Message{a}) }},
		{"delivered", func() error { return view.Delivered(ctx, "hans", []*ledger.Message{a}, at) }},
		{"size", func() error { return view.SetMailbox(ctx, "hans", 1, 10) }},
		{"folder", func() error { return view.SetDestination(ctx, "hans", "/mnt/a", "1") }},
		{"caught up", func() error { return l.CatchUp(ctx, "hans", 7) }},
		{"staged again", func() error { return view.Stage(ctx, "hans", []*ledger.Message{b}) }},
		{"all forgotten", func() error { _, err := view.ForgetAll(ctx, "hans"); return err }},
		{"adopted", func() error {
			_, err := view.Adopt(ctx, "hans", []ledger.Listed{{Key: a.Key}}, at)
			return err
		}},
		{"leased again", func() (err error) {
			check(t, lease.Release())
			lease, err = l.Lease(ctx, "hans", at.Add(time.Minute))
			view = l.Fenced(lease)
			return err
		}},
		{"size again", func() error { return view.SetMailbox(ctx, "hans", 1, 10) }},
		{"renamed", func() error {
			johann, err := l.Lease(ctx, "johann", time.Time{})
			check(t, err)
			defer func() { check(t, johann.Release()) }()
			_, err = l.Fenced(lease, johann).Rename(ctx, "hans", "johann")
			if diff := cmp.Diff(told(t, other, "johann"), told(t, l, "johann")); diff != "" {
				t.Errorf("the new name (-file +told):\n%s", diff)
			}
			return err
		}},
	} {
		if err := step.change(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(told(t, other, "hans"), told(t, view, "hans")); diff != "" {
			t.Errorf("%s (-file +told):\n%s", step.name, diff)
		}
	}
	check(t, lease.Release())
	// From now on another process may change them.
	for _, name := range []string{"hans", "johann"} {
		between, err := other.Lease(ctx, name, at)
		check(t, err)
		check(t, other.Fenced(between).SetMailbox(ctx, name, 3, 30))
		check(t, between.Release())
		if diff := cmp.Diff(told(t, other, name), told(t, l, name)); diff != "" {
			t.Errorf("%s behind the lease of another process (-file +told):\n%s", name, diff)
		}
	}
}

// TestTouchedInOrder: of two changes, the later one counts, whichever is noted first.
func TestTouchedInOrder(t *testing.T) {
	t.Parallel()
	l := newLedger("")
	l.hold("hans", accountRow{})
	c := &change{account: "hans"}
	first, err := l.touch(t.Context(), c)
	check(t, err)
	second, err := l.touch(t.Context(), c)
	check(t, err)
	first.after.generation, second.after.generation = 1, 2
	l.touched(second, nil)
	l.touched(first, nil)
	if row, ok := l.heldRow("hans"); !ok || row.generation != 2 {
		t.Errorf("generation %d, %t", row.generation, ok)
	}
}

// TestSettingsOfKnown: an account with messages has its owner recorded at once. Adopted messages
// have none.
func TestSettingsOfKnown(t *testing.T) {
	t.Parallel()
	l, other := pair(t, nil)
	ctx := t.Context()
	_, err := l.Adopt(ctx, "hans", []ledger.Listed{{Key: ledger.Key{UIDL: "a", Size: 10}}}, time.Time{})
	check(t, err)
	lease, err := l.Lease(ctx, "hans", time.Now())
	check(t, err)
	defer lease.Release()
	_, err = l.Fenced(lease).SetOwner(ctx, "hans", "hans on a")
	check(t, err)
	if holders, err := other.Holders(ctx, "eva", "hans on a"); err != nil || !slices.Equal(holders, []string{"hans"}) {
		t.Errorf("the mailbox's accounts are %q, %v", holders, err)
	}
}

// TestSettingsWait: of an account without messages, the owner and the folder are written with its
// next change, or when the lease ends. This process knows them at once.
func TestSettingsWait(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(view *Ledger, lease *ledger.Lease) error
		want []string // transactions
	}{
		{"next change", func(view *Ledger, _ *ledger.Lease) error {
			return view.Stage(t.Context(), "hans", []*ledger.Message{message("a", 10, 1)})
		}, []string{"lease", "stage"}},
		{"end", func(_ *Ledger, lease *ledger.Lease) error { return lease.Release() }, []string{"lease", "owner"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var made []string
			l, other := pair(t, func(step Step, name string) error {
				if step == StepCommitted {
					made = append(made, name)
				}
				return nil
			})
			ctx := t.Context()
			lease, err := l.Lease(ctx, "hans", time.Now())
			check(t, err)
			defer lease.Release()
			view := l.Fenced(lease)
			if _, err := l.Fenced().SetOwner(ctx, "hans", "eva on a"); !errors.Is(err, ledger.ErrFenced) {
				t.Errorf("without the lease: %v", err)
			}
			for range 2 {
				if changed, err := view.SetOwner(ctx, "hans", "hans on a"); changed || err != nil {
					t.Errorf("changed %t, %v", changed, err)
				}
			}
			check(t, view.SetDestination(ctx, "hans", "/mnt/a", "1"))
			want := ledger.Destination{Place: "/mnt/a", Folder: "1"}
			if got, err := l.Destination(ctx, "hans"); err != nil || got != want {
				t.Errorf("folder %+v, %v, want %+v", got, err, want)
			}
			if got, err := other.Destination(ctx, "hans"); err != nil || got != (ledger.Destination{}) {
				t.Errorf("folder %+v, %v after a kill", got, err)
			}
			check(t, test.end(view, lease))
			got, err := other.Destination(ctx, "hans")
			if got.Generation = 0; err != nil || got != want {
				t.Errorf("recorded: folder %+v, %v, want %+v", got, err, want)
			}
			if changed, err := other.SetOwner(ctx, "hans", "hans on b"); !changed || err != nil {
				t.Errorf("another owner: changed %t, %v", changed, err)
			}
			if !slices.Equal(made, test.want) {
				t.Errorf("transactions %q, want %q", made, test.want)
			}
		})
	}
}

// TestFailedChange: what waited for a change that failed is written with the next one. A change
// that may have reached the disk all the same is looked for there.
func TestFailedChange(t *testing.T) {
	t.Parallel()
	for _, step := range []Step{StepCommit, StepCommitted} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			full := errors.New("disk full")
			failing := true
			l, other := pair(t, func(s Step, name string) error {
				if failing && s == step && name == "stage" {
					return full
				}
				return nil
			})
			ctx := t.Context()
			lease, err := l.Lease(ctx, "hans", time.Now())
			check(t, err)
			defer lease.Release()
			view := l.Fenced(lease)
			check(t, view.SetDestination(ctx, "hans", "/mnt/a", "1"))
			if err := view.Stage(ctx, "hans", []*ledger.Message{message("a", 10, 1)}); !errors.Is(err, full) {
				t.Errorf("error %v, want %v", err, full)
			}
			if diff := cmp.Diff(told(t, other, "hans"), told(t, view, "hans")); diff != "" {
				t.Errorf("after the failure (-file +told):\n%s", diff)
			}
			failing = false
			check(t, view.Stage(ctx, "hans", []*ledger.Message{message("b", 10, 1)}))
			if got, err := other.Destination(ctx, "hans"); err != nil || got.Folder != "1" {
				t.Errorf("folder %+v, %v", got, err)
			}
			if diff := cmp.Diff(told(t, other, "hans"), told(t, view, "hans")); diff != "" {
				t.Errorf("after the next change (-file +told):\n%s", diff)
			}
		})
	}
}

// TestOvertaken: where the lock was lost, as by the removal of its file, the older holder writes
// nothing, what waited included, and sees what the newer one has staged.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	l, other := pair(t, nil)
	ctx := t.Context()
	old, err := l.Lease(ctx, "hans", time.Now())
	check(t, err)
	_, err = l.Fenced(old).SetOwner(ctx, "hans", "eva on a")
	check(t, err)
	check(t, os.Remove(filepath.Join(LockFolder(l.path), "hans.lock")))
	newest, err := other.Lease(ctx, "hans", time.Now())
	check(t, err)
	defer newest.Release()
	check(t, other.Fenced(newest).Stage(ctx, "hans", []*ledger.Message{message("a", 10, 1)}))
	if err := l.Fenced(old).Stage(ctx, "hans", []*ledger.Message{message("b", 10, 1)}); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("a change of the older holder: %v", err)
	}
	if unfinished, err := l.Fenced(old).Unfinished(ctx, "hans"); err != nil || len(unfinished) != 1 {
		t.Errorf("%d staged messages, %v: the files of the others would be removed", len(unfinished), err)
	}
	if err := old.Release(); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("what waited: %v", err)
	}
	if changed, err := other.Fenced(newest).SetOwner(ctx, "hans", "hans on a"); changed || err != nil {
		t.Errorf("changed %t, %v: the older holder's owner is recorded", changed, err)
	}
}

// TestHeldByMany: two goroutines change an account, and each is told at once what it has changed.
func TestHeldByMany(t *testing.T) {
	t.Parallel()
	l, _ := pair(t, nil)
	ctx := t.Context()
	lease, err := l.Lease(ctx, "hans", time.Now())
	check(t, err)
	defer lease.Release()
	view := l.Fenced(lease)
	done, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	go func() {
		defer close(ended)
		for n := int64(0); done.Err() == nil; n++ {
			if err := view.SetMailbox(ctx, "hans", 1, n); err != nil {
				ended <- err
				return
			}
			if _, octets, _, err := view.Mailbox(ctx, "hans"); err != nil || octets != n {
				ended <- fmt.Errorf("%d octets, %w, want %d", octets, err, n)
				return
			}
		}
	}()
	for g := range 50 {
		m := message(fmt.Sprint(g), 10, 1)
		check(t, view.Stage(ctx, "hans", []*ledger.Message{m}))
		if n, err := view.Generation(ctx, "hans"); err != nil || n != int64(g+1) {
			t.Errorf("generation %d, %v, want %d", n, err, g+1)
		}
		if known, err := view.Lookup(ctx, "hans", []string{m.UIDL}); err != nil || len(known) != 1 {
			t.Errorf("%d records of what was staged, %v", len(known), err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
