package thumbnail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// The bounds. The package's documentation says what they are for.
const (
	// Side is how many pixels a thumbnail is wide and high at most.
	Side = 160

	maxBytes  = 25 << 20
	maxPixels = 40_000_000
	maxMemory = 160 << 20
	bigMemory = 48 << 20 // from here on, pictures are decoded one at a time
	cacheSize = 16 << 20
	atOnce    = 2
	patience  = 2 * time.Second
)

// ErrNone says that a file gets no thumbnail: it is no picture, is damaged or beyond the bounds.
var ErrNone = errors.New("no thumbnail")

// ErrLate says that a thumbnail is not ready yet. Ask again later.
var ErrLate = errors.New("the thumbnail is not ready yet")

// Maker makes thumbnails and keeps those that it made last. The zero Maker is ready for use.
type Maker struct {
	mu      sync.Mutex
	cache   cache             // guarded by mu
	pending map[[32]byte]*job // guarded by mu: what is being made
	slots   chan struct{}     // set with pending
	big     chan struct{}     // set with pending
}

// job is a thumbnail that is being made.
type job struct {
	done chan struct{} // closed when png and err are set
	png  []byte
	err  error
}

// PNG returns the thumbnail of a file as a PNG. sum is the SHA-256 of the file, and size how many
// bytes it has. open opens it; it is not called for a file whose thumbnail is known, or that is too
// large. The error is [ErrNone] with its reason, [ErrLate], the end of ctx, or what open returned.
//
// Who asks for the same file at the same time waits for the same work.
func (m *Maker) PNG(ctx context.Context, sum [32]byte, size int64, open func() (io.ReadSeekCloser, error)) ([]byte, error) {
	if size > maxBytes {
		return nil, fmt.Errorf("%w: the file has more than %d MB", ErrNone, maxBytes>>20)
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	j, found := m.job(sum)
	if found {
		return j.png, j.err
	}
	if j == nil {
		select {
		case m.slots <- struct{}{}:
		case <-late.C:
			return nil, ErrLate
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if j = m.start(sum, open); j == nil {
			<-m.slots
			return m.PNG(ctx, sum, size, open) // another one was faster
		}
	}
	select {
	case <-j.done:
		return j.png, j.err
	case <-late.C:
		return nil, ErrLate
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// job returns the job of a file, nil if it is to be begun. found reports that it is done.
func (m *Maker) job(sum [32]byte) (j *job, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending == nil {
		m.pending = make(map[[32]byte]*job)
		m.slots, m.big = make(chan struct{}, atOnce), make(chan struct{}, 1)
	}
	if is, ok := m.cache.get(sum); ok {
		return &job{png: is.png, err: is.err}, true
	}
	return m.pending[sum], false
}

// start begins a job with the slot that the caller has taken, which it frees. It returns nil, and
// frees nothing, if somebody else has begun or done the job meanwhile.
func (m *Maker) start(sum [32]byte, open func() (io.ReadSeekCloser, error)) *job {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.cache.get(sum); ok || m.pending[sum] != nil {
		return nil
	}
	j := &job{done: make(chan struct{})}
	m.pending[sum] = j
	go func() {
		defer func() { <-m.slots }()
		j.png, j.err = m.make(open)
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.pending, sum)
		if j.err == nil || errors.Is(j.err, ErrNone) {
			m.cache.put(sum, entry{j.png, j.err})
		}
		close(j.done)
	}()
	return j
}

// make makes one thumbnail.
func (m *Maker) make(open func() (io.ReadSeekCloser, error)) (_ []byte, err error) {
	defer func() {
		// The decoders of the standard library are well tried. A fault in one of them must not end
		// the daemon all the same.
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: the decoder failed: %v", ErrNone, v)
		}
	}()
	f, err := open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	is, err := inspect(f)
	if err != nil {
		return nil, err
	}
	if is.memory() > bigMemory {
		m.big <- struct{}{}
		defer func() { <-m.big }()
	}
	return is.shrink(f)
}
