package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// FuzzLoad: nothing panics, every problem and warning has a place within the file, the text is one
// line, an account that is accepted has what it needs and stays below the output folder, and no
// inline password is printed.
func FuzzLoad(f *testing.F) {
	cases, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(cases, "../deploy/attachd.example.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if strings.HasSuffix(path, ".txtar") {
			text = []byte(parseFixture(string(text)).files[0].text)
		}
		f.Add(text)
	}
	f.Add([]byte("output: o\nstate: s\naccounts:\n- {name: a, host: h, username: u, password: hunter22}\n"))
	f.Add([]byte(strings.ReplaceAll(everyKey, "c4nary", "hunter22")))
	f.Add([]byte("x: &a [*a]\naccounts: *a\n"))
	path := filepath.Join(f.TempDir(), "attachd.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		write(t, path, string(data))
		c, warnings, err := Load(path)
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("the error is of type %T", err)
		}
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", c != nil, err)
		}
		for _, w := range warnings {
			problems = append(problems, w.Problem)
		}
		lines := strings.Count(string(data), "\n") + 1
		out := fmt.Sprintf("%+v\n", c)
		if c != nil {
			out += fmt.Sprintf("%+v\n", c.Settings())
			for _, a := range c.Accounts {
				out += fmt.Sprintf("%+v\n", c.AccountSettings(a.Name))
			}
		}
		for _, p := range problems {
			out += p.Error() + "\n"
			// A folder that accounts_dir names may hold anything, such as this very file.
			if p.Line < 1 && !strings.Contains(p.Text, "read folder") || p.Line > lines || p.Line > 0 && p.Col < 1 {
				t.Errorf("outside of the file: %s", p)
			}
			if strings.ContainsAny(p.Error(), "\n\r\x00\x1b") {
				t.Errorf("not one line of text: %q", p.Error())
			}
			if strings.Contains(p.Text, "brought the YAML parser down") {
				t.Errorf("something panicked: %s", p)
			}
		}
		for _, secret := range inlinePasswords(data) {
			if strings.Contains(out, secret) {
				t.Errorf("the password %q is printed:\n%s", secret, out)
			}
		}
		if c == nil {
			return
		}
		for _, a := range c.Accounts {
			if a.Host == "" || a.Username == "" || a.Password.IsZero() == (a.Token.IsZero() && a.OAuth == OAuth{}) || a.Port < 1 || filepath.Dir(a.Output) != c.Output || a.Interval < minInterval {
				t.Errorf("accepted: %+v", a)
			}
		}
		if again, _, err := Load(path); err != nil || again.Inputs != c.Inputs || len(again.Accounts) > 0 && again.Accounts[0] != c.Accounts[0] {
			t.Errorf("a second Load gives something else: %v", err)
		}
	})
}

// inlinePasswords finds the passwords that stand in data once, by a reading of its own.
func inlinePasswords(data []byte) (out []string) {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil {
		return nil
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 && slices.Contains([]string{"password", "client_secret", "token", "url", "ping"}, n.Content[i-1].Value) && child.Kind == yaml.ScalarNode && child.Anchor == "" &&
				strings.Contains(child.Value, "hunter") && strings.Count(string(data), child.Value) == 1 {
				out = append(out, child.Value)
			}
			walk(child)
		}
	}
	walk(&doc)
	return out
}
