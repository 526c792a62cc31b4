package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
)

// syncer fsyncs files in the background, some at a time.
type syncer struct {
	hooks
	most    int // workers
	jobs    chan *file
	workers sync.WaitGroup

	mu      sync.Mutex
	running int // guarded by mu: workers
}

// start hands a written file to a worker. It waits when the disk is behind, which bounds the open
// descriptors.
func (s *syncer) start(ctx context.Context, f *file) error {
	s.mu.Lock()
	more := s.running < s.most
	if more {
		s.running++
	}
	s.mu.Unlock()
	if more {
		s.workers.Go(func() { s.work(f) })
		return nil
	}
	select {
	case s.jobs <- f:
		return nil
	case <-ctx.Done():
		f.f.Close()
		return ctx.Err()
	}
}

// close lets the workers end and waits for them.
func (s *syncer) close() {
	close(s.jobs)
	s.workers.Wait()
}

// work fsyncs one file after the other until close.
func (s *syncer) work(f *file) {
	s.fsync(f)
	for f := range s.jobs {
		s.fsync(f)
	}
}

// fsync makes a file durable through the descriptor that wrote it. Another one might not be told of
// an error from before it was opened.
func (s *syncer) fsync(f *file) {
	defer close(f.done)
	if f.discarded.Load() {
		f.f.Close()
		return
	}
	err := s.before(StepFsync, f.id)
	if err == nil {
		err = f.f.Sync()
	}
	f.err = errors.Join(err, f.f.Close())
	f.f = nil
}

// Sync returns nil once the contents of the files, and their names in the staging folder, are
// durable. They may be published then. A file that could not be made durable is named in the error,
// and can only be discarded.
func (d *Directory) Sync(ctx context.Context, group []*Staged) error {
	files := make([]*file, len(group))
	d.mu.Lock()
	for i, s := range group {
		files[i] = d.files[s.ID]
	}
	d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sync %d staging files in %s: %w", len(group), d.folders.path, err)
	}
	for i, f := range files {
		if f == nil {
			return fmt.Errorf("sync staging file %q for %q: %w", group[i].ID, group[i].Path, errGone)
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return fmt.Errorf("sync %d staging files in %s: %w", len(group), d.folders.path, ctx.Err())
		}
		if f.err != nil {
			return fmt.Errorf("sync staging file %s for %q: %w", filepath.Join(d.folders.stagingPath(), f.id), group[i].Path, f.err)
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := d.folders.fsync(d.folders.staging); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range files {
		f.synced = true
	}
	return nil
}
