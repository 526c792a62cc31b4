package wiring

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/delivery/sinktest"
)

// folderPlace is the output folder of an account.
type folderPlace struct {
	dir    string
	output delivery.Output
}

func (p folderPlace) Open(t *testing.T) delivery.Sink {
	t.Helper()
	s, err := p.output.OpenSink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (p folderPlace) Files(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := fs.WalkDir(os.DirFS(p.dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasPrefix(path, ".staging/") {
			return err
		}
		body, err := os.ReadFile(filepath.Join(p.dir, path))
		all[path] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFolderIsASink: a folder does all that the fetcher counts on.
func TestFolderIsASink(t *testing.T) {
	t.Parallel()
	sinktest.Test(t, func(t *testing.T) sinktest.Place {
		dir := filepath.Join(t.TempDir(), "hans")
		return folderPlace{dir, new(settings).output("hans", dir, nil)}
	})
}

// TestCopies: the fetcher asks for the room of a copy exactly where the sink writes one.
func TestCopies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw   config.Raw
		after config.After
		want  delivery.Copies
	}{
		{config.RawNever, config.AfterKeep, delivery.NoCopies},
		{config.RawNever, config.AfterDelete, delivery.CopiesInDoubt},
		{config.RawProblems, config.AfterKeep, delivery.CopiesInDoubt},
		{config.RawProblems, config.AfterDelete, delivery.CopiesInDoubt},
		{config.RawAlways, config.AfterKeep, delivery.CopiesAlways},
		{config.RawAlways, config.AfterDelete, delivery.CopiesAlways},
	} {
		s := settings{files: config.Files{Raw: tt.raw}, after: tt.after}
		if got := s.output("hans", t.TempDir(), nil).Copies; got != tt.want {
			t.Errorf("raw: %s, after: %s: %d, want %d", tt.raw, tt.after, got, tt.want)
		}
	}
}
