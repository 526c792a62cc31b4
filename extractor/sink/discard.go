package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Discard removes staging files that will not be published, and frees their names. It passes over
// files that are gone or published.
func (d *Directory) Discard(ctx context.Context, group []*Staged) error {
	var errs []error
	for _, s := range group {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(errs, fmt.Errorf("discard staging files in %s: %w", d.folders.path, err))...)
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
	d.waiting.drop(id)
	if f := d.staged(id); f != nil {
		f.discarded.Store(true)
		d.forget(f)
	}
	err := d.before(StepUnlink, id)
	if err == nil {
		err = d.folders.staging.root.Remove(id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sweep removes the staging files of earlier Directories and returns how many there were. It is for
// files that a crash left before the ledger recorded them, so publish what the ledger knows first.
// Files that this Directory staged stay, and so do others in the staging folder.
func (d *Directory) Sweep(ctx context.Context) (removed int, err error) {
	err = ctx.Err()
	var dir *os.File
	if err == nil {
		dir, err = d.folders.staging.root.Open(".")
	}
	if err != nil {
		return 0, fmt.Errorf("sweep %s: %w", d.folders.stagingPath(), err)
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
			if ours || !isStagingID(id) && !halfMade {
				continue
			}
			err := ctx.Err()
			if err == nil {
				err = d.discard(id)
			}
			if err != nil {
				return removed, fmt.Errorf("sweep %s: %w", d.folders.stagingPath(), err)
			}
			removed++
		}
		if errors.Is(err, io.EOF) {
			return removed, nil
		}
		if err != nil {
			return removed, fmt.Errorf("sweep %s: %w", d.folders.stagingPath(), err)
		}
	}
}
