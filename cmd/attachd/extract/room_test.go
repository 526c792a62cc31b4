package extract

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/attachd/attachd/extractor/sink"
)

// failing fails a step of the nth file that comes to it.
type failing struct {
	step sink.Step
	nth  int32
	err  error
	seen atomic.Int32
	name atomic.Value
}

func (f *failing) Before(step sink.Step, name string) error {
	if step != f.step {
		return nil
	}
	if f.seen.Add(1) == f.nth {
		f.name.Store(name)
	}
	if f.name.Load() == name { // again at each try
		return &os.PathError{Op: string(step), Path: name, Err: f.err}
	}
	return nil
}

// extractFour extracts four messages of one attachment each: a file, an mbox of two, and a file.
func extractFour(t *testing.T, hook sink.Hook) (files []string, said string, err error) {
	t.Helper()
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	mail := func(name string) string {
		return fmt.Sprintf("From: a@example.org\nSubject: s\nContent-Disposition: attachment; filename=%s\n\nhello\n", name)
	}
	box := ""
	for _, name := range []string{"b.txt", "c.txt"} {
		box += "From a@example.org Mon Jan  1 00:00:00 2024\n" + mail(name) + "\n"
	}
	var sources []string
	for name, text := range map[string]string{"1.eml": mail("a.txt"), "2.mbox": box, "3.eml": mail("d.txt")} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, path)
	}
	slices.Sort(sources)
	var stdout, stderr strings.Builder
	x := &Extraction{Out: &stdout, Errors: &stderr, hook: hook}
	err = x.Run(t.Context(), out, sources)
	entries, failed := os.ReadDir(out)
	if failed != nil {
		t.Fatal(failed)
	}
	for _, e := range entries {
		files = append(files, e.Name())
		if !strings.Contains(stdout.String(), e.Name()+"\t") {
			t.Errorf("%s has no line:\n%s", e.Name(), &stdout)
		}
	}
	return files, strings.ReplaceAll(stderr.String(), dir+string(filepath.Separator), ""), err
}

// TestNoRoom: a message without room on the disk is named, and the others are written, whenever the
// disk says so.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	for _, step := range []sink.Step{sink.StepCreate, sink.StepWrite, sink.StepFsync, sink.StepRename} {
		for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
			t.Run(fmt.Sprintf("%s: %v", step, errno), func(t *testing.T) {
				t.Parallel()
				files, said, err := extractFour(t, &failing{step: step, nth: 2, err: errno})
				if len(files) != 3 || err == nil || !strings.HasPrefix(err.Error(), "1 of the messages and files could not be read, or written") {
					t.Errorf("files %q, error %v", files, err)
				}
				if !strings.Contains(said, errno.Error()) || !strings.Contains(said, ", 3 attachments (18 bytes) in ") {
					t.Errorf("said %s", said)
				}
				if step != sink.StepFsync && !strings.HasPrefix(said, "attachd: 2.mbox:1: ") { // fsyncs come in any order
					t.Errorf("said %s", said)
				}
			})
		}
	}
}

// TestDiskFails: another error ends it. What is staged is written, what was not read is named, and
// the sum is there.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	files, said, err := extractFour(t, &failing{step: sink.StepCreate, nth: 2, err: syscall.EROFS})
	if !slices.Equal(files, []string{"a.txt"}) || err == nil || !strings.Contains(err.Error(), "2.mbox:1: ") || !strings.Contains(err.Error(), "; not read: the rest of ") || !strings.HasSuffix(err.Error(), "3.eml") {
		t.Errorf("files %q, error %v", files, err)
	}
	if !strings.HasPrefix(said, "attachd: 1 message, 1 attachment (6 bytes) in ") {
		t.Errorf("said %s", said)
	}
}
