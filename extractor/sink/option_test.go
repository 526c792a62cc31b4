package sink

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/extractor"
)

// TestNoOption: no name is an option or a home folder to a script that works on the files.
func TestNoOption(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := open1(t, dir, Options{})
	var files []attached
	for _, name := range []string{"-rf", "--help", "~root", "-", "--", "~", "-~x.pdf", "a-b~c.pdf", "-rf"} {
		files = append(files, attached{name, nil})
	}
	deliver(t, d, stage(t, d, files...))
	deliver(t, d, stagePlan(t, d, Plan{Path: func(*extractor.Message, *extractor.Attachment) string { return "-o/~user/--x.pdf" }}, attached{"x", nil}))
	want := []string{"_", "_-2", "__", "__help", "__x.pdf", "_o/_user/__x.pdf", "_rf", "_rf-2", "_root", "a-b~c.pdf"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got := SafePath("~/-x"); got != "_/_x" {
		t.Errorf("SafePath: %q", got)
	}
}
