package sink

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "out")
	at := Inspect(dir)
	i, err := at.Snapshot(t.Context())
	if err != nil || i.Mark != 0 || len(i.Files) != 0 || !i.Gone {
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
	if i, err = at.Snapshot(t.Context()); err != nil || i.Mark != 9 || len(i.Files) != 1 || i.Gone || i.ID != d.folderID {
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
	if i, err = at.Snapshot(t.Context()); err != nil || i.Fate(staged[0].ID) != Elsewhere {
		t.Errorf("fate %d, %v, of a file whose folder was removed", i.Fate(staged[0].ID), err)
	}
}

// TestInspector looks at files, in a folder that a Directory works on.
func TestInspector(t *testing.T) {
	t.Parallel()
	above := t.TempDir()
	dir := filepath.Join(above, "out")
	at := Inspect(dir)
	if list, err := at.List(t.Context(), ".quarantine"); err != nil || len(list) != 0 {
		t.Errorf("a missing folder: %v, %v", list, err)
	}
	if _, err := at.Stat(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of a missing folder: %v", err)
	}
	if got := at.Folders(".quarantine"); !slices.Equal(got, []string{dir}) {
		t.Errorf("folders %q", got)
	}
	d := open1(t, dir, Options{})
	var group []*Staged
	for _, name := range []string{"b.eml", "a.eml"} {
		s, err := d.StageRaw(t.Context(), strings.NewReader("in "+name), ".quarantine", name)
		check(t, err)
		group = append(group, s)
	}
	pieces, err := stagePiece(t, d, partOf("a", 1, 2, "text"))
	check(t, err)
	deliver(t, d, append(group, pieces...))
	check(t, os.WriteFile(filepath.Join(above, "secret"), nil, 0o600))
	check(t, os.Symlink("../../secret", filepath.Join(dir, ".quarantine", "link.eml")))

	list, err := at.List(t.Context(), ".quarantine")
	if want := []Stored{{".quarantine/a.eml", 8}, {".quarantine/b.eml", 8}}; err != nil || !slices.Equal(list, want) {
		t.Errorf("in quarantine: %v, %v, want %v", list, err, want)
	}
	if list, err = at.List(t.Context(), PartialFolder); err != nil || len(list) != 1 || list[0].Path != pieces[0].Path || list[0].Size != pieces[0].Size {
		t.Errorf("pieces: %v, %v", list, err)
	}
	if file, err := at.Stat(t.Context(), ".quarantine/a.eml"); err != nil || file.Size != 8 {
		t.Errorf("%+v, %v", file, err)
	}
	if _, err := at.Stat(t.Context(), ".quarantine/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
	f, err := at.OpenFile(t.Context(), ".quarantine/a.eml")
	check(t, err)
	if body, err := io.ReadAll(f); err != nil || string(body) != "in a.eml" {
		t.Errorf("read %q, %v", body, err)
	}
	check(t, f.Close())
	for _, path := range []string{"../secret", ".quarantine/link.eml", filepath.Join(above, "secret")} {
		if f, err := at.OpenFile(t.Context(), path); err == nil {
			f.Close()
			t.Errorf("%s was opened", path)
		}
		if _, err := at.Stat(t.Context(), path); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was looked at: %v", path, err)
		}
	}
	if got := at.Folders(".quarantine", ".other"); !slices.Equal(got, []string{dir, filepath.Join(dir, defaultStaging), filepath.Join(dir, ".quarantine")}) {
		t.Errorf("folders %q", got)
	}
	if got := at.PlaceOf(".quarantine/a.eml"); got != filepath.Join(dir, ".quarantine", "a.eml") {
		t.Errorf("it stands at %s", got)
	}
	check(t, d.RemoveFile(t.Context(), pieces[0].Path))
	if has, err := d.HasPieces(t.Context()); err != nil || has {
		t.Errorf("the only piece is removed: pieces %v, %v", has, err)
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
