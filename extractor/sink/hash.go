package sink

import (
	"context"
	"fmt"
	"hash"
	"io"
	"sync"

	"github.com/attachd/attachd/extractor/digest"
)

// sums computes the digests of one file that somebody asked for. BLAKE3 is computed as the file is
// written, since it takes less time than handing the block over would. SHA-256 may take as long as
// all the rest: the blocks of a large file are hashed in a goroutine of its own.
type sums struct {
	inLine, aside hash.Hash // BLAKE3 and SHA-256, nil where nobody asked for it
	hasher        *hasher   // for aside, of a file longer than a block
}

// newHashes returns the pools of hashes, by kind.
func newHashes() map[digest.Kind]*sync.Pool {
	pools := make(map[digest.Kind]*sync.Pool)
	for _, k := range digest.Kinds() {
		pools[k] = &sync.Pool{New: func() any { return k.New() }}
	}
	return pools
}

func (b *buffers) hash(k digest.Kind) hash.Hash {
	h := b.hashes[k].Get().(hash.Hash)
	h.Reset()
	return h
}

// newSums returns what computes the kinds that are asked for. A kind may be asked for twice, and
// the zero one is none.
func (b *buffers) newSums(kinds ...digest.Kind) (s sums) {
	for _, k := range kinds {
		switch {
		case k == digest.BLAKE3 && s.inLine == nil:
			s.inLine = b.hash(k)
		case k == digest.SHA256 && s.aside == nil:
			s.aside = b.hash(k)
		}
	}
	return s
}

// Write hashes a part of the file, here and now. It never fails.
func (s *sums) Write(p []byte) (int, error) {
	if s.inLine != nil {
		s.inLine.Write(p)
	}
	if s.aside != nil {
		s.aside.Write(p)
	}
	return len(p), nil
}

// take hashes a full block of the file, and returns an empty one to go on with. All parts of a file
// that are hashed after it are such blocks, until finish.
func (s *sums) take(full *block, b *buffers) (empty *block) {
	if s.inLine != nil {
		s.inLine.Write(full.bytes)
	}
	if s.aside == nil {
		full.bytes = full.bytes[:0]
		return full
	}
	if s.hasher == nil {
		s.hasher = b.newHasher(s.aside)
	}
	s.hasher.blocks <- full
	return b.block()
}

// wait waits for the goroutine, if there is one.
func (s *sums) wait() {
	if s.hasher != nil {
		s.hasher.close()
		s.hasher = nil
	}
}

// add adds the digests of all that was written.
func (s *sums) add(to *digest.Set) {
	if s.inLine != nil {
		to.AddSum(digest.BLAKE3, s.inLine)
	}
	if s.aside != nil {
		to.AddSum(digest.SHA256, s.aside)
	}
}

// free gives the hashes back.
func (s *sums) free(b *buffers) {
	if s.inLine != nil {
		b.hashes[digest.BLAKE3].Put(s.inLine)
	}
	if s.aside != nil {
		b.hashes[digest.SHA256].Put(s.aside)
	}
	*s = sums{}
}

// hasher hashes the blocks of a file in a goroutine of its own. It gives the blocks back to the
// pool.
type hasher struct {
	blocks chan *block
	done   chan struct{}
}

// hashAhead is how many blocks may wait to be hashed.
const hashAhead = 4

func (b *buffers) newHasher(sum hash.Hash) *hasher {
	h := &hasher{make(chan *block, hashAhead), make(chan struct{})}
	go func() {
		defer close(h.done)
		for full := range h.blocks {
			sum.Write(full.bytes)
			b.blocks.Put(full)
		}
	}()
	return h
}

// close waits for the last block.
func (h *hasher) close() {
	close(h.blocks)
	<-h.done
}

// hashFile hashes what was written without being hashed.
func (w *writer) hashFile() error {
	if w.size == int64(len(w.block.bytes)) {
		w.sums.Write(w.block.bytes)
		return nil
	}
	return w.d.readStaged(w.ctx, w.file.id, &w.sums, w.block.bytes[:blockSize])
}

// Digest reads a staging file back and returns its digest of a kind that was not asked for while it
// was written.
func (d *Directory) Digest(ctx context.Context, id string, kind digest.Kind) (digest.Digest, error) {
	b := d.buffers.block()
	defer d.buffers.blocks.Put(b)
	h := kind.New()
	if err := d.readStaged(ctx, id, h, b.bytes[:blockSize]); err != nil {
		return digest.Digest{}, err
	}
	return digest.Summed(kind, h), nil
}

// readStaged copies a staging file to a hash by way of a buffer.
func (d *Directory) readStaged(ctx context.Context, id string, to io.Writer, by []byte) error {
	f, err := d.folders.staging.root.Open(id)
	if err == nil {
		defer f.Close()
		_, err = io.CopyBuffer(onlyWriter{to}, whileReader{ctx, f}, by)
	}
	if err != nil {
		return fmt.Errorf("read staging file in %s: %w", d.folders.stagingPath(), err)
	}
	return nil
}

// onlyWriter hides whatever else a writer can do, so that the buffer is used.
type onlyWriter struct{ io.Writer }

// whileReader reads until its context ends.
type whileReader struct {
	ctx context.Context
	r   io.Reader
}

func (w whileReader) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.r.Read(p)
}
