package oauth

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinkedTokenFolder: tokens are not written to where a link leads.
func TestLinkedTokenFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(dir, "tokens")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	if err := (&Store{dir: link}).makeFolder(); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("error %v, want that it is a link", err)
	}
	if err := (&Store{dir: filepath.Join(dir, "folder")}).makeFolder(); err != nil {
		t.Error(err)
	}
}
