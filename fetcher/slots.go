package fetcher

import (
	"context"
	"slices"
	"sync"
)

// slots caps how many polls run at once, in all and to one host.
type slots struct {
	global  chan struct{}
	perHost int

	mu    sync.Mutex
	hosts map[string]*hostSlots // guarded by mu; an entry lives while somebody holds or awaits it
}

type hostSlots struct {
	held  chan struct{}
	slow  chan struct{}
	users int // guarded by slots.mu
}

func newSlots(global, perHost int) *slots {
	return &slots{global: make(chan struct{}, global), perHost: perHost, hosts: make(map[string]*hostSlots)}
}

// acquire waits for a slot to host and then for one of all. The host's comes
// first: a host that hangs holds at most its own share of the global slots, and
// accounts that wait for it hold none. Those that were slow the last time, as their
// mailboxes hang, share a quarter of the host's, so that the others get theirs.
func (s *slots) acquire(ctx context.Context, host string, slow bool) (release func(), err error) {
	s.mu.Lock()
	h := s.hosts[host]
	if h == nil {
		h = &hostSlots{held: make(chan struct{}, s.perHost), slow: make(chan struct{}, max(s.perHost/4, 1))}
		s.hosts[host] = h
	}
	h.users++
	s.mu.Unlock()
	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(s.hosts, host)
		}
	}
	taken := make([]chan struct{}, 0, 3)
	release = func() {
		for _, slot := range slices.Backward(taken) {
			<-slot
		}
		leave()
	}
	wanted := []chan struct{}{h.held, s.global}
	if slow {
		wanted = []chan struct{}{h.slow, h.held, s.global}
	}
	for _, slot := range wanted {
		select {
		case slot <- struct{}{}:
			taken = append(taken, slot)
		case <-ctx.Done():
			release()
			return nil, context.Cause(ctx)
		}
	}
	return release, nil
}
