package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/provider"
	"github.com/attachd/attachd/config"
)

const head = "output: out\nstate: state.db\n"

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, path string) *Base {
	t.Helper()
	b, err := NewBase(path)
	if err == nil {
		err = b.Open()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSetEnabledAlone: an account whose keys others take by an anchor is left as it is, and so are
// they.
func TestSetEnabledAlone(t *testing.T) {
	t.Parallel()
	const anchored = head + "accounts:\n  - &x\n    name: a\n    host: localhost\n    username: u\n    password: p\n%s  - <<: *x\n    name: b\n    username: v\n%s"
	for name, test := range map[string]struct {
		text    string
		on      bool
		refused string
	}{
		"off":              {fmt.Sprintf(anchored, "", ""), false, ":4:5: that would change b too, which has keys of this one; change the file by hand"},
		"on":               {fmt.Sprintf(anchored, "    enabled: false\n", ""), true, ":4:5: that would change b too"},
		"b has its own":    {fmt.Sprintf(anchored, "", "    enabled: true\n"), false, ""},
		"the one inherits": {strings.ReplaceAll(fmt.Sprintf(anchored, "", ""), "name: a", "name: c\n    enabled: true"), false, ":4:5: that would change b too"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "attachd.yaml")
			write(t, path, test.text)
			b := opened(t, path)
			_, err := b.SetEnabled(t.Context(), b.Config.Accounts[0].Name, test.on)
			now, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if test.refused == "" {
				if err != nil || string(now) == test.text {
					t.Errorf("%v\n%s", err, now)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), path+test.refused) || string(now) != test.text {
				t.Errorf("%v\n%s", err, now)
			}
		})
	}
}

// TestTogether: of changes at the same time, each that was reported as done is in the file.
func TestTogether(t *testing.T) {
	t.Parallel()
	const n = 12
	path := filepath.Join(t.TempDir(), "attachd.yaml")
	text := head + "accounts:\n"
	for i := range n {
		text += fmt.Sprintf("  - name: old%d\n    host: localhost\n    username: u%d\n    password: p\n", i, i)
	}
	write(t, path, text)
	var all sync.WaitGroup
	for i := range n {
		adding, switching := opened(t, path), opened(t, path)
		all.Go(func() {
			a := &Account{Name: fmt.Sprint("new", i), Username: fmt.Sprint("n", i), Server: provider.Server{Host: "localhost", Port: 995}, Password: Password{Typed: "pw"}}
			if _, err := adding.Write(t.Context(), a); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if changed, err := switching.SetEnabled(t.Context(), fmt.Sprint("old", i), false); err != nil || !changed {
				t.Errorf("%v, %v", changed, err)
			}
		})
	}
	all.Wait()
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Accounts) != 2*n || len(c.Enabled()) != n {
		t.Errorf("%d accounts, %d of them on; want %d, %d", len(c.Accounts), len(c.Enabled()), 2*n, n)
	}
}

// TestLeftSecret: a secret that is left of an earlier account is used if it is the same one, and is
// never overwritten or shared.
func TestLeftSecret(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, left, want, note string }{
		"none":            {"", "", "secrets/me", ""},
		"the same":        {"", "pw\n", "secrets/me", "holds this password: it is used."},
		"another":         {"", "other\n", "secrets/me-2", "secrets/me was there already and holds something else. It stays as it is, and the password is in "},
		"more than that":  {"", "pw\nmore\n", "secrets/me-2", "holds something else"},
		"somebody's else": {head + "accounts:\n  - {name: b, host: localhost, username: b, password_file: secrets/me}\n", "pw\n", "secrets/me-2", "holds something else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "attachd.yaml")
			if test.left != "" {
				write(t, filepath.Join(dir, "secrets", "me"), test.left)
			}
			b, err := NewBase(path)
			if err != nil {
				t.Fatal(err)
			}
			if test.config != "" {
				write(t, path, test.config)
				b = opened(t, path)
			}
			a := &Account{Name: b.freeName("me@example.org"), Username: "me", Server: provider.Server{Host: "localhost", Port: 995}, Password: Password{Typed: "pw"}}
			w, err := b.Write(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			made := w.Config.Accounts[len(w.Config.Accounts)-1]
			if want := "password_file " + filepath.Join(dir, test.want); made.Name != "me" || made.Password.String() != want {
				t.Errorf("account %s has %s, want %s", made.Name, made.Password, want)
			}
			if secret, err := made.Password.Resolve(t.Context()); err != nil || secret != "pw" {
				t.Errorf("the secret can't be read back: %v", err)
			}
			if notes := strings.Join(w.Notes, "\n"); !strings.Contains(notes, test.note) || (test.note == "") != (notes == "") {
				t.Errorf("%q, want %q", notes, test.note)
			}
			if left, err := os.ReadFile(filepath.Join(dir, "secrets", "me")); test.left != "" && (err != nil || string(left) != test.left) {
				t.Errorf("what was there is %q by now: %v", left, err)
			}
		})
	}
}
