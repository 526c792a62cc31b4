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

// WatchOptions tune [Watch]; zero fields stand for the defaults.
type WatchOptions struct {
	Debounce time.Duration // quiet time after an event before the files are looked at; 500ms
	MaxDelay time.Duration // after which they are looked at though events keep coming; 5s
	Poll     time.Duration // how often they are looked at without any event; 30s
	PollOnly bool          // asks the system for no events, for file systems that have none to give

	// Since is Config.Inputs of what the caller runs on: an edit between Load and Watch is noticed then. Zero means
	// the files as they are when Watch begins.
	Since Fingerprint
	// Degraded is called, when set, with the reason each time events cannot be had or stop coming. Polling goes on.
	Degraded func(error)

	looked func(changed bool) // tells tests that the files have been looked at
}

const (
	defaultDebounce = 500 * time.Millisecond
	defaultMaxDelay = 5 * time.Second
	defaultPoll     = 30 * time.Second
)

// Watch calls changed each time the content of a file that takes part in the configuration at path has changed: the
// file itself, those of accounts_dir, and the passwords and certificates they refer to. It returns when ctx ends.
//
// changed runs in Watch's goroutine, one call at a time. It is to call [Load], as the watcher does not judge content:
// when Load refuses the file, the caller keeps what it has and waits for the next call. A file that is touched, gets
// another mode or is replaced by an equal one has not changed.
//
// # What is noticed
//
// Writing in place, replacing by rename, removing and making anew, a symbolic link that is pointed elsewhere or whose
// target is edited, Kubernetes swapping ..data, and a whole folder, or one above it, being replaced. Events only say
// when to look: they come from every folder on the way to each file, links followed, and what is watched is worked out
// anew after each. Then the content decides. A writer may be half done when its first event arrives, hence Debounce.
// Files on network file systems and in bind mounts give no events and are found out by Poll.
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

	in       inputs      // what took part when they were last looked at
	last     Fingerprint // of in, or of what the caller had
	events   *fsnotify.Watcher
	plan     watchPlan
	degraded string // the reason that was given last
}

func (w *watcher) run(ctx context.Context) {
	defer w.stop()
	w.refresh()
	w.report(w.Since != Fingerprint{} && w.Since != w.last)
	poll := time.NewTicker(w.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	var first time.Time // of the events since the files were last looked at; zero without any
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
			// Events were dropped or a watch was lost: either way something happened.
			touched = true
			if ok && !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.degrade(err)
			}
		case <-poll.C:
			if w.events == nil || w.degraded != "" {
				w.listen()
			}
			// Not reported at once: without events, this may be the middle of a write.
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

// check compares the content of the files with what it was.
func (w *watcher) check() {
	// Watches first: what changes behind the look that follows gives an event.
	w.listen()
	if w.in.again().fingerprint() == w.last {
		w.report(false)
		return
	}
	w.refresh()
	w.report(true)
}

// refresh finds out which files take part now, which only a reading of the configuration tells, and watches them.
func (w *watcher) refresh() {
	// Thousands of accounts take a multiple of their room while they are read, which would be the process's from then on.
	defer debug.FreeOSMemory()
	// What changed before its folder was watched gave no event. A file that changes all the time is for the next look.
	for range 3 {
		_, _, w.in = load(w.path)
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

// listen watches what has to be watched now, from scratch: a watch on a folder that was replaced is deaf, and nothing
// tells it from one that is not.
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
		// What is not there or must not be read is watched for by the folder above it.
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

// degrade tells why events are missing, once per reason.
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

// eventsC gives the channel of events, nil without any, which blocks for ever.
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

// concerns tells whether an event of that name may have changed a file that takes part.
func (p *watchPlan) concerns(name string) bool {
	return p.names[name] || p.folders[filepath.Dir(name)]
}
