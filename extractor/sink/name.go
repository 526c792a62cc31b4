package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/attachd/attachd/extractor"
)

// maxRemembered bounds the memory for numbers given. Forgetting one costs a few
// looks at the disk.
const maxRemembered = 4096

// reserve chooses a free name in a folder for a file and returns its path.
func (d *Directory) reserve(to *folder, name string, f *file) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	chosen, err := d.freeName(to, noOption(d.harmless(to, name)), f.sidecar)
	if err != nil {
		return "", fmt.Errorf("choose a name for %q in %s: %w", name, d.path, err)
	}
	d.release(f)
	f.path = path.Join(to.name, chosen)
	d.reserved[f.path] = f.id
	return f.path, nil
}

// release gives up the name that is reserved for a file. d.mu is held.
func (d *Directory) release(f *file) {
	if f.path != "" && d.reserved[f.path] == f.id {
		delete(d.reserved, f.path)
	}
}

// taken reports whether a name, or that of its sidecar, is reserved or on the disk.
// d.mu is held.
func (d *Directory) taken(to *folder, name string, sidecar bool) (bool, error) {
	if sidecar {
		if taken, err := d.taken(to, name+sidecarExt, false); taken || err != nil {
			return taken, err
		}
	}
	if _, ok := d.reserved[path.Join(to.name, name)]; ok {
		return true, nil
	}
	err := d.before(StepLook, name)
	if err == nil {
		_, err = to.root.Lstat(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// freeName returns name itself if it is free, else the next free number behind
// it. Ten thousand files of one name are common (a logo in each message), so
// the numbers are not tried one by one: the last one given is remembered, and where it
// is not known, steps that double find a free one and bisection the first behind
// those taken. d.mu is held.
func (d *Directory) freeName(to *folder, name string, sidecar bool) (string, error) {
	limit := d.maxName
	if sidecar {
		limit -= len(sidecarExt)
	}
	name = extractor.CutName(name, limit)
	if taken, err := d.taken(to, name, sidecar); err != nil || !taken {
		return name, err
	}
	key := path.Join(to.name, name)
	low := max(d.last[key], 1) // taken, or taken once
	step := 1
	high := low
	for {
		if high > 1<<30 {
			return "", fmt.Errorf("no number is free for %q", name)
		}
		high += step
		taken, err := d.taken(to, numbered(name, high, limit), sidecar)
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
		taken, err := d.taken(to, numbered(name, middle, limit), sidecar)
		if err != nil {
			return "", err
		}
		if taken {
			low = middle
		} else {
			high = middle
		}
	}
	if len(d.last) >= maxRemembered {
		clear(d.last)
	}
	d.last[key] = high
	return numbered(name, high, limit), nil
}

// harmless is the second line behind extractor.SafeName: whatever name comes, it
// stays one name in the folder, and none that the sink uses itself.
func (d *Directory) harmless(to *folder, name string) string {
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

// noOption keeps a name from being an option or a home folder to a script that works on the files: -rf, --help, ~root. A name that was chosen before
// this was so is published as it is.
func noOption(name string) string {
	rest := strings.TrimLeft(name, "-~")
	return strings.Repeat("_", len(name)-len(rest)) + rest
}

// sidecarExt stands behind an attachment's name in the name of its sidecar.
const sidecarExt = ".json"

// deepestPath bounds the folders that a [Plan] may put below each other.
const deepestPath = 16

// SafePath returns where a file goes for which a [Plan] gives a path.
func SafePath(p string) string { return path.Join(safePath(p)) }

// nobody is the name of a folder for which there is none.
const nobody = "_"

// safePath splits a path into folder and name, both safe: no component
// leads up, is hidden, or holds what [extractor.SafeName] takes out. One that is empty does not vanish: a mail without a sender
// could put its file, by the name of somebody's domain, where the folder of that belongs.
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

// numbered puts "-n" before a name's extension and cuts the part before it so
// that the whole has at most limit bytes.
func numbered(name string, n, limit int) string {
	base, ext := extractor.SplitExt(name)
	suffix := "-" + strconv.Itoa(n) + ext
	return extractor.CutName(base, limit-len(suffix)) + suffix
}
