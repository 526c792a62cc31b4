package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Drafts are contents of files by absolute path, for files that are still to be written.
type Drafts map[string][]byte

// LoadDraft is [Load], as if the drafts had been written already: account files, secrets and the
// file at path itself. It writes nothing.
func LoadDraft(path string, drafts Drafts) (*Config, []Warning, error) {
	c, found, _ := load(path, drafts)
	problems, warnings := found.split()
	if len(problems) > 0 {
		return nil, warnings, problems
	}
	return c, warnings, nil
}

// read reads a file, or its draft. The text says who else can read the file, as exposed does; the
// mode of a draft is not known.
func (l *loader) read(path string, k kind) (data []byte, exposedTo string, err error) {
	if draft, ok := l.drafts[path]; ok {
		if fi, err := os.Stat(path); err == nil {
			exposedTo = exposed(fi)
		}
		return draft, exposedTo, nil
	}
	data, fi, err := l.in.read(path, k)
	if err == nil {
		exposedTo = exposed(fi)
	}
	return data, exposedTo, err
}

// list lists the account files of a folder, with those that are drafts.
func (l *loader) list(dir string) ([]string, error) {
	names, err := l.in.list(dir)
	if len(l.drafts) == 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return names, err
	}
	for path := range l.drafts {
		if base := filepath.Base(path); filepath.Dir(path) == dir && IsAccountFile(base) {
			names, err = append(names, base), nil
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}
