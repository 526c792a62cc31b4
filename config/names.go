package config

import (
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxNamed bounds what [AccountNames] reads: a shell waits for it.
const (
	maxNamedBytes = 256 << 10
	maxNamedFiles = 1000
)

// AccountNames returns the names of the accounts in the configuration file at path and in its
// accounts_dir, in their order. It is for the completion of a shell: it checks nothing, reads no
// secret, and returns what it can get without an error. Of a file over 256 KiB that is nothing, and
// of more than 1,000 files the first.
func AccountNames(path string) (names []string) {
	var top struct {
		Accounts    []named   `yaml:"accounts"`
		AccountsDir yaml.Node `yaml:"accounts_dir"`
	}
	decodeNamed(path, &top)
	for _, a := range top.Accounts {
		if a.Name.Value != "" {
			names = append(names, a.Name.Value)
		}
	}
	dir := top.AccountsDir.Value
	if dir == "" {
		return names
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(path), dir)
	}
	files, err := inputs{}.list(dir)
	if err != nil {
		return names
	}
	for _, file := range files[:min(len(files), maxNamedFiles)] {
		var a named
		decodeNamed(filepath.Join(dir, file), &a)
		if a.Name.Value == "" {
			a.Name.Value = strings.TrimSuffix(file, filepath.Ext(file))
		}
		names = append(names, a.Name.Value)
	}
	return names
}

type named struct {
	Name yaml.Node `yaml:"name"`
}

// decodeNamed decodes what it can of a file.
func decodeNamed(path string, to any) {
	defer func() { _ = recover() }() // as in load
	if data, _, err := readRegular(path, maxNamedBytes); err == nil {
		_ = yaml.Unmarshal(data, to)
	}
}
