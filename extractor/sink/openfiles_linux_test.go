package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// openFilesEnv names the folder that the test binary works in as the child of TestFewOpenFiles.
const openFilesEnv = "ATTACHD_SINK_OPEN_FILES"

const (
	fewFiles       = 64 // that the child may have open, with the folders of its Directories
	fewDirectories = 4
	fewAttachments = 100
)

// TestFewOpenFiles: several Directories that together could have hundreds of staging files open at
// once, in a process that may open few, deliver all of them.
func TestFewOpenFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), openFilesEnv+"="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for n := range fewDirectories {
		if got := len(names(t, filepath.Join(dir, fmt.Sprint(n)))); got != 2*fewAttachments {
			t.Errorf("%d files in folder %d, want %d", got, n, 2*fewAttachments)
		}
	}
}

// stageWithFewFiles delivers two messages into each of several folders at once.
func stageWithFewFiles(dir string) error {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: fewFiles, Max: fewFiles}); err != nil {
		return err
	}
	raw := mail(slices.Repeat([]attached{{"small.txt", []byte("x")}}, fewAttachments)...)
	errs := make([]error, fewDirectories)
	var all sync.WaitGroup
	for n := range errs {
		all.Go(func() { errs[n] = deliverTwice(filepath.Join(dir, fmt.Sprint(n)), raw) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if n := openFiles.Load(); n != 0 {
		return fmt.Errorf("%d files count as open in the end", n)
	}
	return nil
}

// deliverTwice stages a message twice before it delivers both.
func deliverTwice(dir string, raw []byte) error {
	d, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	ctx := context.Background()
	var staged []*Staged
	for range 2 {
		_, more, err := d.Stage(ctx, bytes.NewReader(raw), Plan{})
		if err != nil {
			return err
		}
		staged = append(staged, more...)
	}
	if err := d.Sync(ctx, staged); err != nil {
		return err
	}
	return d.Publish(ctx, staged)
}

// TestNoFileToOpen: when the process can't open another file, the Directory fsyncs and closes its
// own and tries once more.
func TestNoFileToOpen(t *testing.T) {
	t.Parallel()
	refuse := 0
	done := 0 // fsyncs
	h := &operations{fail: func(s Step, _ string) error {
		switch {
		case s == StepFsync:
			done++
		case s == StepCreate && refuse > 0:
			refuse--
			return syscall.EMFILE
		}
		return nil
	}}
	d := open1(t, t.TempDir(), Options{Hook: h})
	staged := stage(t, d, attached{"a.txt", []byte("x")}, attached{"b.txt", []byte("x")})
	refuse = 1
	staged = append(staged, stage(t, d, attached{"c.txt", []byte("x")})...)
	if h.mu.Lock(); done < 2 {
		t.Errorf("%d files were fsynced before another one was made", done)
	}
	h.mu.Unlock()
	deliver(t, d, staged)
	refuse = 2
	if _, _, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"d.txt", []byte("x")})), Plan{}); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("error %v, want EMFILE", err)
	}
}
