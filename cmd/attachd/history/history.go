package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// Suffix is what the name of the file has behind that of the state, unless another path is given.
const Suffix = ".history"

// Options say where a history is and what it keeps.
type Options struct {
	Path string // of the file, which is made if it is missing; its folder must exist
	// Log takes what goes wrong with the file. The zero value logs nothing.
	Log zerolog.Logger
	// Ledger is what the files come from that no event told of; nil for none.
	Ledger Ledger
	// Zone is where days begin; nil is time.Local.
	Zone *time.Location
	// Search keeps the index that texts are found by. It takes more room than all the rest. Without
	// it, texts are looked for among the newest items, or in those of one account.
	Search bool
	// Items is how many files are kept at most, Keep for how long; 0 is 2,000,000, and 400 days.
	Items int
	Keep  time.Duration
	// Classify sorts the error of an account's poll: the server as "host:port", the step, the class
	// and the text to keep, without secrets; see package trouble. Nil keeps the text alone.
	Classify func(account string, err error) (host, step, class, text string)
	// Place returns the "file:line" of a setting of an account, "" if it has none; nil for none at
	// all. Settings are named as in event.LeftOut.
	Place func(account, setting string) string

	// For tests: step is asked before each step, whose error it returns; patience is how long a
	// search may take.
	step     func(step) error
	patience time.Duration
}

// The default bounds of what is kept.
const (
	defaultItems = 2_000_000
	defaultKeep  = 400 * 24 * time.Hour
)

// History is an open history. Its methods may be called from any goroutine. Those that look
// something up are of [Reader].
type History struct {
	*Reader
	options Options
	queue   queue
	writer  *writer
	stop    context.CancelFunc
	done    chan struct{} // closed when the writing goroutine has ended

	mu   sync.Mutex
	note string // guarded by mu
	err  error  // guarded by mu: why the last write failed, nil if it did not
}

// Open opens the history, and starts to write what [History.Observe] is given. A file that can't be
// used is set aside and made anew, see [History.Note]. A folder that can't be written is tried over
// and over, see [History.Err]. So Open fails only if the path is that of a state.
func Open(ctx context.Context, o Options) (*History, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open history %s: %w", o.Path, err)
	}
	o.Path = path
	h := newHistory(withDefaults(o))
	if err := h.writer.open(ctx); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	h.stop = stop
	go h.writer.run(writing)
	return h, nil
}

func withDefaults(o Options) Options {
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Items <= 0 {
		o.Items = defaultItems
	}
	if o.Keep <= 0 {
		o.Keep = defaultKeep
	}
	return o
}

func newHistory(o Options) *History {
	h := &History{Reader: &Reader{path: o.Path}, options: o, done: make(chan struct{})}
	h.queue.init()
	h.writer = &writer{history: h, found: make(chan error, 1)}
	h.Reader.damaged = func(err error) {
		select {
		case h.writer.found <- err:
			notify(h.queue.wake)
		default:
		}
	}
	return h
}

// Close writes what is waiting, for a few seconds at most, and closes the file. Whatever is
// observed later is lost.
func (h *History) Close() error {
	h.queue.close()
	late := time.AfterFunc(closeGrace, h.stop)
	<-h.done
	late.Stop()
	h.stop()
	return errors.Join(h.Reader.Close(), h.writer.close())
}

// closeGrace is how long Close writes.
const closeGrace = 3 * time.Second

// Path returns where the file is.
func (h *History) Path() string { return h.path }

// Size returns how many bytes the file takes, with what SQLite keeps beside it.
func (h *History) Size() (n int64) {
	for _, suffix := range sqliteSuffixes {
		if info, err := os.Stat(h.path + suffix); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Note says what a person should know of the file, such as that it was made anew and why; "" for
// nothing.
func (h *History) Note() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.note
}

// Err returns why the last write failed, nil if it did not. The next one is tried by itself.
func (h *History) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

func (h *History) setNote(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.note = fmt.Sprintf(format, args...)
}

// refilled notes that all files of the state are there.
func (h *History) refilled() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.note == noteReading {
		h.note = ""
	}
}

const noteReading = "The files that came before are being read from the state."

func (h *History) setErr(err error) (before error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.err = h.err, err
	return before
}

// Dropped returns how many records of polls and of what was left out were dropped because the file
// could not be written fast enough. Files are not among them: they come from the state later.
func (h *History) Dropped() int64 { return h.queue.lost() }

// SaveSession keeps a sign-in: the digest of the cookie and that of the token it was made with. It
// is valid until a time.
func (h *History) SaveSession(hash, token [32]byte, until time.Time) error {
	return h.writer.change(context.Background(), func(tx *tx) error {
		_, err := tx.Exec("INSERT OR REPLACE INTO session (hash, token, until) VALUES (?, ?, ?)", hash[:], token[:], until.UnixMilli())
		return err
	})
}

// DropSession ends a sign-in.
func (h *History) DropSession(hash [32]byte) error {
	return h.writer.change(context.Background(), func(tx *tx) error {
		_, err := tx.Exec("DELETE FROM session WHERE hash = ?", hash[:])
		return err
	})
}
