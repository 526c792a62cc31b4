package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
)

// Written files gather in batches before they are fsynced. A file system with a journal commits it
// for each fsync that finds something new in it, and so once for a whole batch whose blocks are on
// their way already. An fsync of each file as soon as it is written takes twice the time, and
// twice the processor's. [syncfs(2)] would take less still, but wait for what other programs wrote.
//
// [syncfs(2)]: https://man7.org/linux/man-pages/man2/syncfs.2.html
const (
	batchFiles = 64
	batchBytes = 4 << 20
	// mostOpen is how many files may be open: half of them gather while the others are fsynced.
	mostOpen = 2 * batchFiles
)

// syncer fsyncs files in the background, batch by batch.
type syncer struct {
	hooks
	most    int           // workers
	open    chan struct{} // has room for mostOpen
	batches chan []*file
	jobs    chan *file
	running sync.WaitGroup

	mu      sync.Mutex
	batch   []*file // guarded by mu, as is all that follows: what gathers
	bytes   int64   // of them
	sent    []*file // handed to run; those whose fsync is over are dropped at the next batch
	started bool
}

func newSyncer(h hooks, most int) syncer {
	// Neither channel can be full, as each batch and each job is of a file that is open.
	return syncer{hooks: h, most: most, open: make(chan struct{}, mostOpen), batches: make(chan []*file, mostOpen), jobs: make(chan *file, mostOpen)}
}

// start takes a written file of so many bytes. It waits when the disk is behind, which bounds the
// open descriptors.
func (s *syncer) start(ctx context.Context, f *file, size int64) error {
	select {
	case s.open <- struct{}{}:
	case <-ctx.Done():
		f.close()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batch = append(s.batch, f)
	s.bytes += size
	if len(s.batch) >= batchFiles || s.bytes >= batchBytes {
		s.send()
	}
	return nil
}

// flush sends what has gathered to the disk.
func (s *syncer) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send()
}

// send is flush with s.mu held.
func (s *syncer) send() {
	if len(s.batch) == 0 {
		return
	}
	if !s.started {
		s.started = true
		s.running.Go(s.run)
	}
	s.sent = append(slices.DeleteFunc(s.sent, isDone), s.batch...)
	s.batches <- s.batch
	s.batch, s.bytes = nil, 0
}

// close makes durable what has gathered and waits for all that is under way.
func (s *syncer) close() {
	s.flush()
	close(s.batches)
	s.running.Wait()
}

// run has the kernel begin to write the files of a batch before workers wait for them. It ends with
// close.
func (s *syncer) run() {
	defer close(s.jobs)
	workers := 0
	for batch := range s.batches {
		for _, f := range batch {
			if !f.discarded.Load() {
				f.f.startWriteback(0, 0)
			}
		}
		for _, f := range batch {
			s.jobs <- f
			if workers < min(s.most, len(batch)) {
				workers++
				s.running.Go(s.work)
			}
		}
	}
}

// work fsyncs one file after the other until close.
func (s *syncer) work() {
	for f := range s.jobs {
		s.fsync(f)
	}
}

// fsync makes a file durable through the descriptor that wrote it. Another one might not be told of
// an error from before it was opened.
func (s *syncer) fsync(f *file) {
	var err error
	if !f.discarded.Load() {
		err = s.before(StepFsync, f.id)
		if err == nil {
			err = f.f.Sync()
		}
	}
	f.err = errors.Join(err, f.close())
	f.f = nil
	<-s.open
	close(f.done)
}

// Sync returns nil once the contents of the files, and their names in the staging folder, are
// durable. They may be published then. A file that could not be made durable is named in the error,
// and can only be discarded. The folder itself, with its ID, is durable then, too, also if there
// are no files.
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
	d.syncer.flush()
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
	if len(files) == 0 && !d.unnamed.Load() {
		return nil
	}
	if err := d.folders.fsync(d.folders.staging); err != nil {
		return err
	}
	d.unnamed.Store(false)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range files {
		f.synced = true
	}
	return nil
}
