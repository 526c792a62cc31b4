package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// startSync hands a written file to a worker. It waits when the disk is behind,
// which bounds the open descriptors.
func (d *Directory) startSync(ctx context.Context, f *file) error {
	d.mu.Lock()
	start := d.running < d.options.SyncWorkers
	if start {
		d.running++
	}
	d.mu.Unlock()
	if start {
		d.workers.Go(func() { d.work(f) })
		return nil
	}
	select {
	case d.jobs <- f:
		return nil
	case <-ctx.Done():
		f.f.Close()
		return ctx.Err()
	}
}

// work fsyncs one file after the other until Close.
func (d *Directory) work(f *file) {
	d.fsync(f)
	for f := range d.jobs {
		d.fsync(f)
	}
}

// fsync makes a file durable through the descriptor that wrote it: another one
// might not be told of an error that came before it was opened.
func (d *Directory) fsync(f *file) {
	defer close(f.done)
	if f.discarded.Load() {
		f.f.Close()
		return
	}
	err := d.before(StepFsync, f.id)
	if err == nil {
		err = f.f.Sync()
	}
	f.err = errors.Join(err, f.f.Close())
	f.f = nil
}

// Sync returns once the files' contents and their names in the staging folder are
// durable, and allows them to be published. A file that could not be made so is
// named in the error and can only be discarded.
func (d *Directory) Sync(ctx context.Context, group []*Staged) error {
	files := make([]*file, len(group))
	d.mu.Lock()
	for i, s := range group {
		files[i] = d.files[s.ID]
	}
	d.mu.Unlock()
	for i, f := range files {
		if f == nil {
			return fmt.Errorf("sync staging file %q for %q: %w", group[i].ID, group[i].Path, ErrGone)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("sync %d staging files in %s: %w", len(group), d.path, ctx.Err())
		}
		if f.err != nil {
			return fmt.Errorf("sync staging file %s for %q: %w", filepath.Join(d.stagingPath(), f.id), group[i].Path, f.err)
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := d.fsyncFolder(d.staging); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range files {
		f.synced = true
	}
	return nil
}

// syncFolders makes the names that publish gave durable, and the removal of the staging names.
func (d *Directory) syncFolders(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sync folders in %s: %w", d.path, err)
	}
	d.mu.Lock()
	touched := d.touched
	d.touched = make(map[*folder]bool)
	d.mu.Unlock()
	if len(touched) == 0 {
		return d.failure()
	}
	defer d.closeFolders()
	if err := d.fsyncTouched(touched); err != nil {
		return err
	}
	return d.removeJoined(ctx)
}
