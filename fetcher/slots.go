package fetcher

import (
	"context"
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
	users int // guarded by slots.mu
}

func newSlots(global, perHost int) *slots {
	return &slots{global: make(chan struct{}, global), perHost: perHost, hosts: make(map[string]*hostSlots)}
}

// acquire waits for a slot to host and then for one of all. The host's comes
// first: a host that hangs holds at most its own share of the global slots, and
// accounts that wait for it hold none.
func (s *slots) acquire(ctx context.Context, host string) (release func(), err error) {
	s.mu.Lock()
	h := s.hosts[host]
	if h == nil {
		h = &hostSlots{held: make(chan struct{}, s.perHost)}
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
	select {
	case h.held <- struct{}{}:
	case <-ctx.Done():
		leave()
		return nil, context.Cause(ctx)
	}
	select {
	case s.global <- struct{}{}:
	case <-ctx.Done():
		<-h.held
		leave()
		return nil, context.Cause(ctx)
	}
	return func() {
		<-s.global
		<-h.held
		leave()
	}, nil
}
