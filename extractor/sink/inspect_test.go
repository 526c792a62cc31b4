package sink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	i, err := Inspect(dir)
	if err != nil || i.Mark != 0 || len(i.Files) != 0 {
		t.Errorf("a missing folder: %+v, %v", i, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it was made")
	}
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n, err := d.Mark(t.Context()); err != nil || n != 0 {
		t.Errorf("mark %d, %v, of a new folder", n, err)
	}
	for _, n := range []int64{7, 1 << 62, 9} {
		if err := d.SetMark(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Mark(t.Context()); err != nil || got != n {
			t.Errorf("mark %d, %v, want %d", got, err, n)
		}
	}
	var staged []*Staged
	for _, name := range []string{"waiting", "published"} {
		s, err := d.StageRaw(t.Context(), strings.NewReader(name), "", name)
		if err != nil {
			t.Fatal(err)
		}
		staged = append(staged, s)
	}
	if err := d.Sync(t.Context(), staged); err != nil {
		t.Fatal(err)
	}
	if err := d.Publish(t.Context(), []*Staged{staged[1]}); err != nil {
		t.Fatal(err)
	}
	if i, err = Inspect(dir); err != nil || i.Mark != 9 || len(i.Files) != 1 {
		t.Errorf("%+v, %v, want mark 9 and one file", i, err)
	}
	for id, want := range map[string]Fate{staged[0].ID: Waiting, staged[1].ID: Published, "ABCDEFGH-ABCDEFGHIJKLMNOPQRSTUVWXYZ": Elsewhere} {
		if got := i.Fate(id); got != want {
			t.Errorf("fate of %s is %d, want %d", id, got, want)
		}
	}

	// The mark does not hide the folder's ID, nor the ID the mark.
	again, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n, err := again.Mark(t.Context()); err != nil || n != 9 || again.folderID != d.folderID {
		t.Errorf("opened again: mark %d, %v, ID %s, want 9 and %s", n, err, again.folderID, d.folderID)
	}

	// A folder that was removed, and made anew by somebody else's mkdir, is another one.
	if err := os.RemoveAll(filepath.Join(dir, defaultStaging)); err != nil {
		t.Fatal(err)
	}
	if i, err = Inspect(dir); err != nil || i.Fate(staged[0].ID) != Elsewhere {
		t.Errorf("fate %d, %v, of a file whose folder was removed", i.Fate(staged[0].ID), err)
	}
}

// TestMarkOfAnother reads a mark that something else wrote as none.
func TestMarkOfAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	name := filepath.Join(dir, defaultStaging, folderIDFile)
	for _, text := range []string{"", "\n", "\nxyz", "\n-", "\n99999999999999999999\n"} {
		if err := os.WriteFile(name, []byte(d.folderID+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := d.Mark(t.Context()); err != nil || n != 0 {
			t.Errorf("%q: mark %d, %v, want none", text, n, err)
		}
	}
}

func TestOpenAndRemoveFile(t *testing.T) {
	t.Parallel()
	above := t.TempDir()
	if err := os.WriteFile(filepath.Join(above, "secret"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(filepath.Join(above, "out"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := os.Symlink(filepath.Join(above, "secret"), filepath.Join(above, "out", "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../secret", "link", filepath.Join(above, "secret")} {
		if f, err := d.OpenFile(t.Context(), path); err == nil {
			f.Close()
			t.Errorf("%s was opened", path)
		}
	}
	for _, path := range []string{"../secret", filepath.Join(above, "secret")} {
		if err := d.RemoveFile(t.Context(), path); err == nil {
			t.Errorf("%s was removed", path)
		}
	}
	if _, err := os.Stat(filepath.Join(above, "secret")); err != nil {
		t.Error(err)
	}
	if err := d.RemoveFile(t.Context(), "gone/gone"); err != nil {
		t.Errorf("a file that is gone: %v", err)
	}
}
