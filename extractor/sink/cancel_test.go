package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/attachd/attachd/extractor"
)

// TestPublishCancelled stops at each file of a group, and before the folders are durable: the same
// Directory or the next one completes it, and each file stands there once.
func TestPublishCancelled(t *testing.T) {
	t.Parallel()
	files := []attached{{"a", []byte("1")}, {"b", []byte("2")}, {"c", []byte("3")}}
	for after := range len(files) + 1 {
		for _, next := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d, by another %v", after, next), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				ctx, cancel := context.WithCancel(t.Context())
				renamed := 0
				ops := &operations{fail: func(s Step, name string) error {
					if s == StepRename && name != folderIDFile {
						if renamed++; renamed == after {
							cancel()
						}
					}
					return nil
				}}
				d := open1(t, dir, Options{Hook: ops})
				group := stage(t, d, files...)
				check(t, d.Sync(ctx, group))
				if after == 0 {
					cancel()
				}
				ops.steps = nil
				if err := d.Publish(ctx, group); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
				if renamed != after || slices.Contains(ops.steps, "fsync folder ") {
					t.Errorf("it went on: %q", ops.steps)
				}
				if next {
					d = open1(t, dir, Options{})
					for i, s := range group {
						group[i] = &Staged{ID: s.ID, Path: s.Path} // what a ledger keeps
					}
				}
				check(t, d.Publish(t.Context(), group))
				for i, s := range group {
					if s.Before != (i < after) {
						t.Errorf("%s was published before: %v", s.Path, s.Before)
					}
					if got, err := os.ReadFile(filepath.Join(dir, s.Path)); err != nil || !bytes.Equal(got, files[i].body) {
						t.Errorf("%s holds %q, %v", s.Path, got, err)
					}
				}
				if got := names(t, dir); !slices.Equal(got, []string{"a", "b", "c"}) {
					t.Errorf("files %q", got)
				}
			})
		}
	}
}

// TestCallsAtOnce makes the calls at once that a poll's two goroutines and others may, for the race
// detector.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	d := open1(t, dir, Options{SyncWorkers: 2, MinFree: 1})
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	var all sync.WaitGroup
	for worker := range 3 {
		all.Go(func() {
			for n := range 20 {
				plan := Plan{Path: func(*extractor.Message, *extractor.Attachment) string { return fmt.Sprintf("day %d/a.txt", n%5) }}
				_, group, err := d.Stage(ctx, bytes.NewReader(mail(attached{"a.txt", []byte("x")}, attached{"b.txt", []byte("y")})), plan)
				if err != nil {
					t.Error(err)
					return
				}
				must(d.Discard(ctx, group[:1]))
				must(d.Sync(ctx, group[1:]))
				must(d.Publish(ctx, group[1:]))
				must(d.SetMark(ctx, int64(n)))
				must(d.RemovePieces(ctx, fmt.Sprintf("%s/%d", PartialFolder, worker)))
				_, err = d.Free(ctx)
				must(err)
				_, err = d.HasPieces(ctx)
				must(err)
				f, err := d.OpenFile(ctx, group[1].Path)
				if err != nil {
					t.Error(err)
					return
				}
				must(f.Close())
			}
		})
	}
	all.Wait()
	total := 0
	for n := range 5 {
		total += len(names(t, filepath.Join(dir, fmt.Sprintf("day %d", n))))
	}
	if total != 60 {
		t.Errorf("%d files, want 60", total)
	}
}
