package config_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/attachd/attachd/config"
)

// load loads a text as the file attachd.yaml.
func load(text string) (*config.Config, []config.Warning, error) {
	dir, err := os.MkdirTemp("", "attachd")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "attachd.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, nil, err
	}
	return config.Load(path)
}

// A loaded configuration has all defaults filled in.
func ExampleLoad() {
	c, warnings, err := load(`
output: /var/lib/attachd/attachments
state: /var/lib/attachd/state.db
accounts:
  - name: invoices
    host: pop.example.org
    username: invoices@example.org
    password: "4711"
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	a := c.Accounts[0]
	fmt.Println(a.Name, a.Host, a.Port, a.TLS.Mode, a.Auth, a.After, a.Interval)
	fmt.Println(a.Output)
	fmt.Println(a.Password, len(warnings))
	// Output:
	// invoices pop.example.org 995 implicit auto keep 5m0s
	// /var/lib/attachd/attachments/invoices
	// password <secret> 0
}

// The error of Load lists every fault with its place.
func ExampleProblems() {
	_, _, err := load(`output: /out
state: /state.db
accounts:
  - name: invoices
    host: pop.example.org
    user: invoices@example.org
    password_file: /etc/attachd/secrets/invoices
    interval: 5
`)
	for _, p := range err.(config.Problems) {
		fmt.Printf("%d:%d %s: %s\n", p.Line, p.Col, p.Path, p.Text)
	}
	// Output:
	// 4:5 accounts[0].username: missing
	// 6:5 accounts[0].user: unknown key, did you mean "username"?
	// 8:15 accounts[0].interval: "5" needs a unit, such as 5s or 5m
}

// A reload starts, stops and restarts accounts.
func ExampleDiff() {
	before, _, _ := load("output: /o\nstate: /s\naccounts:\n" +
		"- {name: a, host: h, username: a, password: x}\n" +
		"- {name: b, host: h, username: b, password: x}\n")
	after, _, _ := load("output: /o\nstate: /s\naccounts:\n" +
		"- {name: b, host: h, username: b, password: x, after: delete}\n" +
		"- {name: c, host: h, username: c, password: x}\n")
	added, removed, changed := config.Diff(before, after)
	fmt.Println("start", added[0].Name, "stop", removed[0].Name, "restart", changed[0].Name)
	// Output: start c stop a restart b
}
