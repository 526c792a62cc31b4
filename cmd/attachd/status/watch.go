package status

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/cmd/attachd/words"
)

const (
	// lookEvery is how often disks, files and the quarantine are looked at.
	lookEvery = 10 * time.Second
	// lookFor bounds a look. A file system of another machine may not answer for ever.
	lookFor = 5 * time.Second
	// beatWithin is how old the scheduler's heartbeat may be.
	beatWithin = time.Minute
	// noteFor is how long it is told that the history was made anew.
	noteFor = 24 * time.Hour
)

// watched is what Run found out. The board's mutex guards it.
type watched struct {
	disks  []Disk
	files  map[string]File
	counts map[string]int // messages in quarantine, by account
	held   []heldOf       // some of them
	stale  bool           // the quarantine changed since
}

// heldOf is a message in quarantine, and whose.
type heldOf struct {
	Held
	account string
}

// Run looks at disks, files and the quarantine every ten seconds, and makes snapshots as things
// change, until ctx ends.
func (b *Board) Run(ctx context.Context) {
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() {
		again := time.NewTicker(lookEvery)
		defer again.Stop()
		w := &watcher{board: b, asking: make(map[string]bool)}
		for {
			w.look(ctx)
			select {
			case <-ctx.Done():
				return
			case <-again.C:
			}
		}
	})
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if b.isNews() {
				b.Snapshot()
			}
		}
	}
}

// isNews reports whether a snapshot should be made though nobody asks for one: something changed,
// or time alone may have changed something, and readers want to know.
func (b *Board) isNews() bool {
	if b.readers.none() {
		return false
	}
	b.mu.Lock()
	changes := b.changes
	b.mu.Unlock()
	s := b.snapshot.Load()
	return s == nil || s.changes != changes || b.now().Sub(s.At) >= lookEvery
}

// Look looks once at what Run looks at again and again, for a board without Run.
func (b *Board) Look(ctx context.Context) {
	(&watcher{board: b, asking: make(map[string]bool)}).look(ctx)
}

// watcher looks at what sends no events. Its goroutine owns it.
type watcher struct {
	board *Board

	mu     sync.Mutex
	asking map[string]bool // guarded by mu: paths whose file system has not answered yet
}

// look looks at everything once.
func (w *watcher) look(ctx context.Context) {
	b := w.board
	b.mu.Lock()
	var outputs []string
	var state string
	minFree := make(map[string]int64)
	if b.config != nil {
		outputs, state = b.config.Outputs(), b.config.State
		for _, a := range b.config.Enabled() {
			output := filepath.Dir(a.Output)
			minFree[output] = max(minFree[output], int64(a.Policy.MinFree))
		}
	}
	b.mu.Unlock()
	if state == "" {
		return // not configured yet
	}
	beside := filepath.Dir(state)
	if !slices.Contains(outputs, beside) {
		outputs = append(outputs, beside)
	}
	var disks []Disk
	for _, output := range outputs {
		disks = append(disks, w.disk(ctx, output, minFree[output]))
	}
	files := map[string]File{"state": b.file(state)}
	if b.options.History != nil {
		files["history"] = b.options.History()
	}
	b.mu.Lock()
	// Free bytes change all the time, and are no news.
	if !slices.EqualFunc(disks, b.seen.disks, func(x, y Disk) bool { return x.Path == y.Path && x.Err == y.Err }) {
		b.changes++
	}
	b.seen.disks, b.seen.files = disks, files
	b.mu.Unlock()
	b.lookAtQuarantine(ctx)
}

// disk asks for the room on a disk, and gives up after a while.
func (w *watcher) disk(ctx context.Context, path string, minFree int64) Disk {
	w.mu.Lock()
	busy := w.asking[path]
	w.asking[path] = true
	w.mu.Unlock()
	silent := Disk{Path: path, MinFree: minFree, Err: "its file system does not answer"}
	if busy {
		return silent
	}
	answer := make(chan Disk, 1)
	go func() { // it may never come back, and then nobody asks again
		d := Disk{Path: path, MinFree: minFree}
		var err error
		if d.Room, err = w.board.free(path); err != nil {
			d.Err = words.Visible(err.Error())
		}
		w.mu.Lock()
		delete(w.asking, path)
		w.mu.Unlock()
		answer <- d
	}()
	patience := time.NewTimer(lookFor)
	defer patience.Stop()
	select {
	case d := <-answer:
		return d
	case <-patience.C:
	case <-ctx.Done():
	}
	return silent
}

func (b *Board) free(path string) (Room, error) {
	if b.options.Free != nil {
		return b.options.Free(path)
	}
	return statfs(path)
}

// statfs asks the system for the room where a path is, or will be made.
func statfs(path string) (Room, error) {
	var s unix.Statfs_t
	err := unix.Statfs(path, &s)
	for ; errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path; err = unix.Statfs(path, &s) {
		path = filepath.Dir(path)
	}
	if err != nil {
		return Room{}, fmt.Errorf("ask for the free bytes of %s: %w", path, err)
	}
	size := int64(s.Bsize)
	return Room{Free: int64(s.Bavail) * size, Total: int64(s.Blocks) * size, FilesFree: int64(s.Ffree), Files: int64(s.Files)}, nil
}

// file asks for the size of a file of attachd's.
func (b *Board) file(path string) File {
	size := b.options.Size
	if size == nil {
		size = func(path string) (int64, error) {
			info, err := os.Stat(path)
			if err != nil {
				return 0, err
			}
			return info.Size(), nil
		}
	}
	f := File{Path: path}
	var err error
	if f.Size, err = size(path); err != nil {
		f.Err = words.Visible(err.Error())
	}
	return f
}

