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

// Inspection is what a folder's staging folder holds, as [Inspect] found it.
type Inspection struct {
	// Mark is the number that [Directory.SetMark] left, 0 without any.
	Mark int64
	// Files are the staging files, by ID.
	Files map[string]bool

	folderID string
}

// Fate is what became of a staging file.
type Fate int

// The fates of staging files. Published is what [ErrGone] says, Elsewhere what [ErrOtherFolder] does.
const (
	Waiting   Fate = iota // it is there
	Published             // it is gone from the folder that it was staged in
	Elsewhere             // it was staged in another folder than the one that is there now
)

// Identity tells a folder from another one in its place.
type Identity struct {
	ID   string // of its staging folder, "" without one
	Mark int64  // that [Directory.SetMark] left, 0 without any
	Gone bool   // there is no such folder
}

// Identify looks at dir and changes nothing. Open gives the folder an ID that stays, and a new one when somebody has removed it, or another disk
// is there.
func Identify(dir string) (Identity, error) {
	i := &Inspection{}
	_, err := os.Stat(dir)
	gone := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		if root, openErr := os.OpenRoot(filepath.Join(dir, defaultStaging)); openErr == nil {
			err = errors.Join(i.identify(root), root.Close())
		} else {
			err = openErr
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Identity{}, fmt.Errorf("look at attachment folder %s: %w", dir, err)
	}
	return Identity{ID: i.folderID, Mark: i.Mark, Gone: gone}, nil
}

// Inspect looks into the staging folder below dir and changes nothing, not even a folder
// that is missing, which reads like one that was removed.
func Inspect(dir string) (*Inspection, error) {
	i := &Inspection{Files: make(map[string]bool)}
	if err := i.read(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look into attachment folder %s: %w", dir, err)
	}
	return i, nil
}

func (i *Inspection) read(dir string) error {
	root, err := os.OpenRoot(filepath.Join(dir, defaultStaging))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := i.identify(root); err != nil || i.folderID == "" {
		return err
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if isStagingID(e.Name()) {
			i.Files[e.Name()] = true
		}
	}
	return err
}

// identify reads the ID and the mark.
func (i *Inspection) identify(staging *os.Root) error {
	f, err := staging.Open(folderIDFile)
	if err != nil {
		return err
	}
	id := make([]byte, folderIDLength)
	_, err = io.ReadFull(f, id)
	f.Close()
	if err != nil || !isID(string(id)) {
		return nil // Open would give it another one
	}
	i.folderID = string(id)
	i.Mark, err = readMark(staging)
	return err
}

// Fate tells what became of a staging file.
func (i *Inspection) Fate(id string) Fate {
	switch {
	case i.Files[id]:
		return Waiting
	case i.folderID != "" && strings.HasPrefix(id, i.folderID+"-"):
		return Published
	}
	return Elsewhere
}

// OpenFile opens a file below the folder for reading, by its path there: one that was delivered, or
// put into a hidden folder by [Directory.StageRaw].
func (d *Directory) OpenFile(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	err := ctx.Err()
	var f *os.File
	if err == nil {
		f, err = d.top.root.Open(filepath.FromSlash(path))
	}
	if err != nil {
		return nil, fmt.Errorf("open %q in %s: %w", path, d.path, err)
	}
	return f, nil
}

// RemoveFile removes a file below the folder. One that is gone is no error. With the last piece of a message goes
// the folder that it waited in.
func (d *Directory) RemoveFile(ctx context.Context, name string) error {
	d.foldersInUse.Lock()
	defer d.foldersInUse.Unlock()
	err := ctx.Err()
	if err == nil {
		err = d.top.root.Remove(filepath.FromSlash(name))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %q in %s: %w", name, d.path, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting.remove(name)
	if folder := path.Dir(name); path.Dir(folder) == PartialFolder && d.top.root.Remove(folder) == nil { // it was empty
		d.forgetFolder(folder)
	}
	return nil
}
