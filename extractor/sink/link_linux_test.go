package sink

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLinkedFolder: an operator may put the folder elsewhere by a link, and another user who can
// write beside it may not.
func TestLinkedFolder(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	link := filepath.Join(dir, "lab")
	check(t, os.Symlink(elsewhere, link))
	d := open1(t, link, Options{})
	deliver(t, d, stage(t, d, attached{"a", []byte("x")}))
	if got := names(t, elsewhere); len(got) != 1 {
		t.Errorf("files %q", got)
	}
	if err := os.Lchown(link, 12345, 12345); err != nil {
		t.Skipf("a link of another user can't be made: %v", err)
	}
	if _, err := Open(link, Options{}); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("error %v", err)
	}
}
