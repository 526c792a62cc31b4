package sink

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// openFiles counts the staging files that the process has open, those of all Directories together.
var openFiles atomic.Int64

// openFilesShare is how many these may be before each Directory fsyncs and closes its own ahead of
// the next one: half of what the process may open when it makes its first. The other half is for
// connections, folders and whatever else the process has.
var openFilesShare = sync.OnceValue(func() int64 { return openFilesLimit() / 2 })

// close closes the file, once.
func (f *file) close() error {
	openFiles.Add(-1)
	return f.f.Close()
}

// create makes the staging file, which from then on is known to Sweep. Where the process has many
// open, or can't open another, it first waits for the fsyncs of this Directory's own. It does not
// wait for other Directories, so that none can hold up another.
func (d *Directory) create(ctx context.Context, f *file) error {
	if openFiles.Load() >= openFilesShare() {
		if err := d.syncer.settle(ctx); err != nil {
			return err
		}
	}
	err := d.createOnce(f)
	if f.f == nil && (errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)) {
		if settled := d.syncer.settle(ctx); settled != nil {
			return settled
		}
		err = d.createOnce(f)
	}
	return err
}

// settle sends what has gathered to the disk and returns when no file of the syncer is open.
func (s *syncer) settle(ctx context.Context) error {
	s.mu.Lock()
	s.send()
	sent := slices.Clone(s.sent)
	s.mu.Unlock()
	for _, f := range sent {
		select {
		case <-f.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// isDone reports whether the fsync of a file is over.
func isDone(f *file) bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}
