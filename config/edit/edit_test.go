package edit_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/config/edit"
)

const top = "output: /o\nstate: /s\n"

var item = []string{"name: new", "host: pop.example.org # found by a guess", "username: me", "password: x"}

func TestAddAccount(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, want, err string }{
		"no list":        {top, top + "\naccounts:\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n", ""},
		"no final end":   {strings.TrimSuffix(top, "\n"), top + "\naccounts:\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n", ""},
		"null":           {top + "accounts: # none yet\n  # - name: x\nlog: {level: info}\n", top + "accounts: # none yet\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n  # - name: x\nlog: {level: info}\n", ""},
		"tilde":          {top + "accounts: ~\n", top + "accounts:\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n", ""},
		"empty brackets": {top + "accounts: [ ]  # none\n", top + "accounts:  # none\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n", ""},
		"brackets":       {top + "accounts: [{name: a, host: h, username: u, password: p}]\n", "", "3:11: the accounts stand in brackets"},
		"braces":         {"{output: /o, state: /s}\n", "", "1:1: the keys of the file stand in braces"},
		"alias":          {top + "x-l: &l []\naccounts: *l\n", "", "4:11: the accounts are an alias"},
		"one behind the other": {
			top + "accounts:\n- name: a\n  host: h\n  username: u\n  password: p\n  # after: delete\n\n# The log.\nlog:\n  level: info\n",
			top + "accounts:\n- name: a\n  host: h\n  username: u\n  password: p\n  # after: delete\n\n- name: new\n  host: pop.example.org # found by a guess\n  username: me\n  password: x\n\n# The log.\nlog:\n  level: info\n", "",
		},
		"flow accounts": {
			top + "accounts:\n    - {name: a, host: h, username: u, password: p}\n    # - {name: b}\n",
			top + "accounts:\n    - {name: a, host: h, username: u, password: p}\n    # - {name: b}\n    - name: new\n      host: pop.example.org # found by a guess\n      username: me\n      password: x\n", "",
		},
		"windows": {
			"\ufeff" + strings.ReplaceAll(top+"accounts:\n  - {name: a, host: h, username: u, password: p}", "\n", "\r\n"),
			"\ufeff" + strings.ReplaceAll(top+"accounts:\n  - {name: a, host: h, username: u, password: p}\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n", "\n", "\r\n"), "",
		},
		"end of document": {top + "accounts:\n...\n", top + "accounts:\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n...\n", ""},
		"no list, end":    {top + "...\n", top + "\naccounts:\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n...\n", ""},
		"anchors":         {top + "x-a: &a {host: h}\naccounts:\n  - <<: *a\n    name: a\n    username: u\n    password: \"#é\"\n", top + "x-a: &a {host: h}\naccounts:\n  - <<: *a\n    name: a\n    username: u\n    password: \"#é\"\n\n  - name: new\n    host: pop.example.org # found by a guess\n    username: me\n    password: x\n", ""},
		"tabs":            {"output:\t/o\nstate: /s\naccounts:\n\t- name: a\n", "", "line 4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := edit.AddAccount([]byte(test.old), item)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				return
			}
			if err != nil || string(got) != test.want {
				t.Errorf("%v\n%s", err, cmp.Diff(test.want, string(got)))
			}
		})
	}
}

