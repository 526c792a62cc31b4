package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/attachd/attachd/extractor"
	"github.com/google/go-cmp/cmp"
)

// TestOrder checks that each step is over before the next begins.
func TestOrder(t *testing.T) {
	t.Parallel()
	ops := &operations{}
	d := open1(t, t.TempDir(), Options{Hook: ops})
	s := stage(t, d, attached{"a", []byte("x")})[0]
	if err := d.Publish(t.Context(), []*Staged{s}); !errors.Is(err, ErrNotSynced) {
		t.Errorf("Publish before Sync: %v", err)
	}
	ops.mu.Lock()
	ops.steps = slices.DeleteFunc(ops.steps, func(s string) bool { return !strings.Contains(s, d.folderID) })
	ops.mu.Unlock()
	deliver(t, d, []*Staged{s})
	want := []string{"create " + s.ID, "write " + s.ID, "fsync " + s.ID, "fsync folder .staging", "rename a", "fsync folder ", "fsync folder .staging"}
	if diff := cmp.Diff(want, ops.steps); diff != "" {
		t.Errorf("steps differ (-want +got):\n%s", diff)
	}
}

// TestSyncWaits holds up one fsync: Sync must not return before it.
func TestSyncWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d, err := Open(dir, Options{Hook: &blocking{operations: &operations{}, release: release}})
		check(t, err)
		group := stage(t, d, attached{"a", []byte("x")}, attached{"b", []byte("y")})
		returned := make(chan error, 1)
		go func() { returned <- d.Sync(t.Context(), group) }()
		synctest.Wait()
		select {
		case err := <-returned:
			t.Errorf("Sync returned (%v) while an fsync was under way", err)
		default:
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := d.Sync(ctx, group); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled Sync returned %v", err)
		}
		if err := d.Publish(t.Context(), []*Staged{group[0]}); !errors.Is(err, ErrNotSynced) {
			t.Errorf("Publish after a cancelled Sync: %v", err)
		}
		close(release)
		check(t, <-returned)
		check(t, d.Publish(t.Context(), group))
		check(t, d.Close())
	})
}

// blocking holds up the first fsync.
type blocking struct {
	*operations
	release chan struct{}
	held    atomic.Bool
}

func (b *blocking) Before(s Step, name string) error {
	if s == StepFsync && b.held.CompareAndSwap(false, true) {
		<-b.release
	}
	return b.operations.Before(s, name)
}

// TestFaults fails every step in turn, each the first and the second time it is
// done: the error must come out, nothing may stand by half, discarding must
// clean up, and another attempt must succeed.
func TestFaults(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("0123456789"), 20_000) // more than a block
	for _, s := range []Step{StepCreate, StepWrite, StepFsync, StepLook, StepRename, StepFsyncFolder} {
		for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EACCES} {
			for nth := 1; nth <= 2; nth++ {
				t.Run(fmt.Sprintf("%s/%v/%d", s, errno, nth), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					ops := &operations{}
					d := open1(t, dir, Options{Hook: ops})
					seen := 0
					ops.fail = func(got Step, _ string) error {
						if got == s {
							if seen++; seen == nth {
								return errno
							}
						}
						return nil
					}
					group, err := tryDelivery(t.Context(), d, attached{"a.txt", body}, attached{"b.txt", body})
					if !errors.Is(err, errno) || !strings.Contains(err.Error(), dir) {
						t.Fatalf("error %v, want %v and the path", err, errno)
					}
					for _, name := range names(t, dir) {
						if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, body) {
							t.Errorf("%s stands with %d bytes, %v", name, len(got), err)
						}
					}
					if s == StepFsync { // final for its file
						if err := d.Sync(t.Context(), group); !errors.Is(err, errno) {
							t.Errorf("the second Sync after a failed fsync returned %v", err)
						}
						failures := 0
						for _, f := range group {
							if err := d.Publish(t.Context(), []*Staged{f}); errors.Is(err, ErrNotSynced) {
								failures++
							}
						}
						if failures != 2 {
							t.Errorf("%d of 2 files of the failed group could not be published", failures)
						}
					}
					check(t, d.Discard(t.Context(), group))
					if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
						t.Errorf("left in the staging folder: %v", got)
					}
					published := names(t, dir)
					if s == StepFsyncFolder { // final for the Directory
						if _, err := tryDelivery(t.Context(), d, attached{"c.txt", body}); !errors.Is(err, errno) {
							t.Errorf("the Directory works on after a failed fsync of a folder: %v", err)
						}
						check(t, d.Close())
						d = open1(t, dir, Options{})
					}
					group, err = tryDelivery(t.Context(), d, attached{"a.txt", body}, attached{"b.txt", body})
					check(t, err)
					if len(published) == 0 && !slices.Equal(paths(group), []string{"a.txt", "b.txt"}) {
						t.Errorf("the names of the discarded files are not free: %q", paths(group))
					}
					for _, f := range group {
						if got, err := os.ReadFile(filepath.Join(dir, f.Path)); err != nil || !bytes.Equal(got, body) {
							t.Errorf("%s has %d bytes, %v", f.Path, len(got), err)
						}
					}
				})
			}
		}
	}
}

// TestStageFailure: a message that breaks off, is too deep, or panics leaves nothing.
func TestStageFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	whole := mail(attached{"a", bytes.Repeat([]byte("x"), 300_000)}, attached{"b", []byte("y")})
	cut := errors.New("the line was cut")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		r    io.Reader
		o    extractor.Options
		want error
	}{
		{"cut", t.Context(), io.MultiReader(bytes.NewReader(whole[:350_000]), failing{cut}), extractor.Options{}, cut},
		{"cut near the end", t.Context(), io.MultiReader(bytes.NewReader(whole[:len(whole)-10]), failing{cut}), extractor.Options{}, cut},
		{"cancelled", cancelled, bytes.NewReader(whole), extractor.Options{}, context.Canceled},
		{"limit", t.Context(), bytes.NewReader(whole), extractor.Options{Limits: extractor.Limits{Parts: 2}}, nil},
	}
	for _, tt := range tests {
		m, staged, err := d.Stage(tt.ctx, tt.r, Plan{Extract: tt.o})
		if err == nil || m != nil || staged != nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v, %v", tt.name, m, staged, err)
		}
		if _, ok := errors.AsType[*extractor.LimitError](err); ok != (tt.want == nil) {
			t.Errorf("%s: a limit error: %v (%v)", tt.name, ok, err)
		}
		if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
			t.Errorf("%s: left in the staging folder: %v", tt.name, got)
		}
	}
	_, _, err := d.Stage(t.Context(), io.MultiReader(bytes.NewReader(whole[:350_000]), panicking{}), Plan{})
	if _, ok := errors.AsType[*extractor.PanicError](err); !ok {
		t.Errorf("a panic gave %v", err)
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 || len(d.files) != 0 || len(d.names.given) != 0 {
		t.Errorf("left after a panic: %v, %d files, %d names", got, len(d.files), len(d.names.given))
	}
	deliver(t, d, stage(t, d, attached{"a", nil}))
}
