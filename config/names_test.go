package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAccountNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "attachd.yaml")
	write(t, filepath.Join(dir, "accounts.d", "file.yaml"), "host: h\n")
	write(t, filepath.Join(dir, "accounts.d", "other.yaml"), "name: own\n")
	write(t, filepath.Join(dir, "accounts.d", "broken.yaml"), "name: [\n")
	for text, want := range map[string][]string{
		"accounts: [{name: a}, {name: 0815}, {host: h}]\naccounts_dir: accounts.d\n": {"a", "0815", "broken", "file", "own"},
		"accounts: [{name: a, tls: 5}]\ninterval: {}\noops: 1\n":                     {"a"},
		"accounts: [{name: a}\n":           nil,
		"accounts: 5\n":                    nil,
		"x: &a [*a]\naccounts: *a\n":       nil,
		"accounts_dir: nothing\n":          nil,
		strings.Repeat("# long\n", 200000): nil,
		"":                                 nil,
	} {
		write(t, path, text)
		if got := AccountNames(path); !slices.Equal(got, want) {
			t.Errorf("%.60q names %q, want %q", text, got, want)
		}
	}
	if got := AccountNames(filepath.Join(dir, "nothing")); got != nil {
		t.Errorf("no file names %q", got)
	}
}

// BenchmarkAccountNames is what a shell waits for where there are as many accounts as are read.
func BenchmarkAccountNames(b *testing.B) {
	var text strings.Builder
	text.WriteString("output: /o\nstate: /s\naccounts:\n")
	for i := 0; text.Len() < maxNamedBytes-200; i++ {
		fmt.Fprintf(&text, "  - name: account%d\n    host: mx.example\n    username: u%d\n    password_file: secrets/%d\n", i, i, i)
	}
	path := filepath.Join(b.TempDir(), "attachd.yaml")
	write(b, path, text.String())
	for b.Loop() {
		if len(AccountNames(path)) < 1000 {
			b.Fatal("names are missing")
		}
	}
}
