package config

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// printed is what Print writes.
func printed(t *testing.T, c *Config, names ...string) string {
	t.Helper()
	var b strings.Builder
	try(t, c.Print(&b, names...))
	return b.String()
}

// values is what is printed, without the places and the lines that are comments as a whole.
func values(text string) string {
	return regexp.MustCompile(`(?m) +# \S.*$|^#.*\n`).ReplaceAllString(text, "")
}

// inFiles gives the secrets of everyKey in files, and leaves out those that can stand in the file
// alone.
func inFiles(text string) string {
	for _, r := range []struct{ old, new string }{
		{`\?sig=c4nary`, ``},
		{`token: c4nary[-c4nary]*`, `token_file: token`},
		{`(password|client_secret|token): c4nary`, `${1}_file: token`},
		{`(ping|url): "?\w+://[^\s",}]*c4nary[^\s",}]*"?`, `${1}_file: token`},
		{`\[env, c4nary\]`, `[env]`},
		{`\[oama, .*\]`, `[oama]`},
		{`(u:)?c4nary@proxy`, `proxy`},
		{`(?m)^ +headers:\n(.*c4nary\n)+`, ``},
	} {
		text = regexp.MustCompile(r.old).ReplaceAllString(text, r.new)
	}
	return text
}

// TestPrintLoads prints configurations, loads what is printed, and prints again: the values are the
// same, and so are the accounts.
func TestPrintLoads(t *testing.T) {
	t.Parallel()
	const rest = "output: out\nstate: db\n"
	for name, text := range map[string]string{
		"example":   inFiles(read(t, "../deploy/attachd.example.yaml")),
		"every key": inFiles(everyKey),
		"small":     rest + "accounts: [{name: a, host: h, username: u, password_env: X}]\n",
		"own jitter": rest + "interval: 1h\n" +
			"accounts: [{name: a, host: h, username: u, password_env: X, interval: 10m}, {name: b, host: h, username: b, password_env: X}]\n",
		"odd texts": rest + "accounts:\n- name: \"yes\"\n  host: \"::1\"\n  username: 'a: b # c'\n  password_file: \"x: y\"\n" +
			"  include: ['*', \"a, b\", {subject: [\"]\", \"{x}: #\", \" y\"], min_size: 1}]\n  path: \"{{.Name}} # \\\"'\"\n",
		"by token": rest + "accounts:\n" +
			"- {name: a, host: h, username: a, auth: xoauth2, oauth: {provider: microsoft, grant: client_credentials, tenant: example.com, client_id: i, client_secret_env: X}}\n" +
			"- {name: b, host: h, username: b, auth: xoauth2, oauth: {provider: microsoft, grant: device_code, client_id: i}}\n" +
			"- {name: c, host: h, username: c, auth: xoauth2, oauth: {provider: google, client_id: i}}\n" +
			"- {name: d, host: h, username: d, auth: oauthbearer, token_command: [env]}\n",
		"in the clear": rest + "defaults: {proxy: socks5://p.example:1, after: delete, delete_after: 30d}\naccounts:\n" +
			"- {name: a, host: localhost, username: a, password_env: X, tls: {mode: none}}\n" +
			"- {name: b, host: h, username: a, password_env: X, after: keep, proxy: direct}\n",
	} {
		path := everyKeyIn(t, text)
		write(t, filepath.Join(filepath.Dir(path), "token"), "https://a.example/0123456789012345678901234567")
		write(t, filepath.Join(filepath.Dir(path), "accounts.d", "own.yaml"), "host: h.example\nusername: own\npassword_env: X\n")
		first, _, err := Load(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := printed(t, first)
		again := everyKeyIn(t, text)
		second, _, err := Load(again)
		if err != nil {
			t.Errorf("%s: what is printed does not load: %v\n%s", name, err, text)
			continue
		}
		if diff := cmp.Diff(values(text), values(printed(t, second))); diff != "" {
			t.Errorf("%s: printed again (-first +second):\n%s", name, diff)
		}
		if len(first.Accounts) != len(second.Accounts) {
			t.Fatalf("%s: %d accounts, want %d", name, len(second.Accounts), len(first.Accounts))
		}
		for i := range first.Accounts {
			a, b := first.Accounts[i], second.Accounts[i]
			// Zero stands for what is printed, and a file's time is its own.
			b.Timeouts, b.Secrets, b.TokenLifetime = a.Timeouts, a.Secrets, a.TokenLifetime
			if a != b {
				t.Errorf("%s: account %s differs:\n%+v\n%+v", name, a.Name, a, b)
			}
		}
	}
}

// FuzzPrint: what is printed of a file that loads is loaded again, to the same values, unless a
// secret is left out.
func FuzzPrint(f *testing.F) {
	f.Add(read(f, "../deploy/attachd.example.yaml"))
	f.Add(inFiles(everyKey))
	f.Add("output: o\nstate: \"#\"\naccounts:\n- {name: 'a,b', host: '::1', username: \"\\u2028: #\", password_env: '@', include: ['- ', {name: '!'}]}\n")
	folder := f.TempDir()
	path, again := filepath.Join(folder, "attachd.yaml"), filepath.Join(folder, "again.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		write(t, path, text)
		first, _, err := Load(path)
		if err != nil {
			return
		}
		text = printed(t, first)
		write(t, again, text)
		second, _, err := Load(again)
		switch {
		case strings.Contains(text, hidden):
			return
		case err != nil:
			t.Fatalf("what is printed does not load: %v\n%s", err, text)
		}
		if diff := cmp.Diff(values(text), values(printed(t, second))); diff != "" {
			t.Errorf("printed again (-first +second):\n%s", diff)
		}
	})
}

