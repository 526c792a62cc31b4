package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// TestPowerCut cuts the power behind a poll: of the state, the disk has what it had after the last
// change that waited for it. The next poll delivers nothing twice and loses nothing, and what a
// consumer has taken meanwhile does not come again.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after string
		last  string // change that waits for the disk
		left  int    // messages on the server
	}{
		"keep":   {"keep", "stage", 3},
		"delete": {"delete", string(ledger.DeletePending), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const messages = 3
			s, dir := apptest.StartPop3test(t, apptest.Notes(messages)), t.TempDir()
			path, output := s.Config(t, dir, "after: "+test.after), filepath.Join(dir, "out", "lab")
			state := filepath.Join(dir, "state.db")
			var atCut map[string][]byte // the state's files, by suffix
			pollWith(t, path, func(step sqlite.Step, name string) error {
				if step != sqlite.StepCommitted || name != test.last {
					return nil
				}
				atCut = make(map[string][]byte)
				for _, suffix := range []string{"", "-wal"} {
					content, err := os.ReadFile(state + suffix)
					if err != nil {
						return err
					}
					atCut[suffix] = content
				}
				return nil
			})
			apptest.CheckNotes(t, output, messages)
			if atCut == nil {
				t.Fatalf("no change %q was made", test.last)
			}
			for suffix, content := range atCut {
				if err := os.WriteFile(state+suffix, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Remove(filepath.Join(output, "note.txt")); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if o, log := apptest.Once(t, path, ""); !wentWell(o) {
					t.Fatalf("%+v\n%s", o, log)
				}
				if found := apptest.NotesIn(t, output); len(found) != messages-1 {
					t.Errorf("the folder has %v, want what the consumer left", found)
				}
				if left := s.Left(); left != test.left {
					t.Errorf("%d messages are on the server, want %d", left, test.left)
				}
			}
		})
	}
}

// pollWith polls every account once, with a hook at each step of the state.
func pollWith(t *testing.T, path string, hook sqlite.Hook) {
	t.Helper()
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), app.Options{Config: c, Once: true, Hooks: app.Hooks{Ledger: hook}})
	if err != nil {
		t.Fatal(err)
	}
	o, err := a.RunOnce(t.Context())
	if err := errors.Join(err, a.Close()); err != nil || !wentWell(o) {
		t.Fatalf("%+v, %v", o, err)
	}
}
