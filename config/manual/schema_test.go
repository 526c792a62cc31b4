package manual_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/manual"
)

var update = flag.Bool("update", false, "write deploy/attachd.schema.json")

const committed = "../../deploy/attachd.schema.json"

// TestSchemaIsCurrent: what is committed is what attachd schema prints.
func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	if *update {
		try(t, os.WriteFile(committed, manual.Schema(), 0o644))
	}
	text, err := os.ReadFile(committed)
	try(t, err)
	if !bytes.Equal(text, manual.Schema()) {
		t.Error("deploy/attachd.schema.json is old: go test ./config/manual -run TestSchemaIsCurrent -update")
	}
}

// compiled compiles a schema, which checks it against the meta-schema.
func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	try(t, err)
	c := jsonschema.NewCompiler()
	c.AssertVocabs()
	try(t, c.AddResource("schema.json", doc))
	s, err := c.Compile("schema.json")
	try(t, err)
	return s
}

// validate holds a text in YAML to a schema, as an editor would.
func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var doc yaml.Node
	try(t, yaml.Unmarshal([]byte(text), &doc))
	asJSON(&doc)
	var v any
	try(t, doc.Decode(&v))
	b, err := json.Marshal(v)
	try(t, err)
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(b))
	try(t, err)
	return s.Validate(v)
}

// asJSON turns what only YAML 1.1 has a type for into texts, as YAML 1.2 and editors have it.
func asJSON(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!timestamp" || n.ShortTag() == "!!binary") {
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	}
	for _, below := range n.Content {
		asJSON(below)
	}
}

// loads reports whether the loader takes a text as a configuration. Files that it names are not
// there.
func loads(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	try(t, os.Mkdir(filepath.Join(dir, "accounts.d"), 0o700))
	path := filepath.Join(dir, "attachd.yaml")
	try(t, os.WriteFile(path, []byte(text), 0o600))
	c, _, err := config.Load(path)
	return c, err
}

// TestSchemaTakesWhatLoads holds the schema to everything in the repository that the loader takes:
// the example, what the pages show, the scripts' files, and every text in a test of Go that is a
// configuration.
func TestSchemaTakesWhatLoads(t *testing.T) {
	t.Parallel()
	s := compiled(t, manual.Schema())
	taken := map[string]int{}
	for name, texts := range configurations(t) {
		for _, text := range texts {
			if _, err := loads(t, text); err != nil {
				continue
			}
			taken[strings.Split(name, "/")[2]]++
			if err := validate(t, s, text); err != nil {
				t.Errorf("%s: the schema refuses what loads: %v\n%.2000s", name, err, text)
			}
		}
	}
	t.Log(taken)
	for from, least := range map[string]int{"deploy": 10, "cmd": 40, "config": 10} {
		if taken[from] < least {
			t.Errorf("%d configurations of %s load, which can't be all", taken[from], from)
		}
	}
}

// configurations are the texts of the repository that may be configurations, by file.
func configurations(t *testing.T) map[string][]string {
	t.Helper()
	texts := map[string][]string{}
	try(t, filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && len(d.Name()) > 2 {
				return filepath.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		switch {
		case strings.HasSuffix(path, "_test.go"):
			texts[path] = literals(t, path, text)
		case strings.HasSuffix(path, ".txtar"):
			for _, part := range regexp.MustCompile(`(?m)^-- .+ --\n`).Split(string(text), -1) {
				texts[path] = append(texts[path], strings.ReplaceAll(part, "PORT", "995"))
			}
		case strings.HasSuffix(path, ".md"):
			texts[path] = shown(string(text))
		case strings.HasSuffix(path, ".yaml"), strings.HasSuffix(path, ".yml"):
			texts[path] = []string{string(text)}
		}
		return nil
	}))
	return texts
}

// literals are the constant texts of a Go file that mention accounts.
func literals(t *testing.T, path string, source []byte) (texts []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, 0)
	try(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil && strings.Contains(text, "accounts:") {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

// shown are the pieces of configuration of a page, with what is missing around them.
func shown(page string) (texts []string) {
	const rest, account = "output: /o\nstate: /s\n", "accounts: [{name: a, host: h, username: u, password: p}]\n"
	for _, m := range regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(page, -1) {
		text := regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], "")
		texts = append(texts, text, rest+text, rest+text+account, rest+"accounts:\n"+text,
			rest+account+"defaults:\n  "+strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")+"\n")
	}
	return texts
}

// structural are faults that the schema finds, too.
var structural = regexp.MustCompile(`: (unknown key|must be a mapping|must be a list|must be a single value|must be true or false|` +
	`must be a whole number|must be a duration|has no value|must be (keep|auto|implicit|1\.2|named|skip|ask|never) or |must be \w+, .*, not |` +
	`must be a size|.* needs a unit|missing: the (folder|file)|.* has \d sources)`)

// TestSchemaRefuses: each file of config/testdata/bad with a structural fault is refused.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := compiled(t, manual.Schema())
	cases, err := filepath.Glob("../testdata/bad/*.txtar")
	try(t, err)
	refused := 0
	for _, path := range cases {
		text, err := os.ReadFile(path)
		try(t, err)
		parts := regexp.MustCompile(`(?m)^-- .+ --\n`).Split(string(text), -1)
		if len(parts) != 3 || yaml.Unmarshal([]byte(parts[1]), new(any)) != nil {
			continue // more than one file, or no YAML at all
		}
		if fault := structural.FindString(parts[2]); fault != "" {
			refused++
			if validate(t, s, parts[1]) == nil {
				t.Errorf("%s: the schema does not see%s\n%s", path, fault, parts[2])
			}
		}
	}
	if refused < 15 {
		t.Errorf("%d cases have a structural fault, which can't be all", refused)
	}
}

