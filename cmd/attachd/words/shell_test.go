package words_test

import (
	"os/exec"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/words"
)

// TestShell: a shell reads back what was quoted, and what needs no quotes has none.
func TestShell(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"/etc/attachd/attachd.yaml": "/etc/attachd/attachd.yaml", "me@example.org": "me@example.org", "Büro": "Büro",
		"": "''", "a b": "'a b'", "~/x": "'~/x'", "$HOME": "'$HOME'", "it's": `'it'\''s'`, "a;b*\n`c`\\": "'a;b*\n`c`\\'",
	} {
		got := words.Shell(word)
		if got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
		back, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+got).Output()
		if err != nil || string(back) != word {
			t.Errorf("a shell reads %s as %q, %v", got, back, err)
		}
	}
}
