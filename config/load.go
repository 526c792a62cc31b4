package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// Load reads and checks the configuration file at path and its account files. Relative paths in a
// file are below that file's folder. The error is always [Problems]; warnings come with and without
// it.
func Load(path string) (*Config, []Warning, error) {
	return LoadDraft(path, nil)
}

// load is Load, but also returns the files that it read, even if it failed half-way.
func load(path string, drafts Drafts) (c *Config, found *findings, in inputs) {
	l := &loader{in: inputs{}, drafts: drafts, files: map[fileRole]fileCheck{}}
	defer func() {
		// yaml.v3 is no longer maintained and has panicked on odd input before. Such a file is a
		// bad file: the daemon keeps the configuration it has.
		if recover() != nil {
			l.problem(position{file: path, line: 1, col: 1}, "reading this file brought the YAML parser down; is it YAML?")
		}
		c, found, in = l.config, &l.findings, l.in
	}()
	l.load(path)
	return
}

// loader is the state of one Load.
type loader struct {
	findings
	in       inputs
	drafts   Drafts
	files    map[fileRole]fileCheck
	shown    string // the folder of the configuration file, as the user named it
	folder   string // the same, absolute
	config   *Config
	exposed  map[string]bool // YAML files already warned about
	groups   []Group         // looked up already
	defaults *rawDefaults
	top      origin // of the configuration file
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
	data, exposedTo, err := l.read(abs, kindConfig)
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
	l.top, l.defaults = origin{at: top, folder: l.folder, exposed: exposedTo}, &raw.Defaults
	for i := range raw.Accounts.list {
		raw.Accounts.list[i].folder, raw.Accounts.list[i].exposed = l.folder, l.top.exposed
	}
	l.config = l.settings(&raw, top)
	l.services(&raw, l.config)
	l.config.places = placesOf(&raw)
	l.config.places.files[0] = filepath.Base(path)
	l.config.places.defaultSettings(&raw.Defaults)
	l.accountsDir(&raw)
	l.accounts(&raw, top)
	l.targetAccounts(&raw.Notify.To)
	l.config.Inputs = l.in.fingerprint()
}

// accountsDir adds the accounts of accounts_dir.
func (l *loader) accountsDir(raw *rawConfig) {
	dir := l.path(&raw.AccountsDir, l.folder)
	if dir == "" {
		return
	}
	names, err := l.list(dir)
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
		l.config.places.files = append(l.config.places.files, filepath.Join(raw.AccountsDir.v, name))
		at := position{file: filepath.Join(shown, name), fileIndex: i + 1}
		if r, ok := l.accountFile(filepath.Join(dir, name), at); ok {
			r.file = strings.TrimSuffix(name, filepath.Ext(name))
			raw.Accounts.list = append(raw.Accounts.list, r)
		}
	}
}

// accountFile reads one account file.
func (l *loader) accountFile(path string, at position) (r rawAccount, ok bool) {
	data, exposedTo, err := l.read(path, kindConfig)
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
	r.folder, r.exposed = filepath.Dir(path), exposedTo
	r.decode(&d, root, d.place(root))
	return r, true
}

// path returns the absolute form of a path in the file. It returns "" if there is none, or a faulty
// one.
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

// fileRole is a file and its use. Accounts that share a file for the same use share its check.
type fileRole struct{ path, role string }

// fileCheck is the result for a file that an account refers to.
type fileCheck struct {
	fault   string // why it cannot be used; "" if it can
	exposed string // who else can read it; "" if nobody should mind
}

// file checks a file that an account refers to. A fault is a warning: it fails the account's
// logins, not the configuration.
func (l *loader) file(at position, path, role string, k kind, check func([]byte) error) {
	was, ok := l.files[fileRole{path, role}]
	if !ok {
		data, exposedTo, err := l.read(path, k)
		if err != nil {
			err = explain(path, err)
		} else if err = check(data); err == nil {
			was.exposed = exposedTo
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

// env reports whether a variable is set in this process.
func env(name string) bool {
	_, ok := os.LookupEnv(name)
	return ok
}
