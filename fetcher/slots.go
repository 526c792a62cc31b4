package fetcher

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// silentAfter is how long a server may keep a poll waiting before the poll gives up its global
	// slot.
	silentAfter = 2 * time.Second
	// silentFactor is how many polls may wait for silent servers per global slot. Each of them
	// costs a connection and its buffers.
	silentFactor = 16
)

// slots caps how many polls run at once, in all and to one host. A server that hangs, or a network
// that drops packets, keeps a poll waiting. Such a poll goes on without a global slot, so that it
// does not delay other accounts.
type slots struct {
	global  chan struct{}
	silent  chan struct{} // instead of global, for polls that wait for a silent server
	perHost int

	mu    sync.Mutex
	hosts map[string]*hostSlots // guarded by mu; an entry exists while polls use its slots
	late  time.Time             // guarded by mu: when lateness was last logged
}

// hostSlots are the slots to one host.
type hostSlots struct {
	held  chan struct{} // of all polls to the host
	slow  chan struct{} // also of those that were slow the last time: a quarter of held
	users int           // guarded by slots.mu: polls that hold or await a slot
}

// newSlots returns slots for so many polls, in all and to one host.
func newSlots(global, perHost int) *slots {
	return &slots{
		global: make(chan struct{}, global), silent: make(chan struct{}, silentFactor*global),
		perHost: perHost, hosts: make(map[string]*hostSlots),
	}
}

// acquire waits for a slot to host and then for a global one. Polls get slots in the order in which
// they ask. The host's slot comes first, so that polls that wait for it hold no global one.
//
// Polls that were slow the last time share a quarter of the host's slots: mailboxes that hang do
// not delay the others on that host. They count as silent from the start.
//
// It fails with the cause of ctx when ctx ends.
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

// lateIsDue allows one warning about late polls an hour.
func (s *slots) lateIsDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.late) < time.Hour {
		return false
	}
	s.late = now
	return true
}

// leave ends a poll's use of the host's slots.
func (s *slots) leave(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[host]
	if h.users--; h.users == 0 {
		delete(s.hosts, host)
	}
}

// slot is the permission of one poll to run.
type slot struct {
	slots   *slots
	host    string
	silence *time.Timer // runs while the poll waits for its server; nil if it is silent already

	mu   sync.Mutex
	held []chan struct{} // guarded by mu; the last is global or silent
}

// waiting is called with true when the poll begins to wait for its server, and with false when the
// server has answered.
func (l *slot) waiting(waits bool) {
	switch {
	case l.silence == nil:
	case waits:
		l.silence.Reset(silentAfter)
	default:
		l.silence.Stop()
	}
}

// yield exchanges the global slot for a silent one, so that another poll can run. If too many polls
// are silent already, it tries again later. The poll does not take a global slot back when its
// server answers: to wait for one would let the server time out.
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

// release gives all slots back.
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
