package sink

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/attachd/attachd/extractor/digest"
)

func TestDelivery(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b", "hans")
	d := open1(t, dir, Options{})
	// Sizes around the block, which must not show in the result.
	var files []attached
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{0, 1, 57, blockSize - 1, blockSize, blockSize + 1, 3*blockSize + 7} {
		body := make([]byte, size)
		random.Read(body)
		files = append(files, attached{fmt.Sprintf("file-%d.bin", size), body})
	}
	staged := stage(t, d, files...)
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("before Publish the folder holds %v", got)
	}
	deliver(t, d, staged)
	for i, f := range files {
		s := staged[i]
		if s.Path != f.name || s.Size != int64(len(f.body)) || s.Digests != digest.Of(digest.Own, f.body).Set() || s.Attachment.OriginalName != f.name {
			t.Errorf("%s: staged as %+v", f.name, s)
		}
		got, err := os.ReadFile(filepath.Join(dir, f.name))
		check(t, err)
		if !bytes.Equal(got, f.body) {
			t.Errorf("%s differs from what was attached", f.name)
		}
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
		t.Errorf("left in the staging folder: %v", got)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		check(t, err)
		return info.Mode().Perm()
	}
	// 0666 shows that a mode that is asked for stands against the umask.
	dir := filepath.Join(t.TempDir(), "hans")
	d := open1(t, dir, Options{FileMode: 0o666, DirMode: 0o700})
	deliver(t, d, stage(t, d, attached{"a", nil}, attached{"b", nil}))
	for path, want := range map[string]fs.FileMode{"a": 0o666, "b": 0o666, "": 0o700, defaultStaging: 0o700} {
		if got := mode(filepath.Join(dir, path)); got != want {
			t.Errorf("%q has mode %v, want %v", path, got, want)
		}
	}
	dir = filepath.Join(t.TempDir(), "eva")
	d = open1(t, dir, Options{})
	deliver(t, d, stage(t, d, attached{"a", nil}))
	if got := mode(filepath.Join(dir, "a")); got&^0o640 != 0 || got&0o600 == 0 {
		t.Errorf("the default mode is %v", got)
	}
}

func TestQuarantineFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	var group []*Staged
	for range 2 {
		s, err := d.StageRaw(t.Context(), strings.NewReader("raw mail"), ".quarantine", "m.eml")
		check(t, err)
		group = append(group, s)
	}
	deliver(t, d, group)
	if got := paths(group); !slices.Equal(got, []string{".quarantine/m.eml", ".quarantine/m-2.eml"}) {
		t.Errorf("paths %q", got)
	}
	if got := names(t, filepath.Join(dir, ".quarantine")); !slices.Equal(got, []string{"m-2.eml", "m.eml"}) {
		t.Errorf("files %q", got)
	}
	for _, folder := range []string{"..", ".", "a/../b", "/tmp", defaultStaging, "../x"} {
		if _, err := d.StageRaw(t.Context(), strings.NewReader("x"), folder, "m.eml"); err == nil {
			t.Errorf("folder %q was taken", folder)
		}
	}
	if got := names(t, filepath.Join(dir, defaultStaging)); len(got) != 0 {
		t.Errorf("left in the staging folder: %v", got)
	}
}

// TestPlantedLinks: a stranger who may write into the account's folder can't lead
// files out of it.
func TestPlantedLinks(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"..", "inside"} {
		for _, name := range []string{defaultStaging, ".quarantine"} {
			parent := t.TempDir()
			dir := filepath.Join(parent, "hans")
			check(t, os.MkdirAll(filepath.Join(dir, "inside"), 0o700))
			check(t, os.Symlink(target, filepath.Join(dir, name)))
			d, err := Open(dir, Options{})
			if err == nil {
				_, err = d.StageRaw(t.Context(), strings.NewReader("x"), ".quarantine", "m.eml")
				check(t, d.Close())
			}
			if err == nil || !strings.Contains(err.Error(), "is no folder") {
				t.Errorf("%s -> %s: error %v", name, target, err)
			}
			if got := names(t, parent); !slices.Equal(got, []string{"hans"}) {
				t.Errorf("%s -> %s: outside are %v", name, target, got)
			}
		}
	}
}

func TestPrivateStaging(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(dir, Options{Staging: ".attachd-extract-1"})
	check(t, err)
	deliver(t, d, stage(t, d, attached{"a", []byte("x")}))
	left := stage(t, d, attached{"b", []byte("x")})
	check(t, d.Close())
	if got := names(t, dir); !slices.Equal(got, []string{".attachd-extract-1", "a"}) {
		t.Errorf("files %q, want the folder with the file that was staged", got)
	}
	d, err = Open(dir, Options{Staging: ".attachd-extract-1"})
	check(t, err)
	check(t, d.Discard(t.Context(), left))
	check(t, d.Close())
	check(t, d.Close())
	if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("files %q", got)
	}
	if _, _, err := d.Stage(t.Context(), bytes.NewReader(mail()), Plan{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Stage after Close: %v", err)
	}
	for _, name := range []string{"x", "..", ".", ".a/b", "../.x", `.a\b`} {
		if d, err := Open(dir, Options{Staging: name}); err == nil {
			d.Close()
			t.Errorf("staging folder %q was taken", name)
		}
	}
}

// TestStageAndPublishTogether runs the two goroutines of a poll.
func TestStageAndPublishTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{SyncWorkers: 3})
	groups := make(chan []*Staged, 1)
	go func() {
		defer close(groups)
		for range 40 {
			var group []*Staged
			for range 10 {
				_, staged, err := d.Stage(t.Context(), bytes.NewReader(mail(attached{"a.txt", []byte("x")}, attached{"b.txt", []byte("y")})), Plan{})
				if err != nil {
					t.Error(err)
					return
				}
				group = append(group, staged...)
			}
			groups <- group
		}
	}()
	for group := range groups {
		deliver(t, d, group)
	}
	if got := names(t, dir); len(got) != 800 {
		t.Errorf("%d files, want 800", len(got))
	}
}
