package sink

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/attachd/attachd/extractor"
)

// Staged is an attachment in a staging file.
type Staged struct {
	ID         string // the staging file's name
	Attachment extractor.Attachment
	Path       string // final name relative to the folder, reserved
	Size       int64
	SHA256     [32]byte
}

// file is a staging file on its way from creation to Publish.
type file struct {
	id   string
	path string // the final one, "" before it is chosen
	f    *os.File

	discarded atomic.Bool
	done      chan struct{} // closed when the fsync is over
	err       error         // of the fsync, to be read after done
	synced    bool          // guarded by Directory.mu: Sync has returned nil for it
}

// blockSize is how much is written at once, and what a smaller file costs in
// memory until it is closed.
const blockSize = 128 << 10

// block is what a file needs while it is written, for use by one after the other.
type block struct {
	bytes []byte
	sum   hash.Hash
}

func newBlock() *block { return &block{bytes: make([]byte, 0, blockSize), sum: sha256.New()} }

// writer writes one attachment to a staging file. The file is made when the
// first block is full or at Close, so a small one is created, written and
// handed to its fsync in one go.
type writer struct {
	d          *Directory
	ctx        context.Context // of the Stage call that the writer lives in
	attachment *extractor.Attachment
	block      *block
	file       *file
	size       int64
	sum        [32]byte
	closed     bool
	err        error // sticky
}

func (d *Directory) newWriter(ctx context.Context, a *extractor.Attachment) *writer {
	b := d.blocks.Get().(*block)
	b.bytes = b.bytes[:0]
	b.sum.Reset()
	return &writer{d: d, ctx: ctx, attachment: a, block: b, file: &file{id: d.newID(), done: make(chan struct{})}}
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && w.err == nil {
		b := w.block
		if len(b.bytes) == 0 && len(p) >= blockSize {
			chunk := p[:len(p)-len(p)%blockSize]
			w.flush(chunk)
			n, p = n+len(chunk), p[len(chunk):]
			continue
		}
		k := min(len(p), blockSize-len(b.bytes))
		b.bytes = append(b.bytes, p[:k]...)
		n, p = n+k, p[k:]
		if len(b.bytes) == blockSize {
			w.flush(b.bytes)
			b.bytes = b.bytes[:0]
		}
	}
	return n, w.err
}

// ReadFrom implements io.ReaderFrom, reading into the block itself.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	var n int64
	for w.err == nil {
		b := w.block
		k, err := r.Read(b.bytes[len(b.bytes):blockSize])
		b.bytes = b.bytes[:len(b.bytes)+k]
		n += int64(k)
		if len(b.bytes) == blockSize {
			w.flush(b.bytes)
			b.bytes = b.bytes[:0]
		}
		if err == io.EOF {
			return n, w.err
		}
		if err != nil {
			return n, err
		}
	}
	return n, w.err
}

// flush hashes and writes p. Whatever fails stays in err.
func (w *writer) flush(p []byte) {
	if w.err = w.ctx.Err(); w.err != nil {
		return
	}
	if w.file.f == nil {
		if w.err = w.d.create(w.file); w.err != nil {
			return
		}
	}
	w.block.sum.Write(p)
	w.size += int64(len(p))
	err := w.d.before(stepWrite, w.file.id)
	if err == nil {
		_, err = w.file.f.Write(p)
	}
	if err != nil {
		w.err = fmt.Errorf("write staging file in %s: %w", w.d.stagingPath(), err)
	}
}

// Close writes what is left and hands the file to its fsync.
func (w *writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err == nil && (len(w.block.bytes) > 0 || w.file.f == nil) {
		w.flush(w.block.bytes)
	}
	w.block.sum.Sum(w.sum[:0])
	w.d.blocks.Put(w.block)
	w.block = nil
	if w.err != nil {
		if w.file.f != nil {
			w.file.f.Close()
		}
		return w.err
	}
	w.err = w.d.startSync(w.ctx, w.file)
	return w.err
}

