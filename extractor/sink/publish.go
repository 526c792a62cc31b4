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
	"syscall"
)

// Errors of [Directory.Sync] and [Directory.Publish].
var (
	// ErrGone: the staging file is not there any more.
	ErrGone = errors.New("staging file is gone")
	// ErrOtherFolder: the file was staged in a staging folder that is not this
	// one: the disk is not mounted, or the folder has been removed.
	ErrOtherFolder = errors.New("staged in another folder than the one that is there now: is its disk mounted, has it been removed?")
	// ErrNotSynced: Sync has not returned nil for this file.
	ErrNotSynced = errors.New("not synced")

	errStageFailed = errors.New("staging was given up")
)

// maxRetries bounds how often other processes may take the name away.
const maxRetries = 1000

// Publish renames staging files to their Paths, in this order, and makes the names durable. Where a name is
// taken by now it uses the next free one and sets s.Path. It stops at the first file that it can't publish; those before it
// are in place then, and it is no error to publish them again.
//
// After a crash, a file need only have the ID and the Path of one that was staged by an earlier Directory. If its staging file is gone
// it has been published: Publish sets s.Before and makes that rename durable, as it may not have been yet.
//
// A context that ends stops it between two files, or before the names are durable.
func (d *Directory) Publish(ctx context.Context, files []*Staged) error {
	for _, s := range files {
		err := ctx.Err()
		if err == nil {
			err = d.publish(s)
		}
		if s.Before = errors.Is(err, ErrGone); err != nil && !s.Before {
			return fmt.Errorf("publish %q in %s: %w", s.Path, d.path, err)
		}
	}
	return d.syncFolders(ctx)
}

// publish renames one file. ErrGone says that it was published before.
func (d *Directory) publish(s *Staged) error {
	if !isStagingID(s.ID) {
		return fmt.Errorf("staging file %q is no name that was given here", s.ID)
	}
	d.foldersInUse.RLock()
	defer d.foldersInUse.RUnlock()
	dir, name := path.Split(s.Path)
	to, err := d.folder(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return err
	}
	if name == "" || name != d.harmless(to, name) {
		return fmt.Errorf("%q is no name for an attachment", name)
	}
	d.mu.Lock()
	f := d.files[s.ID]
	synced := f == nil || f.synced
	d.mu.Unlock()
	if !synced {
		return ErrNotSynced
	}
	wanted := s.Attachment.Name
	if wanted == "" {
		wanted = name
	}
	staged := f != nil
	if !staged {
		f = &file{id: s.ID, path: s.Path}
	}
	before := name
	for range maxRetries {
		err = d.move(d.staging, s.ID, to, name)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		if s.Path, err = d.reserve(to, wanted, f); err != nil {
			return err
		}
		name = path.Base(s.Path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = d.gone(s.ID, staged, err)
		if !errors.Is(err, ErrGone) {
			return err
		}
	case err != nil:
		return err
	}
	if f.sidecar && name != before {
		// Another process took the name at the last moment: the sidecar, which is
		// there already, follows. Should that fail too, it is found by its digest.
		_ = d.move(to, before+sidecarExt, to, name+sidecarExt)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.touched[to] = true
	d.release(f)
	delete(d.files, s.ID)
	if p := d.waiting.staged[s.ID]; p != nil {
		delete(d.waiting.staged, s.ID)
		p.id, p.path = "", s.Path
	}
	if f.joined != "" {
		d.waiting.joined = append(d.waiting.joined, f.joined)
	}
	return err
}

// gone says what it means that a rename found a name missing. Only a file of an
// earlier Directory, of this very staging folder, may be taken as published.
func (d *Directory) gone(id string, staged bool, cause error) error {
	if _, err := d.staging.root.Lstat(id); err == nil {
		return fmt.Errorf("the folder has been removed: %w", cause)
	}
	// In a folder that was removed while open every name is missing.
	if current, err := os.Stat(d.stagingPath()); err != nil {
		return fmt.Errorf("the staging folder has been removed: %w", err)
	} else if opened, err := d.staging.dir.Stat(); err != nil || !os.SameFile(current, opened) {
		return ErrOtherFolder
	}
	switch {
	case staged:
		return fmt.Errorf("staging file %s was removed by somebody else: %w", filepath.Join(d.stagingPath(), id), cause)
	case !d.ofThisFolder(id):
		return ErrOtherFolder
	}
	return ErrGone
}

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

// move renames a file without overwriting: fs.ErrExist if the new name is taken.
func (d *Directory) move(from *folder, oldName string, to *folder, newName string) error {
	if !d.noRename2.Load() {
		err := d.before(StepRename, newName)
		if err == nil {
			err = renameNoReplace(from.dir, oldName, to.dir, newName)
		}
		if !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
			return err
		}
		d.noRename2.Store(true)
	}
	return d.moveByLink(from, oldName, to, newName)
}

// moveByLink gives the file its second name and takes the first away. Between
// the two it has both: a run after a crash finds more than one link on the
// staging file and knows that it has been published, under whatever name.
func (d *Directory) moveByLink(from *folder, oldName string, to *folder, newName string) error {
	info, err := from.root.Lstat(oldName)
	if err != nil {
		return err
	}
	if links(info) < 2 {
		err := d.before(StepLink, newName)
		if err == nil {
			err = d.top.root.Link(path.Join(from.name, oldName), path.Join(to.name, newName))
		}
		if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
			return d.moveIfFree(from, oldName, to, newName)
		}
		if errors.Is(err, fs.ErrExist) {
			// Where links can't be counted, the name itself tells.
			if other, statErr := to.root.Lstat(newName); statErr == nil && os.SameFile(info, other) {
				err = nil
			}
		}
		if err != nil {
			return err
		}
	}
	if err := d.before(StepUnlink, oldName); err != nil {
		return err
	}
	return from.root.Remove(oldName)
}

