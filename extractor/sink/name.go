package sink

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/attachd/attachd/extractor"
)

// maxRemembered bounds the memory for the numbers that were given. Forgetting one costs a few looks
// at the disk.
const maxRemembered = 4096

// reservations are the final names of files that are not published yet.
type reservations struct {
	hooks
	path string // of the target

	mu    sync.Mutex
	given map[string]string // guarded by mu, as is all that follows: by final path, the ID of the file
	last  map[string]int    // the highest number given, by path without number
}

// reserve chooses a free name in a folder for a file, of at most limit bytes, and returns its path.
func (r *reservations) reserve(to *folder, name string, limit int, f *file) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	chosen, err := r.free(to, noOption(harmless(to, name)), limit, f.sidecar)
	if err != nil {
		return "", fmt.Errorf("choose a name for %q in %s: %w", name, r.path, err)
	}
	r.drop(f)
	f.path = path.Join(to.name, chosen)
	r.given[f.path] = f.id
	return f.path, nil
}

// reserveBeside gives a sidecar the name that reserve has kept free for it.
func (r *reservations) reserveBeside(path string, f *file) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.path = path + sidecarExt
	r.given[f.path] = f.id
}

// release gives up the name that is reserved for a file.
func (r *reservations) release(f *file) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(f)
}

// drop is release with r.mu held.
func (r *reservations) drop(f *file) {
	if f.path != "" && r.given[f.path] == f.id {
		delete(r.given, f.path)
	}
}

// taken reports whether a name, or that of its sidecar, is reserved or on the disk.
// r.mu is held.
func (r *reservations) taken(to *folder, name string, sidecar bool) (bool, error) {
	if sidecar {
		if taken, err := r.taken(to, name+sidecarExt, false); taken || err != nil {
			return taken, err
		}
	}
	if _, ok := r.given[path.Join(to.name, name)]; ok {
		return true, nil
	}
	if err := r.before(StepLook, name); err != nil {
		return false, err
	}
	return isThere(to, name)
}

// free returns the name itself if it is free, else the name with the next free number. r.mu is
// held.
//
// Ten thousand files of one name are common (a logo in each message), so that the numbers are not
// tried one by one. The last one given is remembered. If it is not known, steps that double find a
// free number, and bisection finds the first one behind those that are taken.
func (r *reservations) free(to *folder, name string, limit int, sidecar bool) (string, error) {
	if sidecar {
		limit -= len(sidecarExt)
	}
	name = extractor.CutName(name, limit)
	if taken, err := r.taken(to, name, sidecar); err != nil || !taken {
		return name, err
	}
	key := path.Join(to.name, name)
	low := max(r.last[key], 1) // taken, or taken once
	step := 1
	high := low
	for {
		if high > 1<<30 {
			return "", fmt.Errorf("no number is free for %q", name)
		}
		high += step
		taken, err := r.taken(to, numbered(name, high, limit), sidecar)
		if err != nil {
			return "", err
		}
		if !taken {
			break
		}
		low = high
		step *= 2
	}
	for low+1 < high {
		middle := low + (high-low)/2
		taken, err := r.taken(to, numbered(name, middle, limit), sidecar)
		if err != nil {
			return "", err
		}
		if taken {
			low = middle
		} else {
			high = middle
		}
	}
	if len(r.last) >= maxRemembered {
		clear(r.last)
	}
	r.last[key] = high
	return numbered(name, high, limit), nil
}

// harmless is a second defence behind [extractor.SafeName]: its result is one name in the folder,
// and none that the sink uses itself, whatever name comes.
func harmless(to *folder, name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || r < 0x20 || r == 0x7f {
			return '_'
		}
		return r
	}, name)
	switch {
	case strings.Trim(name, ".") == "":
		return "attachment"
	case !strings.HasPrefix(to.name, ".") && strings.HasPrefix(name, "."):
		return "_" + name
	}
	return name
}

// noOption keeps a name from being an option, or somebody's home, to a script that works on the
// files: -rf, --help, ~root. Names that an older version reserved are published as they are.
func noOption(name string) string {
	rest := strings.TrimLeft(name, "-~")
	return strings.Repeat("_", len(name)-len(rest)) + rest
}

// sidecarExt stands behind an attachment's name in the name of its sidecar.
const sidecarExt = ".json"

// deepestPath bounds the folders that a [Plan] may put below each other.
const deepestPath = 16

// SafePath returns where a file goes if Path of a [Plan] returns p: below the folder, with each
// component made safe by [extractor.SafeName], in at most 16 folders within each other.
func SafePath(p string) string { return path.Join(safePath(p)) }

// nobody stands for a component that is empty.
const nobody = "_"

// safePath splits a path into folder and name, both safe: no component leads up, is hidden, or
// holds what [extractor.SafeName] takes out. An empty component does not vanish. In
// {{.Sender}}/{{.Name}}, a mail without a sender could otherwise put a file where the folder of
// another sender belongs.
func safePath(p string) (folder, name string) {
	parts := strings.Split(p, "/")
	for i, part := range parts {
		if parts[i] = extractor.SafeName(strings.ReplaceAll(part, `\`, "_")); parts[i] == "" {
			parts[i] = nobody
		}
	}
	last := len(parts) - 1
	if name = parts[last]; name == nobody {
		name = "attachment"
	}
	return path.Join(parts[:min(last, deepestPath)]...), name
}

// numbered puts "-n" before the extension of a name. It cuts the part before that, so that the
// whole has at most limit bytes.
func numbered(name string, n, limit int) string {
	base, ext := extractor.SplitExt(name)
	suffix := "-" + strconv.Itoa(n) + ext
	return extractor.CutName(base, limit-len(suffix)) + suffix
}
