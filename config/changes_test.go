package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestChanges: each key at the top level is named when it changes, also by a file that it refers
// to, and nothing is named when the file only looks otherwise.
func TestChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "attachd.yaml")
	secret := func(text string) { write(t, filepath.Join(dir, "secret"), text) }
	conf := func(text string) *Config {
		t.Helper()
		write(t, path, text)
		c, _, err := Load(path)
		try(t, err)
		return c
	}
	const account = "accounts: [{name: a, host: h, username: u, password: p}]\n"
	const text = "output: o\nstate: s\nhttp: {listen: 127.0.0.1:0, token_file: secret}\n" +
		"ping: https://a.example/1\nnotify: {to: [{ntfy: {url_file: secret}}]}\n" + account
	secret("https://ntfy.example/one-token-of-32-bytes")
	before := conf(text)
	if got := Changes(before, conf("# another look\n"+strings.Replace(text, "ping: https", "ping:   https", 1))); got != nil {
		t.Errorf("nothing changed, and got %q", got)
	}
	secret("https://ntfy.example/two-token-of-32-bytes")
	if got := strings.Join(Changes(before, conf(text)), " "); got != "http notify" {
		t.Errorf("another secret changes %q", got)
	}
	secret("https://ntfy.example/one-token-of-32-bytes")
	for change, want := range map[string]string{
		"interval: 1m\n":                            "interval",
		"max_concurrent: 3\n":                       "max_concurrent",
		"max_per_host: 3\n":                         "max_per_host",
		"file_mode: 0600\n":                         "file_mode",
		"folder_mode: 0770\n":                       "folder_mode",
		"group: scans\n":                            "group",
		"log: {level: warn}\n":                      "log",
		"limits: {depth: 7}\n":                      "limits",
		"metrics: {per_account: never}\n":           "metrics",
		"history: {items: 5000}\n":                  "history",
		"accounts_dir: " + filepath.Dir(dir) + "\n": "",
	} {
		if strings.HasPrefix(change, "accounts_dir") {
			try(t, os.Mkdir(filepath.Join(dir, "more"), 0o700))
			change, want = "accounts_dir: more\n", "accounts_dir"
		}
		if got := strings.Join(Changes(before, conf(text+change)), " "); got != want {
			t.Errorf("%q changes %q, want %q", change, got, want)
		}
	}
	for change, want := range map[string]string{
		"output: o|output: other":                           "output",
		"state: s|state: other":                             "state history",
		"listen: 127.0.0.1:0|listen: '[::1]:0'":             "http",
		"ping: https://a.example/1|ping: https://a.example": "ping",
		"password: p|password: p, ping: https://b.example":  "ping",
		"{to: [|{after: 1m, to: [":                          "notify",
		"password: p|password: other":                       "",
	} {
		from, to, _ := strings.Cut(change, "|")
		if got := strings.Join(Changes(before, conf(strings.Replace(text, from, to, 1))), " "); got != want {
			t.Errorf("%q changes %q, want %q", change, got, want)
		}
	}
	if got := len(Changes(nil, before)); got != 16 {
		t.Errorf("a start changes %d keys", got)
	}
}

// read returns the text of a file.
func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	try(t, err)
	return string(b)
}