// moveIfFree is for file systems with neither RENAME_NOREPLACE nor hard links.
// Another process may take the name between the look and the rename.
func (d *Directory) moveIfFree(from *folder, oldName string, to *folder, newName string) error {
	if _, err := to.root.Lstat(newName); err == nil {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.before(StepPlainRename, newName); err != nil {
		return err
	}
	return d.top.root.Rename(path.Join(from.name, oldName), path.Join(to.name, newName))
}

// Discard removes staging files that will not be published and frees their
// names. Files that are gone or published already are passed over.
func (d *Directory) Discard(ctx context.Context, group []*Staged) error {
	var errs []error
	for _, s := range group {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("discard staging files in %s: %w", d.path, err))...)
		}
		if !isStagingID(s.ID) {
			errs = append(errs, fmt.Errorf("discard staging file %q: no name that was given here", s.ID))
			continue
		}
		if err := d.discard(s.ID); err != nil {
			errs = append(errs, fmt.Errorf("discard staging file: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (d *Directory) discard(id string) error {
	d.mu.Lock()
	d.waiting.drop(id)
	if f := d.files[id]; f != nil {
		f.discarded.Store(true)
		d.release(f)
		delete(d.files, id)
	}
	d.mu.Unlock()
	err := d.before(StepUnlink, id)
	if err == nil {
		err = d.staging.root.Remove(id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sweep removes the staging files that keep does not know, nil for none to be
// kept, and that were not staged by this Directory: what a crash left before the
// ledger came to know of it. Other files in the staging folder stay.
func (d *Directory) Sweep(ctx context.Context, keep func(id string) bool) (removed int, err error) {
	dir, err := d.staging.root.Open(".")
	if err != nil {
		return 0, fmt.Errorf("sweep %s: %w", d.stagingPath(), err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1024)
		for _, e := range entries {
			id := e.Name()
			d.mu.Lock()
			_, ours := d.files[id]
			d.mu.Unlock()
			// A process that was killed as it made the folder's ID leaves that, too.
			halfMade := strings.HasPrefix(id, folderIDFile+"-")
			if ours || !isStagingID(id) && !halfMade || keep != nil && keep(id) {
				continue
			}
			err := ctx.Err()
			if err == nil {
				err = d.discard(id)
			}
			if err != nil {
				return removed, fmt.Errorf("sweep %s: %w", d.stagingPath(), err)
			}
			removed++
		}
		if errors.Is(err, io.EOF) {
			return removed, nil
		}
		if err != nil {
			return removed, fmt.Errorf("sweep %s: %w", d.stagingPath(), err)
		}
	}
}