// create makes the staging file, which from then on is known to Sweep.
func (d *Directory) create(f *file) error {
	mode := d.options.FileMode
	if mode == 0 {
		mode = defaultFileMode
	}
	err := d.before(stepCreate, f.id)
	if err == nil {
		d.mu.Lock()
		d.files[f.id] = f
		d.mu.Unlock()
		f.f, err = d.staging.root.OpenFile(f.id, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	}
	if err == nil && d.options.FileMode != 0 {
		err = d.fixMode(f.f, mode)
	}
	if err != nil {
		return fmt.Errorf("create staging file in %s: %w", d.stagingPath(), err)
	}
	return nil
}

// fixMode gives the file the mode that was asked for. Whether the umask stands
// against it is found out with the first file.
func (d *Directory) fixMode(f *os.File, mode os.FileMode) error {
	var err error
	d.checkMode.Do(func() {
		info, statErr := f.Stat()
		err = statErr
		d.needChmod.Store(err != nil || info.Mode().Perm() != mode)
	})
	if err == nil && d.needChmod.Load() {
		err = f.Chmod(mode)
	}
	return err
}

func (d *Directory) stagingPath() string { return filepath.Join(d.path, d.staging.name) }

// Stage takes the message in r apart and writes its attachments to staging
// files, whose fsync begins at once in the background. The final names are chosen and
// reserved. On an error, which errors.As finds to be an
// [extractor.LimitError] if the message is at fault, nothing of the message stays.
func (d *Directory) Stage(ctx context.Context, r io.Reader, o extractor.Options) (*extractor.Message, []*Staged, error) {
	var m *extractor.Message
	staged, err := d.stage(ctx, "", func(open func(*extractor.Attachment) *writer) error {
		var err error
		m, err = extractor.Extract(r, o, func(a *extractor.Attachment) (io.WriteCloser, error) {
			return open(a), ctx.Err()
		})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return m, staged, nil
}

// StageRaw stages the bytes of r as they are, for folder/name below the Directory's own
// folder. folder is a single name, or "" for the folder itself.
func (d *Directory) StageRaw(ctx context.Context, r io.Reader, folder, name string) (*Staged, error) {
	staged, err := d.stage(ctx, folder, func(open func(*extractor.Attachment) *writer) error {
		w := open(&extractor.Attachment{Name: name, OriginalName: name})
		_, err := w.ReadFrom(r)
		if closeErr := w.Close(); err == nil {
			err = closeErr
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return staged[0], nil
}

// stage runs fill, which opens and closes writers, and chooses the names. It
// cleans up after an error and also after a panic, which goes on to the caller.
func (d *Directory) stage(ctx context.Context, folder string, fill func(open func(*extractor.Attachment) *writer) error) (staged []*Staged, err error) {
	var writers []*writer
	complete := false
	defer func() {
		if complete {
			return
		}
		for _, w := range writers {
			w.err = errStageFailed // what is still open needs no fsync
			w.Close()
			d.discard(w.file.id)
		}
	}()
	d.mu.Lock()
	closed := d.closed
	d.mu.Unlock()
	if closed {
		return nil, fmt.Errorf("stage in %s: %w", d.path, os.ErrClosed)
	}
	if err := fill(func(a *extractor.Attachment) *writer {
		w := d.newWriter(ctx, a)
		writers = append(writers, w)
		return w
	}); err != nil {
		return nil, err
	}
	to, err := d.folder(folder)
	if err != nil {
		return nil, err
	}
	for _, w := range writers {
		path, err := d.reserve(to, w.attachment.Name, w.file)
		if err != nil {
			return nil, err
		}
		staged = append(staged, &Staged{ID: w.file.id, Attachment: *w.attachment, Path: path, Size: w.size, SHA256: w.sum})
	}
	complete = true
	return staged, nil
}
