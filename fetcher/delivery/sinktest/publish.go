package sinktest

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"testing"

	"github.com/attachd/attachd/fetcher/ledger"
)

func testPublish(t *testing.T, p Place) {
	s := p.Open(t)
	files := recorded(append(raw(t, s, "", "a.txt", "b.txt"), raw(t, s, ".quarantine", "c.eml")...))
	wantFiles(t, p, map[string]string{})
	check(t, s.Publish(t.Context(), files))
	wantFiles(t, p, map[string]string{"a.txt": "a.txt", "b.txt": "b.txt", ".quarantine/c.eml": "c.eml"})
	check(t, s.Publish(t.Context(), files)) // again, as if its answer had been lost
	wantFiles(t, p, map[string]string{"a.txt": "a.txt", "b.txt": "b.txt", ".quarantine/c.eml": "c.eml"})
}

func testPublishOverOthers(t *testing.T, p Place) {
	var names []string
	for range 2 {
		s := p.Open(t)
		var files []ledger.Attachment
		for range 2 {
			files = append(files, raw(t, s, "", "a.txt")...)
		}
		published := recorded(files)
		check(t, s.Publish(t.Context(), published))
		for _, f := range published {
			names = append(names, f.Path)
		}
	}
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(p.Files(t))); len(got) != 4 || !slices.Equal(got, names) {
		t.Errorf("files %q, and the sink says %q", got, names)
	}
	for name, body := range p.Files(t) {
		if body != "a.txt" || path.Ext(name) != ".txt" {
			t.Errorf("%q holds %q", name, body)
		}
	}
}

func testPublishAfterCrash(t *testing.T, p Place) {
	first := p.Open(t)
	files := raw(t, first, "", "a", "b", "c")
	check(t, first.Publish(t.Context(), recorded(files[:2])))
	check(t, first.RemoveFile(t.Context(), "a")) // by a consumer

	for range 2 {
		again := recorded(files)
		check(t, p.Open(t).Publish(t.Context(), again))
		for i, name := range []string{"a", "b", "c"} {
			if again[i].Path != name {
				t.Errorf("%s is called %s", name, again[i].Path)
			}
		}
		wantFiles(t, p, map[string]string{"b": "b", "c": "c"})
	}
}

func testPublishCancelled(t *testing.T, p Place) {
	s := p.Open(t)
	files := raw(t, s, "", "a", "b")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Publish(cancelled, recorded(files)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	check(t, s.Publish(t.Context(), recorded(files)))
	check(t, p.Open(t).Publish(t.Context(), recorded(files)))
	wantFiles(t, p, map[string]string{"a": "a", "b": "b"})
}

func testElsewhere(t *testing.T, p, other Place) {
	files := recorded(raw(t, p.Open(t), "", "a"))
	if err := other.Open(t).Publish(t.Context(), files); err == nil {
		t.Error("a file that was staged in another place counts as published")
	}
	wantFiles(t, other, map[string]string{})
	check(t, p.Open(t).Publish(t.Context(), files))
	wantFiles(t, p, map[string]string{"a": "a"})
}

func testDiscard(t *testing.T, p Place) {
	s := p.Open(t)
	files := raw(t, s, "", "a", "b", "c")
	check(t, s.Discard(t.Context(), files[:1]))
	check(t, s.Discard(t.Context(), files[:1])) // it is gone
	check(t, s.Publish(t.Context(), recorded(files[1:2])))
	check(t, s.Discard(t.Context(), files[1:2])) // it is published
	wantFiles(t, p, map[string]string{"b": "b"})
	wantSwept(t, p, 1)
}

func testSweep(t *testing.T, p Place) {
	s := p.Open(t)
	files := raw(t, s, "", "a", "b", "c")
	check(t, s.Publish(t.Context(), recorded(files[:1])))
	wantSwept(t, p, 2)
	wantSwept(t, p, 0)
	wantFiles(t, p, map[string]string{"a": "a"})
}

// testOrder: a file that can't be published keeps those behind it from being published, whose
// sidecars they may be.
func testOrder(t *testing.T, p Place) {
	s := p.Open(t)
	files := recorded(raw(t, s, "", "a", "b"))
	files[0].StagingID = "no ID of this sink"
	if err := s.Publish(t.Context(), files); err == nil {
		t.Error("a staging file that was never there counts as published")
	}
	wantFiles(t, p, map[string]string{})
}
