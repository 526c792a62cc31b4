package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// folder is an open folder: root for names in it, dir for its own fsync.
type folder struct {
	name string
	root *os.Root
	dir  *os.File
}

func openFolder(name string, root *os.Root) (*folder, error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &folder{name: name, root: root, dir: dir}, nil
}

func (f *folder) close() error { return errors.Join(f.dir.Close(), f.root.Close()) }

// makeTop makes a folder and its missing parents, each durable before the next:
// what is delivered below must not vanish with a power cut.
func (d *Directory) makeTop(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := d.makeTop(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, d.options.DirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		// A parent that may be entered and not read can't be fsynced either; it
		// was not made here, so it is the owner's to make durable.
		return nil
	}
	defer f.Close()
	return d.fsyncFolder(&folder{name: parent, dir: f})
}

// openIn opens a folder directly below another, making it if it is missing.
func (d *Directory) openIn(above *folder, name string, mode fs.FileMode) (*folder, error) {
	err := d.before(StepMkdir, path.Join(above.name, name))
	if err == nil {
		err = above.root.Mkdir(name, mode)
	}
	if err == nil {
		err = d.fsyncFolder(above)
	} else if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	// os.Root keeps a symbolic link from leading out, but one within would still mix
	// staging files with delivered ones.
	info, err := above.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no folder: %w: move it away", filepath.Join(d.path, above.name, name), errTaken)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder: move it away", filepath.Join(d.path, above.name, name))
	}
	root, err := above.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return openFolder(path.Join(above.name, name), root)
}

// forgetFolder closes a folder that was removed. d.foldersInUse and d.mu are held for writing.
func (d *Directory) forgetFolder(name string) {
	if f := d.folders[name]; f != nil {
		delete(d.folders, name)
		delete(d.touched, f)
		f.close()
	}
}

// freeFolder returns the open folder of a path, which is made if it is missing. Where a file has the name of one of its folders,
// that gets a number, as files do. d.foldersInUse is held for reading while it is used.
func (d *Directory) freeFolder(name string) (*folder, error) {
	f, err := d.folder(name)
	if !errors.Is(err, errTaken) {
		return f, err
	}
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		for n := 1; ; n++ {
			try := part
			if n > 1 {
				try = numbered(part, n, d.maxName)
			}
			f, err = d.folder(path.Join(at, try))
			if errors.Is(err, errTaken) && n < maxRetries {
				continue
			}
			if err != nil {
				return nil, err
			}
			at = f.name
			break
		}
	}
	return f, nil
}

// errTaken says that what should be a folder is a file.
var errTaken = errors.New("it is a file")

// folder returns the open folder of this path below the top, "" for the top itself.
// It is made if it is missing. d.foldersInUse is held for reading while it is used.
func (d *Directory) folder(name string) (*folder, error) {
	if name == "" {
		return d.top, nil
	}
	d.mu.Lock()
	f := d.folders[name]
	d.mu.Unlock()
	if f != nil {
		return f, nil
	}
	if path.Clean(name) != name || !filepath.IsLocal(name) || name == "." || strings.Contains(name, `\`) || name == d.staging.name || strings.HasPrefix(name, d.staging.name+"/") {
		return nil, fmt.Errorf("%q is no folder for attachments", name)
	}
	above, err := d.folder(strings.TrimSuffix(path.Dir(name), "."))
	if err != nil {
		return nil, err
	}
	f, err = d.openIn(above, path.Base(name), d.options.DirMode)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if other := d.folders[name]; other != nil {
		return other, f.close()
	}
	d.folders[name] = f
	return f, nil
}

// fsyncTouched makes the names in folders durable, which stay open meanwhile.
func (d *Directory) fsyncTouched(touched map[*folder]bool) error {
	d.foldersInUse.RLock()
	defer d.foldersInUse.RUnlock()
	// The new names first: a power cut in between then leaves a file with both
	// names or under the new one, never without any.
	for f := range touched {
		if err := d.fsyncFolder(f); err != nil {
			return err
		}
	}
	return d.fsyncFolder(d.staging)
}

// maxFolders is how many folders are kept open for the next files.
const maxFolders = 64

// closeFolders closes the open folders when there are many, which names made from
// senders or days lead to.
func (d *Directory) closeFolders() {
	d.foldersInUse.Lock()
	defer d.foldersInUse.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.folders) <= maxFolders {
		return
	}
	for name, f := range d.folders {
		if !d.touched[f] {
			delete(d.folders, name)
			f.close()
		}
	}
}

func (d *Directory) failure() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.broken
}

// fsyncFolder makes the names in a folder durable. After one failure it fails for good.
func (d *Directory) fsyncFolder(f *folder) error {
	if err := d.failure(); err != nil {
		return err
	}
	err := d.before(StepFsyncFolder, f.name)
	if err == nil {
		err = f.dir.Sync()
	}
	if err == nil || unsyncable(err) {
		return nil
	}
	name := f.name // of a parent of the top
	if !filepath.IsAbs(name) {
		name = filepath.Join(d.path, name)
	}
	err = fmt.Errorf("sync folder %s: %w", name, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = err
	return err
}
