package manual_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/manual"
)

// TestEveryKeyHasItsText: each key of the types has a text that is whole, and each text a key.
func TestEveryKeyHasItsText(t *testing.T) {
	t.Parallel()
	var source struct {
		Keys, Sources map[string]any
	}
	text, err := os.ReadFile("keys.yaml")
	try(t, err)
	try(t, yaml.Unmarshal(text, &source))
	have := map[string]bool{}
	for _, e := range manual.Entries() {
		have[e.Path] = true
		section := e.Kind == config.KindSection || e.Kind == config.KindSections
		without := 0
		for _, given := range []bool{e.Default != "", e.Unset != "", e.Required} {
			if given {
				without++
			}
		}
		switch {
		case e.Title == "":
			t.Errorf("%s has no text: write one in keys.yaml", e.Path)
		case strings.HasSuffix(e.Title, "."):
			t.Errorf("%s: the title ends with a full stop", e.Path)
		case without != 1:
			t.Errorf("%s must have exactly one of default, unset and required", e.Path)
		case section != (e.Example == ""):
			t.Errorf("%s must have an example, unless it is a section", e.Path)
		case len(e.Meanings) > 0 && !slices.Equal(slices.Sorted(maps.Keys(e.Meanings)), slices.Sorted(slices.Values(e.Words))):
			t.Errorf("%s: words says what %q mean, and the key takes %q", e.Path, slices.Sorted(maps.Keys(e.Meanings)), e.Words)
		}
		for line := range strings.SplitSeq(e.Text, "\n") {
			if utf8.RuneCountInString(line) > 110 {
				t.Errorf("%s: a line of the text is too long: %s", e.Path, line)
			}
		}
	}
	for path := range source.Keys {
		if !have[path] {
			t.Errorf("keys.yaml explains %s, which is no key", path)
		}
	}
	if len(source.Sources) != 4 {
		t.Errorf("a secret has %d places beside its own key, and keys.yaml explains %d", 4, len(source.Sources))
	}
}

// TestDefaultsAreShared: a key of defaults is one of an account, which has the text.
func TestDefaultsAreShared(t *testing.T) {
	t.Parallel()
	paths := map[string]bool{}
	shared := 0
	for _, k := range config.Flat(config.Keys()) {
		paths[k.Path] = true
	}
	for path := range paths {
		if below, ok := strings.CutPrefix(path, "defaults."); ok {
			shared++
			if !paths["accounts[]."+below] {
				t.Errorf("%s is no key of an account", path)
			}
		}
	}
	if shared < 40 {
		t.Errorf("defaults has %d keys, which can't be all", shared)
	}
}

// TestExamples loads the example of every key, alone and with what it needs.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, e := range manual.Entries() {
		if e.Example == "" || strings.Contains(e.Example, "…") {
			continue
		}
		if _, err := given(t, e, e.Example); err != nil {
			t.Errorf("the example of %s: %v", e.Path, err)
		}
	}
}

// TestDefaults: with a key at its default, all is as without the key.
func TestDefaults(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, e := range manual.Entries() {
		if e.Default == "" {
			continue
		}
		checked++
		without, err := given(t, e, "")
		if err != nil {
			t.Errorf("without %s: %v", e.Path, err)
			continue
		}
		with, err := given(t, e, e.Default)
		if err != nil {
			t.Errorf("the default of %s: %v", e.Path, err)
			continue
		}
		if !same(without, with) {
			t.Errorf("%s: %s is not what the loader gives:\n%s", e.Path, e.Default, cmp.Diff(inForce(without), inForce(with)))
		}
		other, err := given(t, e, e.Example)
		if err == nil && same(other, with) && e.Example != e.Default {
			t.Errorf("%s: its example makes no difference, so this test can't find a wrong default", e.Path)
		}
	}
	if checked < 40 {
		t.Errorf("%d keys have a default, which can't be all", checked)
	}
}

// TestBounds tries the bounds of numbers, and 0 where there are none.
func TestBounds(t *testing.T) {
	t.Parallel()
	try := func(e manual.Entry, value string, want bool) {
		_, err := given(t, e, value)
		if got := err == nil || !strings.Contains(err.Error(), ": must "); got != want {
			t.Errorf("%s: %s is allowed: %t, and the manual says %t: %v", e.Path, value, got, want, err)
		}
	}
	for _, e := range manual.Entries() {
		switch e.Kind {
		case config.KindInt, config.KindDuration, config.KindSize:
		default:
			continue
		}
		if e.Min == "" {
			try(e, "0", true)
			continue
		}
		try(e, e.Min, true)
		try(e, less(t, e), false)
		if e.Max == "" {
			continue
		}
		try(e, e.Max, true)
		n, err := strconv.Atoi(e.Max)
		if err != nil {
			t.Fatal(err)
		}
		try(e, strconv.Itoa(n+1), false)
	}
}

// less is the greatest value below the least that is allowed.
func less(t *testing.T, e manual.Entry) string {
	t.Helper()
	switch e.Kind {
	case config.KindDuration:
		d, err := config.ParseDuration(e.Min)
		try(t, err)
		return config.FormatDuration(d - 1e6)
	case config.KindSize:
		s, err := config.ParseSize(e.Min)
		try(t, err)
		return (s - 1).String()
	}
	n, err := strconv.Atoi(e.Min)
	try(t, err)
	return strconv.Itoa(n - 1)
}

// TestWords loads every word of every choice.
func TestWords(t *testing.T) {
	t.Parallel()
	for _, e := range manual.Entries() {
		if e.Kind != config.KindWord {
			continue
		}
		for _, word := range e.Words {
			if _, err := given(t, e, strconv.Quote(word)); err != nil && strings.Contains(err.Error(), "must be") {
				t.Errorf("%s: %s: %v", e.Path, word, err)
			}
		}
		if _, err := given(t, e, "anything"); err == nil || !strings.Contains(err.Error(), "must be") {
			t.Errorf("%s takes any word: %v", e.Path, err)
		}
	}
}

