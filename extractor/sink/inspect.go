package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Inspector looks at the folder of a [Directory] and changes nothing. It may be used while a
// Directory works there, to check a state, to list a quarantine, or to show a page. Paths are as in
// [Staged].
type Inspector struct{ dir string }

// Inspect returns the Inspector of a folder, which need not be there.
func Inspect(dir string) Inspector { return Inspector{dir} }

// Identity tells a folder from another one in its place.
type Identity struct {
	ID   string // of its staging folder, "" without one
	Mark int64  // that [Directory.SetMark] left, 0 without any
	Gone bool   // there is no such folder
	// Tidy says that nothing is left there that [Directory.Sweep] would remove, and no pieces of
	// messages. It may be false without a reason.
	Tidy bool
}

// Snapshot is what a folder and its staging folder held at one time.
type Snapshot struct {
	Identity
	// Files are the staging files, by ID.
	Files map[string]bool
}

// Fate is what became of a staging file.
type Fate int

// The fates of staging files. Published is what [Staged].Before says, and Elsewhere what
// [ErrOtherFolder] says.
const (
	Waiting   Fate = iota // it is there
	Published             // it is gone from the folder that it was staged in
	Elsewhere             // it was staged in another folder than the one that is there now
)

// Fate tells what became of a staging file.
func (s *Snapshot) Fate(id string) Fate {
	switch {
	case s.Files[id]:
		return Waiting
	case s.ID != "" && strings.HasPrefix(id, s.ID+"-"):
		return Published
	}
	return Elsewhere
}

// Stored is a file that stands in a folder.
type Stored struct {
	Path string // relative to the folder, separated by slashes
	Size int64  // bytes
}

// Place names the folder for a person.
func (i Inspector) Place() string { return i.dir }

// PlaceOf names a file for a person.
func (i Inspector) PlaceOf(path string) string { return filepath.Join(i.dir, filepath.FromSlash(path)) }

// Identity says which folder it is. [Open] gives a folder an ID, which stays. The folder has
// another one, or none, if somebody has removed it, or if another disk is there.
func (i Inspector) Identity(ctx context.Context) (Identity, error) {
	is := Identity{}
	err := i.look(ctx, func() error {
		_, err := os.Stat(i.dir)
		if is.Gone = errors.Is(err, fs.ErrNotExist); err != nil {
			return err
		}
		return i.glance(&is)
	})
	return is, err
}

// Snapshot reads the Identity and lists the staging files.
func (i Inspector) Snapshot(ctx context.Context) (*Snapshot, error) {
	s := &Snapshot{Files: make(map[string]bool)}
	var err error
	if s.Identity, err = i.Identity(ctx); err != nil || s.ID == "" {
		return s, err
	}
	return s, i.look(ctx, func() error {
		return i.inStaging(func(root *os.Root) error {
			entries, err := fs.ReadDir(root.FS(), ".")
			for _, e := range entries {
				if isStagingID(e.Name()) {
					s.Files[e.Name()] = true
				}
			}
			return err
		})
	})
}

// List returns the files in a hidden folder, such as [PartialFolder], and in those below it, in the
// order of their paths. A folder that is not there has none. Links and other things that are no
// files are left out.
func (i Inspector) List(ctx context.Context, folder string) (files []Stored, err error) {
	err = i.look(ctx, func() error {
		root, err := os.OpenRoot(i.dir)
		if err != nil {
			return err
		}
		defer root.Close()
		return fs.WalkDir(root.FS(), folder, func(name string, e fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if errors.Is(err, fs.ErrNotExist) {
				return nil // not there, or removed meanwhile
			}
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil {
				files = append(files, Stored{name, info.Size()})
			}
			return err
		})
	})
	return files, err
}

// Stat looks at one file. If the file or the whole folder is gone, the error is an
// [fs.ErrNotExist].
func (i Inspector) Stat(ctx context.Context, path string) (Stored, error) {
	err := ctx.Err()
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(i.dir)
	}
	var info fs.FileInfo
	if err == nil {
		defer root.Close()
		info, err = root.Stat(filepath.FromSlash(path))
	}
	if err != nil {
		return Stored{}, fmt.Errorf("look at %q in %s: %w", path, i.dir, err)
	}
	return Stored{path, info.Size()}, nil
}

// OpenFile opens one file for reading. If it is gone, the error is an [fs.ErrNotExist]. No link
// leads out of the folder.
func (i Inspector) OpenFile(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	err := ctx.Err()
	var f *os.File
	if err == nil {
		f, err = os.OpenInRoot(i.dir, filepath.FromSlash(path))
	}
	if err != nil {
		return nil, fmt.Errorf("open %q in %s: %w", path, i.dir, err)
	}
	return f, nil
}

// Folders returns the paths, in the file system, of the folders that a Directory must be able to
// write to: the folder itself, and its staging folder and the hidden folders of these names if they
// are there.
func (i Inspector) Folders(hidden ...string) []string {
	all := []string{i.dir}
	for _, name := range append([]string{defaultStaging}, hidden...) {
		if _, err := os.Lstat(i.PlaceOf(name)); err == nil {
			all = append(all, i.PlaceOf(name))
		}
	}
	return all
}

// look runs fn and explains its error. What is not there is no error: it holds nothing.
func (i Inspector) look(ctx context.Context, fn func() error) error {
	err := ctx.Err()
	if err == nil {
		err = fn()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look into attachment folder %s: %w", i.dir, err)
	}
	return nil
}

// inStaging runs fn on the staging folder.
func (i Inspector) inStaging(fn func(root *os.Root) error) error {
	root, err := os.OpenRoot(i.PlaceOf(defaultStaging))
	if err != nil {
		return err
	}
	defer root.Close()
	return fn(root)
}

// OpenFile opens a file for reading by its path below the folder. If it is gone, the error is an
// [fs.ErrNotExist].
func (d *Directory) OpenFile(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	err := ctx.Err()
	var f *os.File
	if err == nil {
		f, err = d.folders.top.root.Open(filepath.FromSlash(path))
	}
	if err != nil {
		return nil, fmt.Errorf("open %q in %s: %w", path, d.folders.path, err)
	}
	return f, nil
}

// RemoveFile removes a file by its path below the folder. One that is gone is no error. With the
// last piece of a message, the folder that it waited in goes, too.
func (d *Directory) RemoveFile(ctx context.Context, name string) error {
	d.folders.inUse.Lock()
	defer d.folders.inUse.Unlock()
	err := ctx.Err()
	if err == nil {
		err = d.folders.top.root.Remove(filepath.FromSlash(name))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %q in %s: %w", name, d.folders.path, err)
	}
	d.waiting.remove(name)
	if folder := path.Dir(name); path.Dir(folder) == PartialFolder && d.folders.top.root.Remove(folder) == nil { // it was empty
		d.folders.forget(folder)
	}
	return nil
}
