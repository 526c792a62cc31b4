package config

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxFileWatches bounds the watches on files, because each counts against the user's limit.
	// They are needed only for edits in place through a bind mount; the watches on folders see
	// all others.
	maxFileWatches = 512
	// maxLinks is the length of a chain of symbolic links that counts as a loop, as in Linux.
	maxLinks = 40
)

// watchPlan says what to watch for the files of a configuration, and which events matter.
type watchPlan struct {
	watches []string        // folders and files
	names   map[string]bool // files, folders and links on the way to a file
	folders map[string]bool // folders in which every name matters
}

// planFor makes the plan for the file system as it is now. Every component of a path matters, those
// of the targets of links included: each may be replaced, and the folder that holds it is watched
// for that.
func planFor(in inputs) watchPlan {
	p := watchPlan{names: map[string]bool{}, folders: map[string]bool{}}
	folders, files := map[string]bool{}, []string{}
	t := tracer{names: p.names, folders: folders, real: map[string]string{}}
	for _, path := range slices.Sorted(maps.Keys(in)) {
		t.links = 0
		real := t.trace(path)
		switch {
		case real == "":
		case in[path].kind == kindFolder:
			p.folders[real], folders[real] = true, true
		case len(files) < maxFileWatches:
			files = append(files, real)
		}
	}
	p.watches = append(slices.Sorted(maps.Keys(folders)), files...)
	return p
}

// tracer follows paths through the file system and records their components.
type tracer struct {
	names   map[string]bool   // every component
	folders map[string]bool   // every folder that holds one
	real    map[string]string // folders that were followed before
	links   int               // followed for this path
}

// trace follows an absolute path and returns its real path, or "" if it does not exist.
func (t *tracer) trace(path string) string {
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	at, known := t.real[parent]
	if !known {
		at = t.trace(parent)
		t.real[parent] = at
	}
	if at == "" {
		return ""
	}
	return t.step(at, filepath.Base(path))
}

// step follows name in the folder at, which is no link.
func (t *tracer) step(at, name string) string {
	full := filepath.Join(at, name)
	t.folders[at], t.names[full] = true, true
	fi, err := os.Lstat(full)
	if err != nil {
		return ""
	}
	if fi.Mode()&fs.ModeSymlink == 0 {
		return full
	}
	target, err := os.Readlink(full)
	if t.links++; err != nil || t.links > maxLinks {
		return ""
	}
	if filepath.IsAbs(target) {
		at = filepath.VolumeName(target) + string(filepath.Separator)
	}
	for part := range strings.SplitSeq(filepath.ToSlash(strings.TrimPrefix(target, filepath.VolumeName(target))), "/") {
		switch part {
		case "", ".":
		case "..":
			at = filepath.Dir(at)
		default:
			if at = t.step(at, part); at == "" {
				return ""
			}
		}
	}
	return at
}
