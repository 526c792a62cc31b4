package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
)

const (
	maxReaders = 64
	look       = 500 * time.Millisecond // how often somebody looks for news
	hold       = 2 * time.Second        // between two events to a reader
	keepAlive  = 25 * time.Second
)

// state tells two moments apart: what changed between them has a different number.
type state struct {
	snapshot uint64
	item     int64
}

// state is how things stand now.
func (s *Server) state(ctx context.Context) state {
	now := state{snapshot: s.options.Board.Snapshot().Version}
	if s.options.History != nil {
		// A history that can't be read is told on the page itself.
		if found, err := s.options.History.Search(ctx, history.Search{Limit: 1}); err == nil && len(found.Items) > 0 {
			now.item = found.Items[0].ID
		}
	}
	return now
}

// hub tells readers that there is news. Nothing is queued: a reader who is slow or was told just
// now hears of all that happened meanwhile in one event.
type hub struct {
	state func(context.Context) state

	mu      sync.Mutex
	now     state
	changed chan struct{} // closed at the next change
	readers int
	arrived chan struct{} // of one slot: there may be readers
	over    chan struct{} // closed when the server stops
}

func newHub(of func(context.Context) state) *hub {
	return &hub{state: of, changed: make(chan struct{}), arrived: make(chan struct{}, 1), over: make(chan struct{})}
}

// run looks for news while there are readers, until ctx ends.
func (h *hub) run(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	defer close(h.over)
	for {
		if h.count() == 0 { // a page that nobody looks at costs nothing
			select {
			case <-ctx.Done():
				return
			case <-h.arrived:
			}
		}
		h.set(h.state(ctx))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.readers
}

// set takes the present state and wakes everybody if it is another one.
func (h *hub) set(now state) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now != h.now {
		h.now = now
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// get returns the state, and what is closed when there is another one. The state is zero until
// somebody has looked.
func (h *hub) get() (now state, changed <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now, h.changed
}

// join counts a reader, and reports whether there is room for one.
func (h *hub) join() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.readers >= maxReaders {
		return false
	}
	if h.readers == 0 {
		h.now = state{} // nobody has looked for a while
	}
	h.readers++
	select {
	case h.arrived <- struct{}{}:
	default:
	}
	return true
}

func (h *hub) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers--
}

// serveEvents streams news as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). An event names the regions of
// pages that may have changed, and has no content.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	if !s.hub.join() {
		w.Header().Set("Retry-After", "30")
		s.fail(w, r, refuse(http.StatusServiceUnavailable, "Too many readers are told of news already.", "Reload the page instead."))
		return
	}
	defer s.hub.leave()
	unhurried(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would collect them
	if r.Method == http.MethodHead {
		return
	}
	control := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		// A reader that takes nothing for so long is gone.
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && control.Flush() == nil
	}
	shown := stateOf(r)
	alive := send("retry: 5000\n\n")
	for alive {
		now, changed := s.hub.get()
		if now != (state{}) && now != shown {
			alive = send("id: %s\nevent: changed\ndata: %s\n\n", now, strings.Join(shown.regions(now), " "))
			shown = now
			changed = nil
		}
		wait := keepAlive
		if changed == nil {
			wait = hold
		}
		timer := time.NewTimer(wait)
		select {
		case <-r.Context().Done():
			alive = false
		case <-s.hub.over:
			alive = false
		case <-changed: // never, if the reader was told just now
		case <-timer.C:
			if changed != nil {
				alive = send(": still here\n\n")
			}
		}
		timer.Stop()
	}
}

// String is how a state is called in an event and in a page.
func (s state) String() string { return fmt.Sprintf("%d-%d", s.snapshot, s.item) }

// stateOf is the state that a reader has seen: in the last event, or in the page. Zero if he does
// not say.
func stateOf(r *http.Request) (s state) {
	given := r.Header.Get("Last-Event-ID")
	if given == "" {
		given = r.URL.Query().Get("since")
	}
	if n, err := fmt.Sscanf(given, "%d-%d", &s.snapshot, &s.item); n != 2 || err != nil {
		return state{}
	}
	return s
}

// regions are the parts of pages that are not the same in another state.
func (s state) regions(now state) (all []string) {
	if s.snapshot != now.snapshot {
		all = append(all, "status", "cases", "machine", "accounts", "account")
	}
	if s.item != now.item {
		all = append(all, "plots", "recent")
	}
	return all
}
