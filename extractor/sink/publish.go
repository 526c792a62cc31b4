package sink

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Errors of [Directory.Sync] and [Directory.Publish].
var (
	// ErrOtherFolder: the file was staged in another staging folder than this one. The disk is not
	// mounted, or the folder has been removed.
	ErrOtherFolder = errors.New("staged in another folder than the one that is there now: is its disk mounted, has it been removed?")
	// ErrNotSynced: Sync has not returned nil for this file.
	ErrNotSynced = errors.New("not synced")

	errGone        = errors.New("staging file is gone")
	errStageFailed = errors.New("staging was given up")
)

// maxRetries bounds how often other processes may take a name away.
const maxRetries = 1000

// Publish renames staging files to their Paths, in this order, and makes the names durable. If a
// name has been taken meanwhile, the file gets the next free one, and Publish sets its Path. A name
// that the file system refuses gets plain letters.
//
// Publish stops at the first file that it can't publish, and between two files if its context ends.
// The files before are in place then, and may be published again.
//
// After a crash, of a file that an earlier Directory staged, the ID and the Path are enough. If its
// staging file is gone it has been published: Publish sets Before, and makes the rename durable, as
// it may not have been yet.
func (d *Directory) Publish(ctx context.Context, files []*Staged) error {
	for _, s := range files {
		err := ctx.Err()
		if err == nil {
			err = d.publish(s)
		}
		if s.Before = errors.Is(err, errGone); err != nil && !s.Before {
			return fmt.Errorf("publish %q in %s: %w", s.Path, d.folders.path, err)
		}
	}
	if err := d.folders.sync(ctx); err != nil {
		return err
	}
	return d.removeJoined(ctx)
}

// publish renames one file. errGone says that it was published before.
func (d *Directory) publish(s *Staged) error {
	if !isStagingID(s.ID) {
		return fmt.Errorf("staging file %q is no name that was given here", s.ID)
	}
	d.folders.inUse.RLock()
	defer d.folders.inUse.RUnlock()
	dir, name := path.Split(s.Path)
	to, err := d.folders.get(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return err
	}
	if name == "" || name != harmless(to, name) {
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
		err = d.folders.move(d.folders.staging, s.ID, to, name)
		if plain := plainName(wanted); refusesName(err) && plain != wanted {
			wanted = plain // or the file could never be published, and held up the account for ever
		} else if !errors.Is(err, fs.ErrExist) {
			break
		}
		if s.Path, err = d.names.reserve(to, wanted, d.folders.maxName, f); err != nil {
			return err
		}
		name = path.Base(s.Path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = d.gone(s.ID, staged, err)
		if !errors.Is(err, errGone) {
			return err
		}
	case err != nil:
		return err
	}
	if f.sidecar && name != before {
		// Another process took the name at the last moment: the sidecar, which is
		// there already, follows. Should that fail too, it is found by its digest.
		_ = d.folders.move(to, before+sidecarExt, to, name+sidecarExt)
	}
	d.folders.touch(to)
	d.waiting.published(s.ID, s.Path, f.joined)
	d.forget(f)
	return err
}

// gone says what it means that a rename found the staging file missing. Only a file that an earlier
// Directory staged in this very staging folder counts as published.
func (d *Directory) gone(id string, staged bool, cause error) error {
	if _, err := d.folders.staging.root.Lstat(id); err == nil {
		return fmt.Errorf("the folder has been removed: %w", cause)
	}
	// In a folder that was removed while open every name is missing.
	if current, err := os.Stat(d.folders.stagingPath()); err != nil {
		return fmt.Errorf("the staging folder has been removed: %w", err)
	} else if opened, err := d.folders.staging.dir.Stat(); err != nil || !os.SameFile(current, opened) {
		return ErrOtherFolder
	}
	switch {
	case staged:
		return fmt.Errorf("staging file %s was removed by somebody else: %w", filepath.Join(d.folders.stagingPath(), id), cause)
	case !d.ofThisFolder(id):
		return ErrOtherFolder
	}
	return errGone
}
