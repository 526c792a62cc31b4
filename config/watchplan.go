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
	// maxFileWatches bounds the watches on files themselves. They are needed only for edits in place through a bind
	// mount; the folders' watches see all others, and each watch counts against the system's limit for the user.
	maxFileWatches = 512
	// maxLinks is where a chain of symbolic links is taken for a loop, as Linux does.
	maxLinks = 40
)

// watchPlan says what to watch for the files of a configuration, and which events matter.
type watchPlan struct {
	watches []string        // folders and files
	names   map[string]bool // files, folders and links on the way to a file
	folders map[string]bool // folders in which every name matters
}

// planFor works out the plan for the file system as it is now. Of each path every component matters, those of the
// targets of links included: each can be replaced by another, and the watch for that is on the folder it is in.
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

// tracer follows paths through the file system and notes what it passes.
type tracer struct {
	names   map[string]bool   // every component
	folders map[string]bool   // every folder that holds one
	real    map[string]string // folders that were followed before
	links   int               // followed for this path
}

// trace follows an absolute path and gives where it ends, "" if that is nowhere.
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

// step goes from the folder at, which is no link, to name in it.
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
