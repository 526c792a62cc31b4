package status

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// Board takes events and makes snapshots. Make it with [NewBoard], give it the configuration
// ([Board.Configured]) and what is known from before ([Board.Restore]), then let it [Board.Run].
type Board struct {
	options Options
	now     func() time.Time
	started time.Time

	mu       sync.Mutex
	config   *config.Config      // guarded by mu, as is all up to reported; nil before Configured
	read     Config              // how it was read
	accounts map[string]*account // of the configuration, by name
	order    []*account          // by name
	seen     watched             // what Run found out
	reported map[string]Report   // by key
	since    map[string]time.Time
	changes  uint64 // counts what changed

	building sync.Mutex // held while a snapshot is made
	snapshot atomic.Pointer[Snapshot]
	readers  readers
}

// every is how often a snapshot is made at most.
const every = time.Second

// NewBoard makes a board that knows no account.
func NewBoard(o Options) *Board {
	b := &Board{
		options: o, now: o.Now, accounts: make(map[string]*account), reported: make(map[string]Report), since: make(map[string]time.Time),
	}
	if b.now == nil {
		b.now = time.Now
	}
	b.started = b.now()
	b.read.Path = o.Path
	b.seen.files = make(map[string]File)
	return b
}

// Observe takes one event. It is meant for Supervisor.Observe of package fetcher, and returns soon.
func (b *Board) Observe(e event.Event) {
	var sorted trouble.Trouble
	name := event.Account(e)
	if done, ok := e.(event.Done); ok && done.Err != nil {
		b.mu.Lock()
		host := ""
		if a := b.accounts[name]; a != nil {
			host = a.now.Host
		}
		b.mu.Unlock()
		sorted = trouble.Of(host, done.Err) // which may take a while
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.accounts[name]; a != nil {
		a.take(e, sorted, now)
		b.changes++
	}
	if _, ok := e.(event.Quarantined); ok {
		b.seen.stale = true
	}
}

// Configured takes a configuration that is in force from now on, with the warnings about it.
// Accounts keep what is known of them, by their name.
func (b *Board) Configured(c *config.Config, warnings []string) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.accounts
	b.config, b.accounts, b.order = c, make(map[string]*account, len(c.Accounts)), nil
	b.read = Config{Path: b.options.Path, Loaded: now, Warnings: visible(warnings)}
	for _, settings := range c.Accounts {
		a := before[settings.Name]
		if a == nil {
			a = &account{}
		}
		a.set(settings, c.State, b.options.Path)
		b.accounts[settings.Name] = a
		b.order = append(b.order, a)
	}
	slices.SortFunc(b.order, func(x, y *account) int { return strings.Compare(x.now.Name, y.now.Name) })
	b.changes++
}

// Refused takes the mistakes of a newer configuration, which leaves the one before in force.
func (b *Board) Refused(faults []string) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read.Failed.IsZero() {
		b.read.Failed = now
	}
	b.read.Faults = visible(faults)
	b.changes++
}

// Report is a trouble that another part of attachd tells of, such as notices that can't be sent.
type Report struct {
	Class    trouble.Class
	Accounts []string
	Said     []string
	Since    time.Time // zero: from now on
	Link     string
}

// Report adds a trouble, or replaces the one with that key. [Board.Over] ends it.
func (b *Board) Report(key string, r Report) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Since.IsZero() {
		if r.Since = now; !b.reported[key].Since.IsZero() {
			r.Since = b.reported[key].Since
		}
	}
	r.Said = visible(r.Said)
	if !r.is(b.reported[key]) {
		b.changes++
	}
	b.reported[key] = r
}

// is reports whether two reports say the same.
func (r *Report) is(o Report) bool {
	return r.Class == o.Class && slices.Equal(r.Accounts, o.Accounts) && slices.Equal(r.Said, o.Said) && r.Since.Equal(o.Since) && r.Link == o.Link
}

// Over ends a trouble that was reported. Without one it does nothing.
func (b *Board) Over(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.reported[key]; ok {
		delete(b.reported, key)
		b.changes++
	}
}

// Snapshot returns how things stand. It is never nil, is made anew once a second at most, and must
// not be changed.
func (b *Board) Snapshot() *Snapshot {
	s := b.snapshot.Load()
	if s == nil { // made when it is first asked for, as the configuration comes after NewBoard
		return b.Refresh()
	}
	if now := b.now(); now.Sub(s.At).Abs() >= every && b.building.TryLock() {
		defer b.building.Unlock()
		return b.build()
	}
	return s
}

// Refresh makes a snapshot anew, however new the last one is.
func (b *Board) Refresh() *Snapshot {
	b.building.Lock()
	defer b.building.Unlock()
	return b.build()
}

// visible makes texts safe to print.
func visible(texts []string) []string {
	var out []string
	for _, text := range texts {
		out = append(out, words.VisibleLines(text))
	}
	return out
}

// readers are told of changes.
type readers struct {
	mu   sync.Mutex
	next int
	all  map[int]chan<- struct{} // guarded by mu
}

// Changed returns a channel that gets a value after the snapshot changed, until stop is called. A
// reader that is slow misses values, but never the last one.
func (b *Board) Changed() (changed <-chan struct{}, stop func()) {
	r := &b.readers
	c := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = make(map[int]chan<- struct{})
	}
	id := r.next
	r.next++
	r.all[id] = c
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.all, id)
	}
}

// none reports whether nobody reads.
func (r *readers) none() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all) == 0
}

// tell tells every reader, and waits for none.
func (r *readers) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.all {
		select {
		case c <- struct{}{}:
		default: // it has one already
		}
	}
}