// TestSchemaRefusesOne has one fault in a file that is good otherwise.
func TestSchemaRefusesOne(t *testing.T) {
	t.Parallel()
	s := compiled(t, manual.Schema())
	const good = "output: /o\nstate: /s\nx-own: [1]\nhttp: {listen: 127.0.0.1:9110}\nnotify: {to: [{ntfy: {url: https://a.example}}]}\n" +
		"accounts: [{name: a, host: h, username: 0815, password: 4711, interval: 0, min_version: 1}]\n"
	const account = "accounts: [{name: a, host: h, username: 0815, password: 4711, tls: {min_version: 1.2}, start: 30d, x-note: {a: 1}}]\n"
	head := strings.SplitAfter(good, "accounts:")[0]
	head = strings.TrimSuffix(head, "accounts:")
	try(t, validate(t, s, head+account))
	for _, c := range []struct{ what, old, new string }{
		{"an unknown key", "name: a", "name: a, hots: h"},
		{"an unknown key above", "state: /s", "state: /s\nstat: /s"},
		{"an unknown word", "start: 30d", "after: remove"},
		{"a number for a list", "start: 30d", "token_command: 5"},
		{"a duration without a unit", "start: 30d", "interval: 5"},
		{"a duration with a strange unit", "start: 30d", "interval: 5y"},
		{"units in the wrong order", "start: 30d", "interval: 5s5m"},
		{"an empty duration", "start: 30d", `interval: ""`},
		{"a size with a strange unit", "start: 30d", "min_free: 5Mb"},
		{"a port that is none", "start: 30d", "port: 70000"},
		{"two places of a password", "start: 30d", "password_file: x"},
		{"no password", "password: 4711, ", ""},
		{"a password with a token", "start: 30d", "auth: xoauth2"},
		{"no host", "host: h, ", ""},
		{"no name", "name: a, ", ""},
		{"no username", "username: 0815, ", ""},
		{"no accounts", "accounts:", "x-accounts:"},
		{"no output", "output: /o\n", ""},
		{"two kinds of a receiver", "ntfy: {", "webhook: {url: x}, ntfy: {"},
		{"no kind of a receiver", "{ntfy: {url: https://a.example}}", "{accounts: [a]}"},
		{"no URL", "ntfy: {url: https://a.example}", "ntfy: {token: x}"},
		{"a token of a page that is nowhere", "listen: 127.0.0.1:9110", "token_file: x"},
		{"an empty rule", "start: 30d", "include: [{}]"},
		{"an old version of TLS", "min_version: 1.2", "min_version: 1.1"},
		{"executable files", "state: /s", "state: /s\nfile_mode: \"0999\""},
		{"a proxy without a scheme", "start: 30d", "proxy: localhost:1080"},
		{"null for a text", "start: 30d", "path: ~"},
	} {
		bad := strings.Replace(head+account, c.old, c.new, 1)
		if bad == head+account {
			t.Errorf("%s: nothing was replaced", c.what)
		}
		if validate(t, s, bad) == nil {
			t.Errorf("the schema takes %s:\n%s", c.what, bad)
		}
		if _, err := loads(t, bad); err == nil {
			t.Errorf("the loader takes %s, and the schema does not:\n%s", c.what, bad)
		}
	}
}

// TestAccountSchema: a file of accounts_dir needs no name, and host and password may come from
// defaults.
func TestAccountSchema(t *testing.T) {
	t.Parallel()
	s := compiled(t, manual.AccountSchema())
	try(t, validate(t, s, "username: u\n"))
	try(t, validate(t, s, "name: a\nhost: h\nusername: u\npassword_file: x\n"))
	for _, bad := range []string{"accounts: []\n", "host: h\n", "username: u\npassword: a\npassword_env: b\n"} {
		if validate(t, s, bad) == nil {
			t.Errorf("the schema takes %s", bad)
		}
	}
}

// TestPatterns: a pattern takes what the parser takes.
func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0", "5", "5s", "5m", "5ms", "1h30m", "1w2d3h4m5s6ms", "5m5m", "5s5m", "", "m", "1.5h", "-1s", "30d", "5y", "5 m", "00", "0s",
		"1B", "5kB", "5KB", "5MB", "5GB", "5TB", "5KiB", "5MiB", "5GiB", "5TiB", "5kiB", "5Mb", "5 MB", "5  MB", "1.5MB", "5mb", "5 ", "-5",
	} {
		_, err := config.ParseDuration(text)
		if got := text != "" && regexp.MustCompile(config.KindDuration.Pattern()).MatchString(text); got != (err == nil) {
			t.Errorf("%q matches the pattern of durations: %t; the parser: %v", text, got, err)
		}
		_, err = config.ParseSize(text)
		if got := regexp.MustCompile(config.KindSize.Pattern()).MatchString(text); got != (err == nil) {
			t.Errorf("%q matches the pattern of sizes: %t; the parser: %v", text, got, err)
		}
	}
}

// TestModeline: the example begins with it.
func TestModeline(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/attachd.example.yaml")
	try(t, err)
	if first, _, _ := strings.Cut(string(text), "\n"); first != manual.Modeline {
		t.Errorf("the example begins with %q, want %q", first, manual.Modeline)
	}
	if !bytes.Contains(manual.Schema(), []byte(`"$id": "`+strings.SplitAfter(manual.Modeline, "$schema=")[1]+`"`)) {
		t.Error("the modeline names another schema")
	}
}
