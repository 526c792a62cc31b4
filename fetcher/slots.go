package fetcher

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// silentAfter is how long a server may keep a poll waiting before that gives its slot to another poll.
	silentAfter = 2 * time.Second
	// silentFactor is how many polls may wait for silent servers for each slot: they cost a connection and its buffers.
	silentFactor = 16
)

// slots caps how many polls run at once, in all and to one host. A poll whose server keeps silent, as it hangs or the
// network drops its packets, goes on without one of the slots of all, so that it delays nobody else.
type slots struct {
	global  chan struct{}
	silent  chan struct{} // in place of global, for polls whose servers keep silent
	perHost int

	mu    sync.Mutex
	hosts map[string]*hostSlots // guarded by mu; an entry lives while somebody holds or awaits it
	late  time.Time             // guarded by mu: when it was last said that polls are
}

type hostSlots struct {
	held  chan struct{}
	slow  chan struct{}
	users int // guarded by slots.mu
}

func newSlots(global, perHost int) *slots {
	return &slots{
		global: make(chan struct{}, global), silent: make(chan struct{}, silentFactor*global),
		perHost: perHost, hosts: make(map[string]*hostSlots),
	}
}

// acquire waits for a slot to host and then for one of all, in the order in which they are asked for. The host's comes
// first: accounts that wait for it hold none of the others. Those that were slow the last time, as their
// mailboxes hang, share a quarter of the host's, so that the others get theirs, and count as silent from the start.
func (s *slots) acquire(ctx context.Context, host string, slow bool) (*slot, error) {
	s.mu.Lock()
	h := s.hosts[host]
	if h == nil {
		h = &hostSlots{held: make(chan struct{}, s.perHost), slow: make(chan struct{}, max(s.perHost/4, 1))}
		s.hosts[host] = h
	}
	h.users++
	s.mu.Unlock()
	wanted := []chan struct{}{h.held, s.global}
	if slow {
		wanted = []chan struct{}{h.slow, h.held, s.silent}
	}
	l := &slot{slots: s, host: host, held: make([]chan struct{}, 0, len(wanted))}
	for _, c := range wanted {
		select {
		case c <- struct{}{}:
			l.held = append(l.held, c)
		case <-ctx.Done():
			l.release()
			return nil, context.Cause(ctx)
		}
	}
	if !slow {
		l.silence = time.AfterFunc(silentAfter, l.yield)
		l.silence.Stop()
	}
	return l, nil
}

// lateIsDue tells whether it is to be said now that polls wait too long for a slot, which it is once an hour.
func (s *slots) lateIsDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.late) < time.Hour {
		return false
	}
	s.late = now
	return true
}

func (s *slots) leave(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[host]
	if h.users--; h.users == 0 {
		delete(s.hosts, host)
	}
}

// slot is the leave of one poll to run.
type slot struct {
	slots   *slots
	host    string
	silence *time.Timer // runs while the poll waits for its server; nil where it counts as silent from the start

	mu   sync.Mutex
	held []chan struct{} // guarded by mu; the last is global or silent
}

// waiting is told when the poll begins to wait for its server, and when it has stopped.
func (l *slot) waiting(waits bool) {
	switch {
	case l.silence == nil:
	case waits:
		l.silence.Reset(silentAfter)
	default:
		l.silence.Stop()
	}
}

// yield has another poll run in place of this one, if not too many have done so. It lasts until the poll's end: one
// whose server has come round goes on at once, as that server has waited long enough.
func (l *slot) yield() {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.held) - 1
	if last < 0 || l.held[last] != l.slots.global {
		return
	}
	select {
	case l.slots.silent <- struct{}{}:
		<-l.slots.global
		l.held[last] = l.slots.silent
	default:
		l.silence.Reset(silentAfter)
	}
}

// release ends the leave.
func (l *slot) release() {
	l.waiting(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range slices.Backward(l.held) {
		<-c
	}
	l.held = nil
	l.slots.leave(l.host)
}
