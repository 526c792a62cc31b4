package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStatePath finds the state file as Load does, also where the rest of the file has faults.
func TestStatePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct{ text, want, fault string }{
		{"output: out\nstate: state.db\naccounts: []\n", filepath.Join(dir, "state.db"), ""},
		{"state: /var/../var/lib/state.db # where else\n", "/var/lib/state.db", ""},
		{"\xef\xbb\xbfstate: \"a b: c.db\"\r\n", filepath.Join(dir, "a b: c.db"), ""},
		{"accounts:\n  - state: no.db\n    name: x\nstate: yes.db\n", filepath.Join(dir, "yes.db"), ""},
		{"state: yes.db\naccounts:\n  - {name: [\n", filepath.Join(dir, "yes.db"), ""}, // being edited
		{`{"output": "out", "state": "json.db"}`, filepath.Join(dir, "json.db"), ""},
		{"x-state: &s shared.db\nstate: *s\n", filepath.Join(dir, "shared.db"), ""},
		{"state:\n  folded.db\n", filepath.Join(dir, "folded.db"), ""},
		{"output: out\n", "", "it names no state file"},
		{"{state", "", "yaml: "},
		{"", "", "it names no state file"},
	} {
		path := filepath.Join(dir, "attachd.yaml")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := StatePath(path)
		if got != test.want || (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%q: %q, %v; want %q, %q", test.text, got, err, test.want, test.fault)
		}
	}
	if _, err := StatePath(filepath.Join(dir, "missing.yaml")); err == nil || !strings.Contains(err.Error(), "missing.yaml") {
		t.Errorf("no file: %v", err)
	}
}
