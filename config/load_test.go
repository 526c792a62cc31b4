package config

import (
	"crypto/tls"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the cases of testdata give into them")

// fixture is a test case in the txtar format: a comment, then files, each below a line with its
// name.
type fixture struct {
	comment string
	files   []fixtureFile // the last one is what is wanted
}

type fixtureFile struct{ name, text string }

func parseFixture(text string) fixture {
	parts := regexp.MustCompile(`(?m)^-- (.+) --\n`).FindAllStringSubmatchIndex(text, -1)
	f := fixture{comment: text[:parts[0][0]]}
	for i, p := range parts {
		end := len(text)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		f.files = append(f.files, fixtureFile{text[p[2]:p[3]], text[p[1]:end]})
	}
	return f
}

func (f fixture) String() string {
	text := f.comment
	for _, file := range f.files {
		text += "-- " + file.name + " --\n" + file.text
	}
	return text
}

// messages gives what Load says of a file in dir, as a user in that folder would see it.
func messages(dir, name string) string {
	_, warnings, err := Load(filepath.Join(dir, name))
	var b strings.Builder
	for _, w := range warnings {
		b.WriteString("warning (" + string(w.Kind) + "): " + w.String() + "\n")
	}
	if err != nil {
		b.WriteString(err.Error() + "\n")
	}
	return strings.ReplaceAll(b.String(), dir+"/", "")
}

// unpack writes the files of a case, except what is wanted, for the owner alone to read.
func unpack(t *testing.T, f fixture) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, file := range f.files {
		if file.name != "want" {
			write(t, filepath.Join(dir, file.name), file.text)
		}
	}
	return dir
}

// TestLoadBad compares all that is said of each file of testdata/bad, one per rule.
func TestLoadBad(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			try(t, err)
			f := parseFixture(string(text))
			dir := unpack(t, f)
			got := messages(dir, "attachd.yaml")
			want := &f.files[len(f.files)-1]
			if want.name != "want" {
				t.Fatal("the case does not end with what is wanted")
			}
			if *update {
				want.text = got
				write(t, path, f.String())
			}
			if diff := cmp.Diff(want.text, got); diff != "" {
				t.Errorf("messages differ (-want +got):\n%s", diff)
			}
			if c, _, err := Load(filepath.Join(dir, "attachd.yaml")); c != nil || !errors.As(err, new(Problems)) {
				t.Errorf("Load gives config %v and error of type %T, want none and Problems", c != nil, err)
			}
			if strings.Contains(got, "hunter") {
				t.Errorf("a message holds a password:\n%s", got)
			}
		})
	}
}

// load1 loads a configuration that has to be good, from a file only its owner can read.
func load1(t *testing.T, text string) (*Config, []Warning) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	write(t, path, text)
	c, w, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c, w
}

func TestLoadExample(t *testing.T) {
	t.Parallel()
	c, _, err := Load("../deploy/attachd.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Accounts); got != 5 {
		t.Errorf("got %d accounts, want 5", got)
	}
	a := c.Accounts[0]
	want := Account{
		Name:     "hans",
		Endpoint: Endpoint{Host: "mx.freenet.de", Port: 995, TLS: TLS{Mode: TLSImplicit, MinVersion: tls.VersionTLS12}},
		Login:    Login{Username: "hans", Password: FileSecret("/etc/attachd/secrets/hans"), Auth: AuthAuto},
		After:    AfterKeep, Duplicates: DuplicatesKeep, Attempts: DefaultAttempts, Interval: 5 * time.Minute, Jitter: 30 * time.Second,
		Output: "/var/lib/attachd/attachments/hans", Enabled: true, Permissions: Permissions{FileMode: DefaultFileMode},
		Files: a.Files, Policy: a.Policy, Quarantine: Quarantine{MaxBytes: 1 << 30}, Secrets: a.Secrets,
	}
	if a != want {
		t.Errorf("first account: got %+v, want %+v", a, want)
	}
	if got := c.Accounts[1].DeleteAfter; got != 30*24*time.Hour {
		t.Errorf("delete_after: got %s, want 30 days", got)
	}
}

