package wiring

import (
	"runtime"
	"testing"
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