// TestFind: a name finds the keys that end in it, and a misspelt one what was meant.
func TestFind(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"output":                 "output accounts[].output",
		"tls.ca_file":            "accounts[].tls.ca_file",
		"ca_file":                "notify.to[].mail.ca_file accounts[].tls.ca_file",
		"accounts[0].tls.mode":   "accounts[].tls.mode",
		"defaults.tls.mode":      "accounts[].tls.mode",
		"accounts.exclude.name":  "accounts[].include[].name",
		"notify.to[].mail":       "notify.to[].mail",
		"Password_File":          "notify.to[].mail.password_file accounts[].password_file",
		"http":                   "http",
		"pasword_file":           "? password_file",
		"tls.cafile":             "? tls.ca_file",
		"quarantine.max_byte":    "? quarantine.max_bytes",
		"nothing-like-it-at-all": "?",
	} {
		found, near := manual.Find(name)
		var got []string
		for _, e := range found {
			got = append(got, e.Path)
		}
		if len(got) == 0 {
			got = append([]string{"?"}, near[:min(1, len(near))]...)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s finds %q, want %q", name, text, want)
		}
	}
}

// TestSnippet: an example stands where it belongs.
func TestSnippet(t *testing.T) {
	t.Parallel()
	for _, e := range manual.Entries() {
		var tree map[string]any
		if err := yaml.Unmarshal([]byte(e.Snippet()), &tree); err != nil || (e.Example == "") != (len(tree) == 0) {
			t.Errorf("%s: %v:\n%s", e.Path, err, e.Snippet())
		}
	}
}

// given loads a small configuration with one key at a value, in YAML, or without it if there is
// none, and with the keys that it needs.
func given(t *testing.T, e manual.Entry, value string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	try(t, os.Mkdir(filepath.Join(dir, "accounts.d"), 0o700))
	try(t, os.WriteFile(filepath.Join(dir, "http.token"), []byte(strings.Repeat("x", 40)), 0o600))
	account := map[string]any{"name": "a", "host": "localhost", "username": "u", "password": "p"}
	tree := map[string]any{"output": "/out", "state": "/state", "accounts": []any{account}}
	switch {
	case strings.HasPrefix(e.Path, "accounts[].oauth"):
		delete(account, "password")
		account["auth"] = "xoauth2"
		account["oauth"] = map[string]any{
			"provider": "custom", "grant": "authorization_code", "client_id": "i",
			"token_url": "https://a.example/t", "auth_url": "https://a.example/a", "client_secret_env": "X",
		}
	case e.Secret == "password" && strings.HasPrefix(e.Path, "accounts[]"), strings.HasPrefix(e.Path, "accounts[].token_"):
		delete(account, "password")
	case strings.HasPrefix(e.Path, "notify.to[]"):
		target := map[string]any{"ntfy": map[string]any{"url": "https://a.example/t"}}
		for kind, minimal := range map[string]map[string]any{
			"mail":     {"host": "h.example", "from": "a@example.org", "to": "b@example.org"},
			"webhook":  {"url": "https://a.example/t"},
			"shoutrrr": {"url": "telegram://t@telegram"},
		} {
			if strings.HasPrefix(e.Path, "notify.to[]."+kind) {
				target = map[string]any{kind: minimal}
			}
		}
		tree["notify"] = map[string]any{"to": []any{target}}
	}
	section := parent(tree, e.Path)
	for _, suffix := range []string{"", "_file", "_env", "_command", "_credential"} {
		if e.Secret != "" && !e.Required || value != "" {
			delete(section, e.Secret+suffix)
		}
	}
	for _, need := range e.Needs {
		name, needed, _ := strings.Cut(need, ": ")
		section[name] = parsed(t, needed)
		if needed == "service_account" {
			delete(section, "client_id")
			delete(section, "client_secret_env")
		}
	}
	if value != "" {
		section[e.Name] = parsed(t, value)
	}
	text, err := yaml.Marshal(tree)
	try(t, err)
	path := filepath.Join(dir, "attachd.yaml")
	try(t, os.WriteFile(path, text, 0o600))
	c, _, err := config.Load(path)
	return c, err
}

// parent returns the mapping that a key stands in, and makes what is missing on the way.
func parent(tree map[string]any, path string) map[string]any {
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		name, list := strings.CutSuffix(name, "[]")
		if list {
			entries, _ := tree[name].([]any)
			if entries == nil {
				entries = []any{map[string]any{}}
				tree[name] = entries
			}
			tree = entries[0].(map[string]any)
			continue
		}
		below, _ := tree[name].(map[string]any)
		if below == nil {
			below = map[string]any{}
			tree[name] = below
		}
		tree = below
	}
	return tree
}

func parsed(t *testing.T, value string) any {
	t.Helper()
	var v any
	try(t, yaml.Unmarshal([]byte(value), &v))
	return v
}

// same reports whether the same is in force. Settings have values for what other packages take zero
// for; accounts have what is no setting where it is zero.
func same(a, b *config.Config) bool {
	return inForce(a) == inForce(b) || a.Accounts[0] == b.Accounts[0] && text(a.Settings()) == text(b.Settings())
}

// inForce lists all settings.
func inForce(c *config.Config) string { return text(append(c.Settings(), c.AccountSettings("a")...)) }

func text(settings []config.Setting) string {
	var b strings.Builder
	for _, s := range settings {
		b.WriteString(s.Key + ": " + s.Value + "\n")
	}
	return b.String()
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
