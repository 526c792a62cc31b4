package sink

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRecovery publishes with what a ledger keeps, after a crash at each point.
func TestRecovery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open1(t, dir, Options{})
	group := stage(t, first, attached{"a", []byte("1")}, attached{"b", []byte("2")}, attached{"c", []byte("3")})
	check(t, first.Sync(t.Context(), group))
	check(t, first.Publish(t.Context(), []*Staged{group[0]}))
	lost := stage(t, first, attached{"lost", []byte("4")}) // the ledger never came to know it
	// The crash: nothing is closed. A consumer moves the first file away.
	check(t, os.Remove(filepath.Join(dir, "a")))
	check(t, os.WriteFile(filepath.Join(dir, "b"), []byte("other"), 0o600)) // and somebody takes a name

	ops := &operations{}
	second := open1(t, dir, Options{Hook: ops})
	recorded := make([]*Staged, len(group))
	for i, s := range group {
		recorded[i] = &Staged{ID: s.ID, Path: s.Path}
	}
	check(t, second.Publish(t.Context(), recorded))
	for i, want := range []bool{true, false, false} {
		if got := recorded[i].Before; got != want {
			t.Errorf("%s was published before: %v, want %v", recorded[i].Path, got, want)
		}
	}
	if last := ops.steps[len(ops.steps)-2:]; !slices.Equal(last, []string{"fsync folder ", "fsync folder .staging"}) {
		t.Errorf("Publish ended with %q", last)
	}
	if removed, err := second.Sweep(t.Context()); err != nil || removed != 1 {
		t.Errorf("Sweep removed %d, %v, want 1", removed, err)
	}
	if got := paths(recorded); !slices.Equal(got, []string{"a", "b-2", "c"}) {
		t.Errorf("paths %q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"b", "b-2", "c"}) {
		t.Errorf("files %q", got)
	}
	if _, err := os.Lstat(filepath.Join(dir, defaultStaging, lost[0].ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the swept file: %v", err)
	}
}

// TestGoneAlone: what was published and whose rename may not be durable yet is
// made so by the recovery, even when nothing is left to rename.
func TestGoneAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open1(t, dir, Options{})
	s, err := first.StageRaw(t.Context(), strings.NewReader("x"), ".quarantine", "m.eml")
	check(t, err)
	check(t, first.Sync(t.Context(), []*Staged{s}))
	check(t, first.Publish(t.Context(), []*Staged{s}))
	ops := &operations{}
	second := open1(t, dir, Options{Hook: ops})
	again := &Staged{ID: s.ID, Path: s.Path}
	check(t, second.Publish(t.Context(), []*Staged{again}))
	if !again.Before {
		t.Error("it counts as published just now")
	}
	if last := ops.steps[len(ops.steps)-2:]; !slices.Equal(last, []string{"fsync folder .quarantine", "fsync folder .staging"}) {
		t.Errorf("Publish ended with %q", last)
	}
}

// TestOtherFolder: staging files that are missing because the disk is not
// mounted, or because the folder was removed, must not pass for delivered.
func TestOtherFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "hans")
	first := open1(t, dir, Options{})
	group := stage(t, first, attached{"a", []byte("1")}, attached{"b", []byte("2")})
	check(t, first.Sync(t.Context(), group))
	check(t, os.Rename(dir, dir+".unmounted"))

	second := open1(t, dir, Options{})
	third := open1(t, dir, Options{}) // and after the next start
	for _, d := range []*Directory{second, third, first} {
		err := d.Publish(t.Context(), []*Staged{{ID: group[0].ID, Path: "a"}})
		if d == first { // its folder is still there, elsewhere
			check(t, err)
			continue
		}
		if !errors.Is(err, ErrOtherFolder) {
			t.Errorf("error %v, want ErrOtherFolder", err)
		}
	}
	check(t, os.RemoveAll(dir+".unmounted"))
	if err := first.Publish(t.Context(), []*Staged{group[1]}); err == nil || group[1].Before {
		t.Errorf("in a removed folder: %v", err)
	}
	if _, _, err := first.Stage(t.Context(), bytes.NewReader(mail(attached{"c", nil})), Plan{}); err == nil {
		t.Error("staging in a removed folder succeeded")
	}
	// A file that somebody removed between Sync and Publish was not delivered.
	s := stage(t, second, attached{"a", []byte("1")})[0]
	check(t, second.Sync(t.Context(), []*Staged{s}))
	check(t, os.Remove(filepath.Join(dir, defaultStaging, s.ID)))
	if err := second.Publish(t.Context(), []*Staged{s}); err == nil || s.Before {
		t.Errorf("a removed staging file: %v", err)
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "victim"), nil, 0o600))
	d := open1(t, dir, Options{})
	id := d.newID()
	for _, s := range []Staged{
		{ID: "../victim", Path: "a"},
		{ID: "", Path: "a"},
		{ID: folderIDFile, Path: "a"},
		{ID: id, Path: "../a"},
		{ID: id, Path: ""},
		{ID: id, Path: "/etc/a"},
		{ID: id, Path: ".staging/a"},
		{ID: id, Path: "x/../y/a"},
		{ID: id, Path: ".a"},
	} {
		if err := d.Publish(t.Context(), []*Staged{&s}); err == nil || s.Before {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := d.Discard(t.Context(), []*Staged{{ID: "../victim"}, {ID: folderIDFile}, {ID: id}}); err == nil {
		t.Error("Discard took a name that is no staging file's")
	}
	if got := names(t, dir); !slices.Equal(got, []string{"victim"}) {
		t.Errorf("files %q", got)
	}
}

func TestSweepLeavesStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	mine := stage(t, d, attached{"a", []byte("x")})
	check(t, os.WriteFile(filepath.Join(dir, defaultStaging, "notes.txt"), nil, 0o600))
	halfMade := filepath.Join(dir, defaultStaging, folderIDFile+"-ABC") // by one that was killed as it made the ID
	check(t, os.WriteFile(halfMade, nil, 0o600))
	for range 1499 { // more than one read of the folder
		check(t, os.WriteFile(filepath.Join(dir, defaultStaging, d.newID()), nil, 0o600))
	}
	if removed, err := d.Sweep(t.Context()); err != nil || removed != 1500 {
		t.Errorf("removed %d, %v", removed, err)
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 2 {
		t.Errorf("left: %v", got)
	}
	deliver(t, d, mine)
}
