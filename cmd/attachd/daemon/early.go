package daemon

import (
	"sync"

	"github.com/attachd/attachd/fetcher/event"
)

// maxEarly bounds the events that wait for the services. Polls that send more wait themselves.
const maxEarly = 1000

// early keeps the events of polls that began before the services were there, and hands them on in
// their order.
type early struct {
	deliver func(event.Event)
	there   chan struct{} // closed when events are handed on at once

	mu     sync.Mutex
	over   bool          // guarded by mu: likewise
	events []event.Event // guarded by mu
}

func newEarly(deliver func(event.Event)) *early {
	return &early{deliver: deliver, there: make(chan struct{})}
}

// observe keeps an event or hands it on.
func (w *early) observe(e event.Event) {
	w.mu.Lock()
	if !w.over && len(w.events) < maxEarly {
		w.events = append(w.events, e)
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	<-w.there
	w.deliver(e)
}

// end hands on what was kept, and from now on each event as it comes.
func (w *early) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		w.deliver(e)
	}
	w.over, w.events = true, nil
	close(w.there)
}