// TestPrintHidesSecrets looks for the canary in all that is printed, and has what is printed
// refused, as nobody could log in with it.
func TestPrintHidesSecrets(t *testing.T) {
	t.Parallel()
	c, _, err := Load(everyKeyIn(t, everyKey))
	try(t, err)
	text := printed(t, c)
	if i := strings.Index(text, "c4nary"); i >= 0 {
		t.Errorf("a secret is printed: %s", text[max(0, i-100):i+10])
	}
	_, _, err = Load(everyKeyIn(t, text))
	if err == nil || strings.Count(err.Error(), "attachd config print shows") < strings.Count(text, hidden) {
		t.Errorf("a file with %d secrets left out: %v", strings.Count(text, hidden), err)
	}
}

// TestPrintOrigins: each value says where it comes from.
func TestPrintOrigins(t *testing.T) {
	t.Parallel()
	path := everyKeyIn(t, `output: /out
state: /s
interval: 90s
accounts_dir: accounts.d
defaults:
  host: h.example
  exclude: [{type: image/*}, "*.exe"]
accounts:
  - name: a
    username: u
    password_command: [pass, show, c4nary]
    port: 995
  - {name: b, username: v, password: c4nary, interval: 10m}
`)
	write(t, filepath.Join(filepath.Dir(path), "accounts.d", "own.yaml"), "username: own\npassword_env: X\nnoise: drop\n")
	c, _, err := Load(path)
	try(t, err)
	text := printed(t, c, "a", "own")
	for _, want := range []string{
		"output: /out # attachd.yaml:1:9",
		"# jitter: a tenth of each account's interval # built in",
		"# accounts_dir: DIR/accounts.d, whose accounts stand below # attachd.yaml:4:15",
		"max_concurrent: 16 # built in",
		"  - name: a # attachd.yaml:9:11",
		"    host: h.example # defaults, attachd.yaml:6:9",
		"    port: 995 # attachd.yaml:12:11",
		"    password_command: [pass, <secret>] # attachd.yaml:11:23",
		"    interval: 1m30s # attachd.yaml:3:11",
		"      - {type: image/*} # defaults, attachd.yaml:7:13",
		"      - {name: '*.exe'} # defaults, attachd.yaml:7:30",
		"  - name: own # accounts.d/own.yaml",
		"    noise: drop # accounts.d/own.yaml:3:8",
		"    noise: keep # built in",
	} {
		if !strings.Contains(regexp.MustCompile(`(\S) +#`).ReplaceAllString(text, "$1 #"), strings.ReplaceAll(want, "DIR", filepath.Dir(path))+"\n") {
			t.Errorf("%q is not there:\n%s", want, text)
		}
	}
	if strings.Contains(text, "name: b") {
		t.Error("an account is printed that nobody asked for")
	}
}
