package config

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/fsnotify/fsnotify"
)

// WatchOptions tune [Watch]. Zero fields mean the defaults.
type WatchOptions struct {
	Debounce time.Duration // quiet time after an event before the files are read; 500ms
	MaxDelay time.Duration // files are read after this time even if events keep coming; 5s
	Poll     time.Duration // files are read this often without any event; 30s
	PollOnly bool          // use no events, for file systems that have none

	// Since is the Config.Inputs that the caller runs on, so that an edit between Load and Watch
	// is noticed. Zero means the files as they are when Watch begins.
	Since Fingerprint
	// Degraded, if set, is called with the reason each time events are missing. Polling goes on.
	Degraded func(error)

	looked func(changed bool) // tells tests that the files have been read
}

const (
	defaultDebounce = 500 * time.Millisecond
	defaultMaxDelay = 5 * time.Second
	defaultPoll     = 30 * time.Second
)

// Watch calls changed each time the content of a file of the configuration at path has changed: the
// file itself, those of accounts_dir, and the passwords and certificates that they refer to. It
// returns when ctx ends.
//
// changed runs in Watch's goroutine, one call at a time, and should call [Load]: the watcher does
// not judge content. If Load refuses the file, the caller keeps what it has and waits for the next
// call. A file that is touched, gets another mode or is replaced by an equal one has not changed.
//
// # What is noticed
//
//   - writing in place, replacing by rename, removing and making anew;
//   - a symbolic link that gets another target, or an edit of its target;
//   - Kubernetes swapping ..data;
//   - the replacement of a folder, or of one above it.
//
// Events only say when to read; the content decides. They come from every folder on the way to each
// file, links followed, and the set of watches is renewed after each event. A writer may be half
// done at its first event, hence Debounce. Files on network file systems and in bind mounts give no
// events; Poll finds their changes.
func Watch(ctx context.Context, path string, o WatchOptions, changed func()) {
	w := watcher{WatchOptions: o, path: path, changed: changed}
	setDefault(&w.Debounce, defaultDebounce)
	setDefault(&w.MaxDelay, defaultMaxDelay)
	setDefault(&w.Poll, defaultPoll)
	w.run(ctx)
}

func setDefault(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

// watcher is owned by the goroutine that called Watch.
type watcher struct {
	WatchOptions
	path    string
	changed func()

	in       inputs      // the files, as they were last read
	last     Fingerprint // of in
	events   *fsnotify.Watcher
	plan     watchPlan
	degraded string // the last reason given to Degraded
}

func (w *watcher) run(ctx context.Context) {
	defer w.stop()
	w.refresh()
	w.report(w.Since != Fingerprint{} && w.Since != w.last)
	poll := time.NewTicker(w.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	var first time.Time // the first event since the files were last read; zero without any
	for {
		touched := false
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.eventsC():
			touched = ok && w.plan.concerns(e.Name)
			if !ok {
				w.degrade(errors.New("the system's file events ended"))
				w.stop()
			}
		case err, ok := <-w.errorsC():
			// Events were dropped or a watch was lost: something may have changed.
			touched = true
			if ok && !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.degrade(err)
			}
		case <-poll.C:
			if w.events == nil || w.degraded != "" {
				w.listen()
			}
			// Debounce this, too: a write may be under way.
			touched = w.in.again().fingerprint() != w.last
			if !touched && first.IsZero() {
				w.look(false)
			}
		case <-quiet.C:
			first = time.Time{}
			w.check()
		}
		if touched {
			if first.IsZero() {
				first = time.Now()
			}
			quiet.Reset(max(0, min(w.Debounce, time.Until(first.Add(w.MaxDelay)))))
		}
	}
}

// check compares the content of the files with the last one.
func (w *watcher) check() {
	// Watch first, then read: a change after the reading gives an event.
	w.listen()
	if w.in.again().fingerprint() == w.last {
		w.report(false)
		return
	}
	w.refresh()
	w.report(true)
}

// refresh loads the configuration to find its files, and watches them.
func (w *watcher) refresh() {
	// Reading thousands of accounts takes several times their memory; give it back.
	defer debug.FreeOSMemory()
	// A change before its folder was watched gave no event, so read again. Give up on a file that
	// changes all the time; the next poll reads it.
	for range 3 {
		_, _, w.in = load(w.path, nil)
		w.last = w.in.fingerprint()
		w.listen()
		if w.in.again().fingerprint() == w.last {
			return
		}
	}
}

func (w *watcher) report(changed bool) {
	if changed {
		w.changed()
	}
	w.look(changed)
}

func (w *watcher) look(changed bool) {
	if w.looked != nil {
		w.looked(changed)
	}
}

// listen sets up all watches from scratch: a watch on a folder that was replaced is deaf, and
// cannot be told from a working one.
func (w *watcher) listen() {
	if w.PollOnly {
		return
	}
	w.stop()
	events, err := fsnotify.NewWatcher()
	if err != nil {
		w.degrade(fmt.Errorf("watch files: %w", err))
		return
	}
	w.events, w.plan = events, planFor(w.in)
	var failed error
	for _, path := range w.plan.watches {
		// A path that is missing or unreadable is covered by the watch on the folder above it.
		if err := events.Add(path); err != nil && limitReached(err) {
			failed = fmt.Errorf("watch %s: %w", path, err)
		}
	}
	if failed != nil {
		w.degrade(failed)
	} else {
		w.degraded = ""
	}
}

// degrade reports why events are missing, once per reason.
func (w *watcher) degrade(err error) {
	if text := err.Error(); text != w.degraded {
		w.degraded = text
		if w.Degraded != nil {
			w.Degraded(err)
		}
	}
}

func (w *watcher) stop() {
	if w.events != nil {
		_ = w.events.Close()
		w.events = nil
	}
}

// eventsC returns the channel of events, or nil, which blocks for ever.
func (w *watcher) eventsC() <-chan fsnotify.Event {
	if w.events == nil {
		return nil
	}
	return w.events.Events
}

func (w *watcher) errorsC() <-chan error {
	if w.events == nil {
		return nil
	}
	return w.events.Errors
}

// concerns reports whether an event of that name may concern a file of the configuration.
func (p *watchPlan) concerns(name string) bool {
	return p.names[name] || p.folders[filepath.Dir(name)]
}
