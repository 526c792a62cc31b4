package sink

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "there.txt"), []byte("kept"), 0o600))
	check(t, os.Symlink("/etc/passwd", filepath.Join(dir, "link.txt")))
	check(t, os.Symlink("/nowhere", filepath.Join(dir, "dangling.txt")))
	check(t, os.Mkdir(filepath.Join(dir, "folder.txt"), 0o700))
	long := strings.Repeat("ä", 120) + ".tar.gz"
	d := open1(t, dir, Options{})
	x := []byte("x")
	staged := stage(t, d, attached{"acht.png", x}, attached{"acht.png", x}, attached{"Acht.png", x}, attached{"acht.png", x},
		attached{"there.txt", x}, attached{"link.txt", x}, attached{"dangling.txt", x}, attached{"folder.txt", x},
		attached{"a.tar.gz", x}, attached{"a.tar.gz", x}, attached{"noext", x}, attached{"noext", x},
		attached{"Dr. No and friends", x}, attached{"Dr. No and friends", x}, attached{long, x}, attached{long, x})
	want := []string{
		"acht.png", "acht-2.png", "Acht.png", "acht-3.png", "there-2.txt", "link-2.txt", "dangling-2.txt", "folder-2.txt",
		"a.tar.gz", "a-2.tar.gz", "noext", "noext-2", "Dr. No and friends", "Dr. No and friends-2", long, strings.Repeat("ä", 120) + "-2.tar.gz",
	}
	if diff := cmp.Diff(want, paths(staged)); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	deliver(t, d, staged)
	if diff := cmp.Diff(want, paths(staged)); diff != "" {
		t.Errorf("published names differ (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "there.txt")); err != nil || string(got) != "kept" {
		t.Errorf("the file that was there holds %q, %v", got, err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "dangling.txt")); err != nil || target != "/nowhere" {
		t.Errorf("the link points to %q, %v", target, err)
	}
	// A name that is free again is used again.
	check(t, os.Remove(filepath.Join(dir, "acht.png")))
	if got := paths(stage(t, d, attached{"acht.png", x}, attached{"acht.png", x})); !slices.Equal(got, []string{"acht.png", "acht-4.png"}) {
		t.Errorf("names %q", got)
	}
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		n     int
		limit int
		want  string
	}{
		{"a.png", 2, 255, "a-2.png"},
		{"a", 10, 255, "a-10"},
		{".profile", 2, 255, ".profile-2"},
		{"v1.2.3.pdf", 3, 255, "v1.2.3-3.pdf"},
		{"x.TAR.bz2", 2, 255, "x-2.TAR.bz2"},
		{".tar.gz", 2, 255, ".tar-2.gz"},
		{"end. A sentence", 2, 255, "end. A sentence-2"},
		{"äää.txt", 2, 10, "ää-2.txt"},
		{"äää.txt", 2, 9, "ä-2.txt"}, // not through a character
		{"abc.txt", 2, 3, "-2.txt"},
	}
	for _, tt := range tests {
		if got := numbered(tt.name, tt.n, tt.limit); got != tt.want {
			t.Errorf("numbered(%q, %d, %d) = %q, want %q", tt.name, tt.n, tt.limit, got, tt.want)
		}
	}
}

// TestFreeNumberWithoutProbing fills a folder and counts what is looked at.
func TestFreeNumberWithoutProbing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ops := &operations{}
	d := open1(t, dir, Options{Hook: ops})
	const there = 3000
	for n := range there {
		name := "logo.png"
		if n > 0 {
			name = numbered(name, n+1, 255)
		}
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	ops.steps = nil
	for i := range 100 {
		path, err := d.names.reserve(d.folders.top, "logo.png", d.folders.maxName, &file{id: d.newID()})
		check(t, err)
		if want := fmt.Sprintf("logo-%d.png", there+1+i); path != want {
			t.Fatalf("name %q, want %q", path, want)
		}
		// Doubling and halving for the first; then the name itself and the next number.
		if looks, most := len(ops.steps), 26+2*i; looks > most {
			t.Fatalf("%d looks at the disk for %d names, want at most %d", looks, i+1, most)
		}
	}
}

// TestBoundedMemoryForNumbers: forgetting numbers must not lead to a name twice.
func TestBoundedMemoryForNumbers(t *testing.T) {
	t.Parallel()
	d := open1(t, t.TempDir(), Options{})
	seen := make(map[string]bool)
	for range 3 {
		for i := range maxRemembered + 100 {
			path, err := d.names.reserve(d.folders.top, fmt.Sprintf("%d.txt", i), d.folders.maxName, &file{id: d.newID()})
			check(t, err)
			if seen[path] {
				t.Fatalf("%s was given twice", path)
			}
			seen[path] = true
		}
	}
	if len(d.names.last) > maxRemembered {
		t.Errorf("%d numbers are remembered", len(d.names.last))
	}
}

// TestHarmless gives names that SafeName would not let through.
func TestHarmless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	for _, name := range []string{"../out", "/etc/passwd", ".staging", ".staging/x", "..", "", ".", "a\x00b", `..\..\x`, "a/b", strings.Repeat("x", 300), "\xff.txt", ".quarantine"} {
		s, err := d.StageRaw(t.Context(), strings.NewReader(name), "", name)
		check(t, err)
		deliver(t, d, []*Staged{s})
		if strings.ContainsAny(s.Path, "/\\\x00") || strings.HasPrefix(s.Path, ".") || len(s.Path) > 255 {
			t.Errorf("%q became %q", name, s.Path)
		}
		got, err := os.ReadFile(filepath.Join(dir, s.Path))
		if err != nil || string(got) != name {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
}