// lookAtQuarantine counts what is in quarantine, and reads what the first few messages are if the
// counts have changed.
func (b *Board) lookAtQuarantine(ctx context.Context) {
	if b.options.Counts == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	counts, err := b.options.Counts(ctx)
	if counts == nil {
		counts = make(map[string]int) // nil is that nobody has looked yet
	}
	b.mu.Lock()
	known := b.seen.counts != nil && maps.Equal(counts, b.seen.counts) && !b.seen.stale
	b.mu.Unlock()
	if err != nil || known {
		return // a state that can't be read makes polls fail, and is a case by that
	}
	var held []heldOf
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if b.options.Held == nil || len(held) >= mostSaid || counts[name] == 0 {
			continue
		}
		all, err := b.options.Held(ctx, name)
		if err != nil {
			b.options.Log.Debug().Err(err).Str("account", name).Msg("quarantine not read")
			continue
		}
		for _, h := range all[:min(len(all), mostSaid-len(held))] {
			held = append(held, heldOf{h, name})
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen.counts, b.seen.held, b.seen.stale = counts, held, false
	b.changes++
}

// watchedCases makes cases of what is no failure of a poll. b.mu is held.
func (b *Board) watchedCases(s *Snapshot, c *cases) {
	b.quarantineCase(c)
	b.diskCases(c)
	if len(b.read.Faults) > 0 {
		g := c.group(string(trouble.ConfigFaulty), trouble.ConfigFaulty, trouble.Subject{Config: b.read.Path})
		g.Since, g.Last, g.Link = b.read.Failed, b.read.Failed, "/config"
		for _, fault := range b.read.Faults {
			g.say(fault)
		}
	}
	if beat := s.Machine.Beat; b.options.Beat != nil && c.now.Sub(lastOf(beat, b.started)) > beatWithin {
		g := c.group(string(trouble.SchedulerStuck), trouble.SchedulerStuck, trouble.Subject{})
		g.Since, g.Last = lastOf(beat, b.started), c.now
		g.say("the schedule was last found on time at " + words.Stamp(g.Since))
	}
	if f := s.Machine.History; f.Err != "" {
		g := c.group(string(trouble.HistoryFailing), trouble.HistoryFailing, trouble.Subject{State: s.Machine.State.Path})
		g.say(f.Path + ": " + f.Err)
	} else if f.Note != "" && c.now.Sub(b.started) < noteFor {
		g := c.group(string(trouble.HistoryNew), trouble.HistoryNew, trouble.Subject{})
		g.say(f.Note)
	}
	for key, r := range b.reported {
		g := c.group(key, r.Class, trouble.Subject{Config: b.read.Path})
		g.Since, g.Last, g.Said, g.Accounts, g.Link = r.Since, c.now, r.Said, slices.Clone(r.Accounts), r.Link
	}
	b.remember(c)
}

// remember gives the cases without a beginning of their own one, as long as they last. b.mu is
// held.
func (b *Board) remember(c *cases) {
	maps.DeleteFunc(b.since, func(key string, _ time.Time) bool { return c.groups[key] == nil })
	for key, g := range c.groups {
		if !g.Since.IsZero() {
			continue
		}
		if b.since[key].IsZero() {
			b.since[key] = c.now
		}
		g.Since, g.Last = b.since[key], c.now
	}
}

// quarantineCase makes one case of all that is in quarantine. b.mu is held.
func (b *Board) quarantineCase(c *cases) {
	var names []string
	messages := 0
	for name, n := range b.seen.counts {
		if n > 0 && b.accounts[name] != nil {
			names = append(names, name)
			messages += n
		}
	}
	if messages == 0 {
		return
	}
	g := c.group(string(trouble.Quarantine), trouble.Quarantine, trouble.Subject{})
	g.Accounts, g.Messages, g.Link = names, messages, "/quarantine"
	if messages > 1 {
		g.Heading = words.Count(messages, "message") + " in quarantine"
	}
	for _, h := range b.seen.held {
		g.say(h.String())
		g.Since, g.Last = firstOf(g.Since, h.At), lastOf(g.Last, h.At)
	}
}

// String describes a message: “SUBJECT” from SENDER, SIZE: REASON.
func (h heldOf) String() string {
	subject := "a message without a subject"
	if h.Subject != "" {
		subject = "“" + words.Visible(h.Subject) + "”"
	}
	from := ""
	if h.From != "" {
		from = " from " + words.Visible(h.From)
	}
	size := ""
	if h.Size >= 0 {
		size = ", " + words.Size(h.Size)
	}
	return fmt.Sprintf("%s%s%s, for %s: %s", subject, from, size, h.account, words.Visible(h.Reason))
}

// diskCases makes a case of the disks with little room, and one of those that can't be asked. b.mu
// is held.
func (b *Board) diskCases(c *cases) {
	for _, d := range b.seen.disks {
		subject := trouble.Subject{Output: d.Path}
		least := d.MinFree
		if b.config != nil {
			least = max(least, int64(b.config.Notify.DiskBelow))
		}
		switch {
		case d.Err != "":
			c.group(string(trouble.DiskUnknown), trouble.DiskUnknown, subject).say(d.Path + ": " + d.Err)
		case d.FewFiles():
			c.group(string(trouble.InodesLow), trouble.InodesLow, subject).say(fmt.Sprintf("%s: %s of %s inodes are free, and %s of %s", d.Path, words.Number(d.FilesFree), words.Number(d.Files), words.Size(d.Free), words.Size(d.Total)))
		case d.Free < least:
			c.group(string(trouble.DiskLow), trouble.DiskLow, subject).say(fmt.Sprintf("%s: %s of %s are free", d.Path, words.Size(d.Free), words.Size(d.Total)))
		}
	}
}