// TestExampleNamesEveryKey keeps the example from falling behind: each key stands in it, if only in
// a comment.
func TestExampleNamesEveryKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../deploy/attachd.example.yaml")
	try(t, err)
	for _, section := range []any{&rawConfig{}, &rawAccount{}, &rawTLS{}, &rawOAuth{}, &rawLog{}, &rawLimits{}} {
		for key := range keys(section) {
			if !strings.Contains(string(text), key+":") {
				t.Errorf("the example does not mention %s", key)
			}
		}
	}
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	c, warnings := load1(t, "output: out\nstate: db\naccounts:\n- {name: a, host: h, username: u, password: x}\n")
	if len(warnings) > 0 {
		t.Errorf("warnings: %v", warnings)
	}
	dir := filepath.Dir(c.State)
	if want := filepath.Join(dir, "out"); c.Output != want {
		t.Errorf("output: got %s, want %s", c.Output, want)
	}
	if c.Interval != DefaultInterval || c.MaxConcurrent != DefaultMaxConcurrent || c.MaxPerHost != DefaultMaxPerHost ||
		c.FileMode != DefaultFileMode || c.Log != (Log{LevelInfo, FormatAuto}) || c.Limits != (Limits{}) || c.AccountsDir != "" {
		t.Errorf("defaults: %+v", c)
	}
	want := Account{
		Name:       "a",
		Endpoint:   Endpoint{Host: "h", Port: 995, TLS: TLS{Mode: TLSImplicit, MinVersion: tls.VersionTLS12}},
		Login:      Login{Username: "u", Password: InlineSecret("x"), Auth: AuthAuto},
		After:      AfterKeep,
		Duplicates: DuplicatesKeep, Attempts: DefaultAttempts, Interval: DefaultInterval, Jitter: DefaultInterval / 10, Output: filepath.Join(dir, "out", "a"),
		Enabled: true, Permissions: Permissions{FileMode: DefaultFileMode},
		Files:      Files{InlineImages: InlineNamed, Raw: RawNever, Noise: NoiseKeep, Extension: ExtensionAsSent},
		Policy:     Policy{Oversize: OversizeSkip, MinFree: DefaultMinFree, UIDLChange: UIDLChangeAsk, Delete: DeleteWithFiles},
		Quarantine: Quarantine{MaxBytes: DefaultQuarantineBytes}, Secrets: c.Accounts[0].Secrets,
	}
	if got := c.Accounts[0]; got != want {
		t.Errorf("account: got %+v, want %+v", got, want)
	}
}

func TestLoadMergesDefaultsAndAnchors(t *testing.T) {
	t.Parallel()
	c, _ := load1(t, "\ufeff"+`
x-own: &own {auth: plain, interval: 1m, x-note: [1, {a: b}]}
output: /o
state: /s
defaults:
  host: mx.example
  after: delete
  delete_after: 2w
  tls: {mode: starttls, server_name: inner.example, min_version: 1.3}
accounts:
  - {name: a, username: a, password: x}
  - {name: b, username: b, password: x, after: keep, tls: {server_name: other.example}}
  - {name: c, username: c, password: x, host: localhost, tls: {mode: none}, <<: *own}
  - {<<: [*own, {auth: apop, port: 1}], name: d, username: d, password: x, interval: 2m}
`[1:])
	type row struct {
		Host, ServerName   string
		Port               int
		Auth               Auth
		After              After
		DeleteAfter, Every time.Duration
		Mode               TLSMode
		Min                uint16
	}
	var got []row
	for _, a := range c.Accounts {
		got = append(got, row{a.Host, a.TLS.ServerName, a.Port, a.Auth, a.After, a.DeleteAfter, a.Interval, a.TLS.Mode, a.TLS.MinVersion})
	}
	const twoWeeks = 14 * 24 * time.Hour
	want := []row{
		{"mx.example", "inner.example", 110, AuthAuto, AfterDelete, twoWeeks, DefaultInterval, TLSStartTLS, tls.VersionTLS13},
		{"mx.example", "other.example", 110, AuthAuto, AfterKeep, 0, DefaultInterval, TLSStartTLS, tls.VersionTLS13},
		{"localhost", "", 110, AuthPlain, AfterDelete, twoWeeks, time.Minute, TLSNone, 0},
		{"mx.example", "inner.example", 1, AuthPlain, AfterDelete, twoWeeks, 2 * time.Minute, TLSStartTLS, tls.VersionTLS13},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accounts differ (-want +got):\n%s", diff)
	}
}

// TestLoadKeepsText has what YAML libraries make numbers, dates and booleans of.
func TestLoadKeepsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0123": "0123", "1e5": "1e5", "yes": "yes", "0x10": "0x10", "2026-11-23": "2026-11-23", "a:b": "a:b", "ab#cd": "ab#cd",
		`'a''b'`: "a'b", `"a\tb"`: "a\tb", "$HOME ${x} $$": "$HOME ${x} $$", "grün": "grün", "!!str ~": "~", "|\n    block\n": "block",
		"&anchor text": "text", `"two \
      parts"`: "two parts",
	} {
		c, _ := load1(t, "output: o\nstate: s\naccounts:\n- name: a\n  host: h\n  username: u\n  password: "+text+"\n")
		got, err := c.Accounts[0].Password.Resolve(t.Context())
		if err != nil || string(got) != want {
			t.Errorf("password: %s: got %q, %v, want %q", text, string(got), err, want)
		}
	}
}

func TestLoadAccountsDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "attachd.yaml"), "output: out\nstate: db\naccounts_dir: accounts.d/\n"+
		"defaults: {host: mx.example, tls: {ca_file: ca.pem}}\n"+
		"accounts:\n- {name: inline, username: i, password: x}\n")
	write(t, filepath.Join(dir, "accounts.d", "b@example.org.yaml"), "username: b\npassword_file: b.secret\n")
	write(t, filepath.Join(dir, "accounts.d", "a.yml"), "username: a\nname: other\npassword_command: [./tool, b.secret]\ntls: {ca_file: own.pem}\n")
	write(t, filepath.Join(dir, "accounts.d", "..data", "c.yaml"), "not looked at")
	c, _, err := Load(filepath.Join(dir, "attachd.yaml"))
	try(t, err)
	type row struct {
		Name     string
		Password SecretRef
		CAFile   string
	}
	var got []row
	for _, a := range c.Accounts {
		got = append(got, row{a.Name, a.Password, a.TLS.CAFile})
	}
	below := func(name string) string { return filepath.Join(dir, "accounts.d", name) }
	want := []row{
		{"inline", InlineSecret("x"), filepath.Join(dir, "ca.pem")},
		{"other", CommandSecret(below("tool"), "b.secret"), below("own.pem")},
		{"b@example.org", FileSecret(below("b.secret")), filepath.Join(dir, "ca.pem")},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b SecretRef) bool { return a == b })); diff != "" {
		t.Errorf("accounts differ (-want +got):\n%s", diff)
	}
}

func TestLoadEmptyAccountsDirIsAWarning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	try(t, os.Mkdir(filepath.Join(dir, "accounts.d"), 0o700))
	write(t, filepath.Join(dir, "attachd.yaml"), "output: out\nstate: db\naccounts_dir: accounts.d\n")
	const want = "warning (no-accounts): attachd.yaml:3:15: accounts_dir: no accounts yet; attachd init or attachd account add makes one\n"
	if got := messages(dir, "attachd.yaml"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, _, err := Load(filepath.Join(dir, "attachd.yaml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an fs.ErrNotExist", err)
	}
	if got, want := messages(dir, "attachd.yaml"), "attachd.yaml: read: no such file or directory\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadBoundsMerging(t *testing.T) {
	t.Parallel()
	// Each level merges the one before twelve times over: 12^9 keys if nothing stopped it.
	text := "output: o\nstate: s\nx-0: &m0 {auth: apop}\n"
	for i := range 9 {
		m := "*m" + string(rune('0'+i))
		text += "x-" + string(rune('1'+i)) + ": &m" + string(rune('1'+i)) + " {<<: [" + strings.Repeat(m+", ", 11) + m + "]}\n"
	}
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	write(t, path, text+"accounts:\n- {<<: *m9, name: a, host: h, username: u, password: x}\n")
	_, _, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), "expand to too many") {
		t.Errorf("got %v, want a complaint about the merge keys", err)
	}
}

func TestLoadTooLarge(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	write(t, path, "#"+strings.Repeat(" ", maxConfigBytes))
	if _, _, err := Load(path); err == nil || !strings.Contains(err.Error(), "more than 16384 KiB") {
		t.Errorf("got %v, want a complaint about the size", err)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "attachd.yaml")
	head := "output: o\nstate: s\naccounts:\n"
	account := func(name, more string) string {
		return "- {name: " + name + ", host: h, username: " + name + ", " + more + "}\n"
	}
	conf := func(text string) *Config {
		write(t, path, text)
		c, _, err := Load(path)
		try(t, err)
		return c
	}
	write(t, filepath.Join(dir, "secret"), "old")
	before := conf(head + account("same", "password: x") + account("rotated", "password_file: secret") + account("gone", "password: x") +
		account("off", "password: x") + account("other", "password: x"))
	write(t, filepath.Join(dir, "secret"), "new")
	after := conf(head + account("new", "password: x") + account("rotated", "password_file: secret") + account("same", "password: 'x'") +
		account("off", "password: x, enabled: false") + account("other", "password: y"))
	names := func(as []Account) string {
		var out []string
		for _, a := range as {
			out = append(out, a.Name)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		name                    string
		old, updated            *Config
		added, removed, changed string
	}{
		{"edited", before, after, "new", "gone off", "rotated other"},
		{"equal", after, after, "", "", ""},
		{"started", nil, after, "new rotated same other", "", ""},
		{"stopped", after, nil, "", "new rotated same other", ""},
	} {
		added, removed, changed := Diff(c.old, c.updated)
		if names(added) != c.added || names(removed) != c.removed || names(changed) != c.changed {
			t.Errorf("%s: got added %q, removed %q, changed %q, want %q, %q, %q", c.name,
				names(added), names(removed), names(changed), c.added, c.removed, c.changed)
		}
	}
}

// keys gives the keys of a section.
func keys(section any) map[string]decodable {
	return fieldsOf(reflect.ValueOf(section).Elem(), map[string]decodable{})
}
