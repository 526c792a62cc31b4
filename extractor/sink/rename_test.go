package sink

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestTwoDirectories: two processes on one folder give the same names at the
// same time; no file may replace another. Each way to rename is tried.
func TestTwoDirectories(t *testing.T) {
	t.Parallel()
	for _, way := range []Step{StepRename, StepLink} {
		t.Run(string(way), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			const perDirectory = 200
			var mu sync.Mutex
			seen := make(map[string]string)
			var wg sync.WaitGroup
			for i := range 4 {
				d := open1(t, dir, Options{Staging: fmt.Sprintf(".staging-%d", i)})
				d.folders.noRename2.Store(way == StepLink)
				wg.Go(func() {
					for n := range perDirectory {
						body := fmt.Sprintf("%d of %d", n, i)
						_, group, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"same.txt", []byte(body)})), Plan{})
						if err != nil {
							t.Error(err)
							return
						}
						if err := d.Sync(t.Context(), group); err != nil {
							t.Error(err)
							return
						}
						if err := d.Publish(t.Context(), []*Staged{group[0]}); err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if other, ok := seen[group[0].Path]; ok {
							t.Errorf("%s was given to %s and to %s", group[0].Path, other, body)
						}
						seen[group[0].Path] = body
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if len(seen) != 4*perDirectory {
				t.Errorf("%d names, want %d", len(seen), 4*perDirectory)
			}
			for path, want := range seen {
				if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
					t.Errorf("%s holds %q, %v, want %q", path, got, err, want)
				}
			}
		})
	}
}

// TestFallbacks takes the better ways to rename away, one after the other.
func TestFallbacks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		lacking map[Step]error
		last    Step
	}{
		{"no RENAME_NOREPLACE", map[Step]error{StepRename: syscall.EINVAL}, StepUnlink},
		{"no renameat2", map[Step]error{StepRename: syscall.ENOSYS}, StepUnlink},
		{"no hard links", map[Step]error{StepRename: syscall.EINVAL, StepLink: syscall.EPERM}, StepPlainRename},
		{"no hard links (FUSE)", map[Step]error{StepRename: syscall.EINVAL, StepLink: syscall.EOPNOTSUPP}, StepPlainRename},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ops := &operations{fail: func(s Step, _ string) error { return tt.lacking[s] }}
			d := open1(t, dir, Options{Hook: ops})
			group := stage(t, d, attached{"a", []byte("1")}, attached{"b", []byte("2")})
			check(t, os.WriteFile(filepath.Join(dir, "a"), []byte("there"), 0o600))
			deliver(t, d, group)
			if got := paths(group); !slices.Equal(got, []string{"a-2", "b"}) {
				t.Errorf("paths %q", got)
			}
			for name, want := range map[string]string{"a": "there", "a-2": "1", "b": "2"} {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
					t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
				}
			}
			if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
				t.Errorf("left in the staging folder: %v", got)
			}
			if !slices.ContainsFunc(ops.steps, func(s string) bool { return strings.HasPrefix(s, string(tt.last)) }) {
				t.Errorf("%s was not tried: %q", tt.last, ops.steps)
			}
		})
	}
}

// TestCrashBetweenLinkAndUnlink: the file has both names then, and a consumer may
// have renamed the one that it sees. It must not come a second time.
func TestCrashBetweenLinkAndUnlink(t *testing.T) {
	t.Parallel()
	for _, moved := range []bool{false, true} {
		dir := t.TempDir()
		broken := errors.New("killed")
		ops := &operations{}
		first, err := Open(dir, Options{Hook: ops})
		check(t, err)
		ops.fail = func(s Step, _ string) error {
			return map[Step]error{StepRename: syscall.EINVAL, StepUnlink: broken}[s]
		}
		s := stage(t, first, attached{"a", []byte("1")})[0]
		check(t, first.Sync(t.Context(), []*Staged{s}))
		if err := first.Publish(t.Context(), []*Staged{s}); !errors.Is(err, broken) {
			t.Fatalf("error %v", err)
		}
		want := "a"
		if moved {
			want = "taken by a consumer"
			check(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, want)))
		}
		second := open1(t, dir, Options{})
		second.folders.noRename2.Store(true)
		check(t, second.Publish(t.Context(), []*Staged{{ID: s.ID, Path: "a"}}))
		if got := names(t, dir); !slices.Equal(got, []string{want}) {
			t.Errorf("files %q, want %q", got, want)
		}
		if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
			t.Errorf("left in the staging folder: %v", got)
		}
		check(t, first.Close())
	}
}

// TestNameRefused: a file whose name the file system refuses only when it is to get it is published
// under a plain one, whichever way it is renamed. Otherwise it would hold up the account for ever.
func TestNameRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("l", 200) + ".txt"
	for _, errno := range []syscall.Errno{syscall.EILSEQ, syscall.EINVAL, syscall.ENAMETOOLONG} {
		t.Run(errno.Error(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			d := open1(t, dir, Options{Hook: &operations{fail: func(s Step, name string) error {
				if (s == StepRename || s == StepLink || s == StepPlainRename) && (strings.Contains(name, "€") || len(name) > 143) {
					return &os.LinkError{Op: string(s), New: name, Err: errno}
				}
				return nil
			}}})
			check(t, os.WriteFile(filepath.Join(dir, "b_.txt"), []byte("there"), 0o600))
			group := stage(t, d, attached{"a.txt", []byte("1")}, attached{"b€.txt", []byte("2")}, attached{long, []byte("3")})
			deliver(t, d, group)
			want := map[string]string{"a.txt": "1", "b_.txt": "there", "b_-2.txt": "2", strings.Repeat("l", 96) + ".txt": "3"}
			if got := names(t, dir); len(got) != len(want) {
				t.Errorf("files %q", got)
			}
			for name, content := range want {
				if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != content {
					t.Errorf("%s holds %q, %v, want %q", name, got, err, content)
				}
			}
			if group[1].Path != "b_-2.txt" {
				t.Errorf("path %q", group[1].Path)
			}
		})
	}
}
