package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Load reads and checks the configuration file at path and the account files it names. Relative paths in a file are
// below that file's folder. The error is [Problems]; warnings come with and without it.
func Load(path string) (*Config, []Warning, error) {
	c, found, _ := load(path)
	problems, warnings := found.split()
	if len(problems) > 0 {
		return nil, warnings, problems
	}
	return c, warnings, nil
}

// load is Load that also tells what it read, however far it came.
func load(path string) (c *Config, found *findings, in inputs) {
	l := &loader{in: inputs{}, files: map[fileRole]fileCheck{}}
	defer func() {
		// yaml.v3 is not maintained any more and is known to have panicked on odd input. A file that brings it down is
		// a bad file: the daemon keeps the configuration it has.
		if recover() != nil {
			l.problem(position{file: path, line: 1, col: 1}, "reading this file brought the YAML parser down; is it YAML?")
		}
		c, found, in = l.config, &l.findings, l.in
	}()
	l.load(path)
	return
}

// loader holds what one Load gathers.
type loader struct {
	findings
	in       inputs
	files    map[fileRole]fileCheck
	shown    string // the folder of the configuration file as the user named it
	folder   string // the same, absolute
	config   *Config
	exposed  map[string]bool // YAML files already warned about
	defaults *rawDefaults
	open     string // to whom the configuration file is readable, when that is to too many
}

func (l *loader) load(path string) {
	abs, err := filepath.Abs(path)
	if err != nil {
		l.add("", position{file: path}, err, err.Error())
		return
	}
	l.shown, l.folder = filepath.Dir(path), filepath.Dir(abs)
	raw := rawConfig{}
	d := decoder{findings: &l.findings, at: position{file: path}}
	data, fi, err := l.in.read(abs, kindConfig)
	if err != nil {
		err = explain(abs, err)
		l.add("", d.at, err, "read: "+err.Error())
		return
	}
	root := d.parse(data)
	if root == nil {
		return
	}
	top := d.place(root)
	if root.Kind != yaml.MappingNode {
		l.problem(top, notMapping)
		return
	}
	d.mapping(root, top, &raw)
	l.open, l.defaults = exposed(fi), &raw.Defaults
	for i := range raw.Accounts.list {
		raw.Accounts.list[i].folder, raw.Accounts.list[i].exposed = l.folder, l.open
	}
	l.config = l.settings(&raw, top)
	l.accountsDir(&raw)
	l.accounts(&raw, top)
	l.config.Inputs = l.in.fingerprint()
}

// accountsDir adds the accounts that have a file of their own.
func (l *loader) accountsDir(raw *rawConfig) {
	dir := l.path(&raw.AccountsDir, l.folder)
	if dir == "" {
		return
	}
	names, err := l.in.list(dir)
	if err != nil {
		err = explain(dir, err)
		l.add("", raw.AccountsDir.at, err, fmt.Sprintf("read folder %s: %v", dir, err))
		return
	}
	l.config.AccountsDir = dir
	shown := raw.AccountsDir.v
	if !filepath.IsAbs(shown) {
		shown = filepath.Join(l.shown, shown)
	}
	for i, name := range names {
		at := position{file: filepath.Join(shown, name), fileIndex: i + 1}
		if r, ok := l.accountFile(filepath.Join(dir, name), at); ok {
			r.file = strings.TrimSuffix(name, filepath.Ext(name))
			raw.Accounts.list = append(raw.Accounts.list, r)
		}
	}
}

// accountFile reads one account file.
func (l *loader) accountFile(path string, at position) (r rawAccount, ok bool) {
	data, fi, err := l.in.read(path, kindConfig)
	if err != nil {
		err = explain(path, err)
		l.add("", at, err, "read: "+err.Error())
		return r, false
	}
	d := decoder{findings: &l.findings, at: at}
	root := d.parse(data)
	if root == nil {
		return r, false
	}
	r.folder, r.exposed = filepath.Dir(path), exposed(fi)
	r.decode(&d, root, d.place(root))
	return r, true
}

// path makes a path of the file absolute. It gives "" where there is none or none that can be meant.
func (l *loader) path(v *value[string], folder string) string {
	if !v.ok() {
		return ""
	}
	switch {
	case v.v == "":
		l.problem(v.at, "must not be empty")
	case v.v == "~" || strings.HasPrefix(v.v, "~/"):
		l.problem(v.at, "~ is not expanded; give the whole path")
	case strings.Contains(v.v, "${"):
		l.problem(v.at, "variables are not expanded; give the whole path")
	case filepath.IsAbs(v.v):
		return filepath.Clean(v.v)
	default:
		return filepath.Join(folder, v.v)
	}
	return ""
}

// fileRole is a file and what it is to be. Each is looked at once, however many accounts share it.
type fileRole struct{ path, role string }

// fileCheck is what was found about a file that an account refers to.
type fileCheck struct {
	fault   string // what keeps it from being used
	exposed string // to whom it is readable
}

// file looks at a file that an account refers to: a fault of it fails the account's logins, not the configuration.
func (l *loader) file(at position, path, role string, k kind, check func([]byte) error) {
	was, ok := l.files[fileRole{path, role}]
	if !ok {
		data, fi, err := l.in.read(path, k)
		if err != nil {
			err = explain(path, err)
		} else if err = check(data); err == nil {
			was.exposed = exposed(fi)
		}
		if err != nil {
			was.fault = err.Error()
		}
		l.files[fileRole{path, role}] = was
	}
	if was.fault != "" {
		l.warn(WarnUnreadable, at, "%s cannot be used: %s", path, was.fault)
	}
	if was.exposed != "" && k == kindSecret {
		l.warn(WarnSecretExposed, at, "%s holds a secret and is readable by %s", path, was.exposed)
	}
}

// fileMode is the permissions of delivered files, in octal.
type fileMode fs.FileMode

func (m *fileMode) parse(s string) error {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "0o"), "0")
	if len(digits) != 3 || strings.Trim(digits, "01234567") != "" {
		return fmt.Errorf("must be three octal digits such as 0640, not %s", quote(s))
	}
	for _, c := range digits {
		*m = *m<<3 | fileMode(c-'0')
	}
	switch {
	case *m&0o111 != 0:
		return fmt.Errorf("must not make files executable that strangers have sent: %s", quote(s))
	case *m&0o400 == 0:
		return fmt.Errorf("must let the owner read: %s", quote(s))
	case *m&0o002 != 0:
		return fmt.Errorf("must not let everyone write: %s", quote(s))
	}
	return nil
}

// env tells whether a variable is set, as far as this process can tell.
func env(name string) bool {
	_, ok := os.LookupEnv(name)
	return ok
}