func TestSetAccount(t *testing.T) {
	t.Parallel()
	const one = "accounts:\n  - name: b # the second\n    host: h\n"
	for name, test := range map[string]struct{ old, want, err string }{
		"new key":       {one, "accounts:\n  - name: b # the second\n    enabled: false\n    host: h\n", ""},
		"same":          {"accounts:\n- {enabled: false, name: b}", "accounts:\n- {enabled: false, name: b}", ""},
		"other value":   {"accounts:\n- name: b\n  enabled: \"true\"  # off?\n", "accounts:\n- name: b\n  enabled: false  # off?\n", ""},
		"braces":        {"accounts: [{name: a}, { name: b, host: h}]\n", "accounts: [{name: a}, {enabled: false, name: b, host: h}]\n", ""},
		"name is last":  {"accounts:\n- host: h\n  name: b", "accounts:\n- host: h\n  name: b\n  enabled: false\n", ""},
		"alias":         {"x: &x {name: b}\naccounts: [*x]\n", "", "2:12: the account is an alias"},
		"value is one":  {"accounts:\n- name: b\n  enabled: *x\nx: &x true\n", "", "unknown anchor"},
		"anchored":      {"accounts:\n- name: b\n  enabled: &x true\n", "", "3:12: the value of enabled"},
		"nobody":        {"accounts:\n- name: a\n", "", "no such account"},
		"no list":       {"output: /o\n", "", "no such account"},
		"name in lines": {"accounts:\n- name: \"b\"\n  host: >\n    h\n", "accounts:\n- name: \"b\"\n  enabled: false\n  host: >\n    h\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := edit.SetAccount([]byte(test.old), "b", "enabled", "false")
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				return
			}
			if err != nil || string(got) != test.want {
				t.Errorf("%v\n%s", err, cmp.Diff(test.want, string(got)))
			}
		})
	}
	if got, err := edit.SetKey([]byte("# mine\nhost: h\nusername: u\n"), "enabled", "true"); err != nil || string(got) != "# mine\nhost: h\nenabled: true\nusername: u\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWrite: modes, links and files of others stay; what was made before a fault goes.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml")
	try(t, os.WriteFile(real, []byte("old"), 0o640))
	try(t, os.Chmod(real, 0o604))
	try(t, os.Symlink("real.yaml", link))
	f, err := edit.Open(link)
	try(t, err)
	f.New = []byte("new")
	try(t, edit.Write(f))
	if fi, err := os.Lstat(link); err != nil || fi.Mode().Type() != os.ModeSymlink {
		t.Error("the link is gone")
	}
	if fi, err := os.Stat(real); err != nil || fi.Mode().Perm() != 0o604 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if f, err = edit.Open(link); err != nil || string(f.New) != "new" {
		t.Fatalf("%q, %v", f.New, err)
	}
	try(t, os.WriteFile(real, []byte("another's"), 0o600))
	secret := &edit.File{Path: filepath.Join(dir, "a", "b", "secret"), New: []byte("x"), Mode: 0o600, FolderMode: 0o700, Group: edit.Keep}
	f.New = []byte("newer")
	if err := edit.Write(secret, f); err == nil || !strings.Contains(err.Error(), "somebody else has changed it") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something stays of a change that failed: %v", err)
	}
	try(t, edit.Write(secret))
	if fi, err := os.Stat(secret.Path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	again := &edit.File{Path: secret.Path, New: []byte("y"), Mode: 0o600, FolderMode: 0o700, Group: edit.Keep}
	if err := edit.Write(again); !errors.Is(err, os.ErrExist) {
		t.Errorf("overwritten: %v", err)
	}
	if data, err := os.ReadFile(secret.Path); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "a", "b", ".*")); len(names) > 0 {
		t.Errorf("left over: %q, %v", names, err)
	}
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzAddAccount: if a file loads, then with an account added it loads, too, and the others are as
// they were; or the change is refused. No line of the file is lost.
func FuzzAddAccount(f *testing.F) {
	for _, list := range []string{"", "accounts: []\n", "accounts:\n", "accounts:\n- {name: a, host: h, username: u, password: p}\n# end", "accounts:\n  - name: a\n    host: h\n    username: u\n    password: |\n      p\n\n\nlog:\n  level: info\n"} {
		f.Add([]byte(top + list))
		f.Add([]byte(strings.ReplaceAll(top+list, "\n", "\r\n")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "attachd.yaml")
		before, _, err := config.LoadDraft(path, config.Drafts{path: data})
		if err != nil && !onlyNoAccounts(err) {
			return
		}
		changed, err := edit.AddAccount(data, item)
		if err != nil {
			return
		}
		lines := strings.Split(string(changed), "\n")
		for _, line := range strings.Split(strings.TrimRight(string(data), "\r\n"), "\n") {
			line = strings.TrimRight(line, "\r")
			at := slices.IndexFunc(lines, func(l string) bool {
				return strings.TrimRight(l, "\r") == line || strings.Contains(line, "accounts")
			})
			if at < 0 {
				t.Fatalf("the line %q is gone from\n%s", line, changed)
			}
		}
		after, _, err := config.LoadDraft(path, config.Drafts{path: changed})
		if err != nil {
			if before != nil && slices.ContainsFunc(before.Accounts, func(a config.Account) bool { return strings.EqualFold(a.Name, "new") || a.Host == "pop.example.org" }) {
				return // one of that name, or of that mailbox, was there
			}
			if strings.Contains(err.Error(), "accounts[") || before == nil {
				return // the defaults do not suit the new account
			}
			t.Fatalf("%v\nbefore:\n%s\nafter:\n%s", err, data, changed)
		}
		if before == nil {
			return
		}
		if len(after.Accounts) != len(before.Accounts)+1 {
			t.Fatalf("%d accounts, and %d before", len(after.Accounts), len(before.Accounts))
		}
		for _, was := range before.Accounts {
			if !slices.Contains(after.Accounts, was) {
				t.Fatalf("account %s has changed", was.Name)
			}
		}
	})
}

// onlyNoAccounts reports whether all that a file lacks is an account.
func onlyNoAccounts(err error) bool {
	problems, ok := errors.AsType[config.Problems](err)
	return ok && len(problems) == 1 && problems[0].Path == "accounts"
}

// FuzzSetAccount: a file that loads does so afterwards, and differs in what was asked alone.
func FuzzSetAccount(f *testing.F) {
	for _, account := range []string{"{name: a, host: h, username: u, password: p}", "name: a\n  host: h\n  username: u\n  password: p\n  enabled: true"} {
		f.Add([]byte(top + "accounts:\n- " + account))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "attachd.yaml")
		before, _, err := config.LoadDraft(path, config.Drafts{path: data})
		if err != nil || len(before.Accounts) == 0 {
			return
		}
		name := before.Accounts[0].Name
		changed, err := edit.SetAccount(data, name, "enabled", "false")
		if err != nil {
			return
		}
		after, _, err := config.LoadDraft(path, config.Drafts{path: changed})
		if err != nil || len(after.Accounts) != len(before.Accounts) {
			t.Fatalf("%v\n%s", err, changed)
		}
		for i, was := range before.Accounts {
			if was.Name == name {
				was.Enabled = false
			}
			if after.Accounts[i] != was {
				t.Fatalf("account %s has changed\n%s", was.Name, changed)
			}
		}
	})
}
