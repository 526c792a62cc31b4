package wiring

import (
	"runtime"
	"testing"

	"github.com/attachd/attachd/extractor/sink"
)

// TestPlaces: visits with many files have places enough, and the last one gives them back. The
// environment takes precedence.
func TestPlaces(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.SetDefaultGOMAXPROCS()
	for _, env := range []string{"", "1"} {
		t.Setenv("GOMAXPROCS", env)
		want := max(before, leastPlaces)
		if env != "" {
			want = before
		}
		takePlaces()
		takePlaces()
		freePlaces()
		if n := runtime.GOMAXPROCS(0); n != want {
			t.Errorf("GOMAXPROCS=%q: %d places while a visit needs them, want %d", env, n, want)
		}
		freePlaces()
		if n := runtime.GOMAXPROCS(0); n != before {
			t.Errorf("GOMAXPROCS=%q: %d places in the end, want %d", env, n, before)
		}
	}
}

// TestPlacesOfLargeFiles: only files that are not large count.
func TestPlacesOfLargeFiles(t *testing.T) {
	files := []*sink.Staged{{Size: 0}, {Size: largeFile - 1}, {Size: largeFile}, {Size: 1 << 30}}
	if n := notLarge(files); n != 2 {
		t.Errorf("%d files count, want 2", n)
	}
}
