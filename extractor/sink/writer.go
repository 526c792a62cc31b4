package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/attachd/attachd/extractor"
	"github.com/attachd/attachd/extractor/digest"
)

const (
	// blockSize is how many bytes are written at once. A smaller file takes as much memory until it
	// is closed.
	blockSize = 128 << 10
	// maxOpen is how many files of a message may be open at once, each within the one before, until
	// the next makes do with a smallBlock. A hundred messages within each other would take 60 MB.
	maxOpen    = 8
	smallBlock = 8 << 10
)

// block is a part of a file on its way to the disk.
type block struct{ bytes []byte }

// buffers are blocks and hashes for use by one file after the other.
type buffers struct {
	blocks *sync.Pool
	hashes map[digest.Kind]*sync.Pool
}

func newBuffers() buffers {
	return buffers{
		blocks: &sync.Pool{New: func() any { return &block{make([]byte, 0, blockSize)} }},
		hashes: newHashes(),
	}
}

// block returns an empty one.
func (b *buffers) block() *block {
	empty := b.blocks.Get().(*block)
	empty.bytes = empty.bytes[:0]
	return empty
}

// writer writes one attachment to a staging file. It makes the file when the first block is full,
// or at Close: a small file is created, written and handed to its fsync in one go.
type writer struct {
	d          *Directory
	ctx        context.Context // of the Stage call that the writer lives in
	attachment *extractor.Attachment
	message    *extractor.Message // that it came with
	kind       Kind
	block      *block // what is not written yet
	sums       sums
	file       *file
	folder     string // of what is quarantined
	unsure     bool   // it may be left out in the end: it is not hashed, nor sent to the disk, before
	size       int64
	digests    digest.Set
	closed     bool
	err        error // sticky
	open       *int  // writers of the message that are open
}

func (s *staging) newWriter(a *extractor.Attachment, kind Kind) *writer {
	d := s.d
	asked := digest.Kind(0)
	if kind != Sidecar && (s.plan.SHA256 || s.plan.Sidecar != nil) {
		asked = digest.SHA256
	}
	var b *block
	if s.opened++; s.opened <= maxOpen {
		b = d.buffers.block()
	} else {
		b = &block{make([]byte, 0, smallBlock)}
	}
	return &writer{d: d, ctx: s.ctx, attachment: a, kind: kind, block: b, sums: d.buffers.newSums(d.digest, asked), file: &file{id: d.newID(), done: make(chan struct{})}, open: &s.opened}
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && w.err == nil {
		b := w.block
		k := min(len(p), cap(b.bytes)-len(b.bytes))
		b.bytes = append(b.bytes, p[:k]...)
		n, p = n+k, p[k:]
		if len(b.bytes) == cap(b.bytes) {
			w.flush()
		}
	}
	return n, w.err
}

// ReadFrom implements io.ReaderFrom, reading into the block itself.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	var n int64
	for w.err == nil {
		b := w.block
		k, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+k]
		n += int64(k)
		if len(b.bytes) == cap(b.bytes) {
			w.flush()
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

// flush writes the full block and has it hashed. An error stays in w.err.
func (w *writer) flush() {
	if w.write(); w.err != nil {
		return
	}
	if small := cap(w.block.bytes) < blockSize; small || w.unsure {
		if !w.unsure {
			w.sums.Write(w.block.bytes)
		}
		w.block.bytes = w.block.bytes[:0]
		return
	}
	w.block = w.sums.take(w.block, &w.d.buffers)
}

// write writes the block.
func (w *writer) write() {
	if w.err = w.ctx.Err(); w.err != nil {
		return
	}
	if w.err = w.d.room.take(&w.d.folders, len(w.block.bytes), w.file.f == nil); w.err != nil {
		return
	}
	if w.file.f == nil {
		if w.err = w.d.create(w.ctx, w.file); w.err != nil {
			return
		}
	}
	err := w.d.before(StepWrite, w.file.id)
	if err == nil {
		_, err = w.file.f.Write(w.block.bytes)
	}
	if err != nil {
		w.err = fmt.Errorf("write staging file in %s: %w", w.d.folders.stagingPath(), err)
		return
	}
	before := w.size
	w.size += int64(len(w.block.bytes))
	if before/writebackStep != w.size/writebackStep && !w.unsure {
		w.file.f.startWriteback(before-before%writebackStep, writebackStep)
	}
}

// writebackStep is after how many bytes the disk is told to begin. The fsync at the end then has
// little left to wait for.
const writebackStep = 2 << 20

// Close writes what is left and hands the file to its fsync.
func (w *writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	*w.open--
	leftOut := w.leftOut()
	if w.err == nil && !leftOut && (len(w.block.bytes) > 0 || w.file.f == nil) {
		w.write()
	}
	w.sums.wait()
	if w.err == nil && !leftOut {
		if w.unsure {
			w.err = w.hashFile()
		} else {
			w.sums.Write(w.block.bytes)
		}
		w.sums.add(&w.digests)
	}
	if cap(w.block.bytes) == blockSize {
		w.d.buffers.blocks.Put(w.block)
	}
	w.sums.free(&w.d.buffers)
	w.block = nil
	switch {
	case leftOut && w.file.f != nil:
		return errors.Join(w.err, w.file.close(), w.d.discard(w.file.id))
	case leftOut:
		return w.err
	case w.err != nil:
		if w.file.f != nil {
			w.file.close()
		}
		return w.err
	}
	w.err = w.d.syncer.start(w.ctx, w.file, w.size)
	return w.err
}

// leftOut reports whether the file is not to be kept.
func (w *writer) leftOut() bool { return w.attachment.LeftOut != "" }
