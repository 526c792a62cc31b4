package sink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fsyncedFolders returns the folders that were fsynced, in order, and forgets the steps.
func (o *operations) fsyncedFolders() (all []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, step := range o.steps {
		if name, ok := strings.CutPrefix(step, string(StepFsyncFolder)+" "); ok {
			all = append(all, name)
		}
	}
	o.steps = nil
	return all
}

// TestNewFolderIsDurable: each folder that Open made a folder in is fsynced once, and the staging
// folder with the first Sync, also of a group without files.
func TestNewFolderIsDurable(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	ops := &operations{}
	d := open1(t, filepath.Join(parent, "out", "hans"), Options{Hook: ops})
	if diff := cmp.Diff([]string{parent, filepath.Join(parent, "out"), ""}, ops.fsyncedFolders()); diff != "" {
		t.Errorf("Open fsynced other folders (-want +got):\n%s", diff)
	}
	for _, want := range [][]string{{".staging"}, nil} {
		check(t, d.Sync(t.Context(), nil))
		if diff := cmp.Diff(want, ops.fsyncedFolders()); diff != "" {
			t.Errorf("Sync fsynced other folders (-want +got):\n%s", diff)
		}
	}
	again := open1(t, d.folders.path, Options{Hook: ops})
	check(t, again.Sync(t.Context(), nil))
	if got := ops.fsyncedFolders(); len(got) != 0 {
		t.Errorf("a folder that was there: fsynced %q", got)
	}
}

// TestNewFolderInterrupted: where an earlier Open has made folders and no ID, as its process ended
// or the disk failed, the next one fsyncs them.
func TestNewFolderInterrupted(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "hans")
	for _, at := range []string{parent, ""} {
		_, err := Open(dir, Options{Hook: hookFunc(func(s Step, name string) error {
			if s == StepFsyncFolder && name == at {
				return syscall.EIO
			}
			return nil
		})})
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("fsync of %q failed: Open returned %v", at, err)
		}
		if _, err := os.Stat(filepath.Join(dir, defaultStaging, folderIDFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("fsync of %q failed: the folder has an ID (%v)", at, err)
		}
	}
	ops := &operations{}
	open1(t, dir, Options{Hook: ops})
	if got := ops.fsyncedFolders(); !slices.Equal(got, []string{parent, ""}) {
		t.Errorf("the Open after that fsynced %q", got)
	}
}
