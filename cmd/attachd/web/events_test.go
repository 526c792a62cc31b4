package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// reader is a browser that is told of news.
type reader struct {
	header http.Header
	code   int

	mu     sync.Mutex
	text   strings.Builder
	events []time.Time
	leave  context.CancelFunc
	done   chan struct{}
}

func (r *reader) Header() http.Header  { return r.header }
func (r *reader) WriteHeader(code int) { r.code = code }
func (r *reader) Flush()               {}

func (r *reader) Write(text []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(string(text), "event: changed") {
		r.events = append(r.events, time.Now())
	}
	return r.text.Write(text)
}

func (r *reader) seen() (text string, events []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String(), r.events
}

// read opens a stream. Since is the state of the page, as the page says it.
func (w *site) read(ctx context.Context, since string) *reader {
	r := &reader{header: make(http.Header), code: http.StatusOK, done: make(chan struct{})}
	ctx, r.leave = context.WithCancel(ctx)
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/events?since="+since, nil)
	request.RemoteAddr = "127.0.0.1:50000"
	go func() {
		defer close(r.done)
		w.Handler().ServeHTTP(r, request)
	}()
	return r
}

// running makes a site that looks for news, within a bubble. Stop ends it.
func running(t *testing.T) (w *site, stop func()) {
	t.Helper()
	w = newSite(t, webtest.Fine(), func(o *web.Options) { o.Now = time.Now })
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return w, func() { cancel(); run.Wait() }
}

// change gives the board another version.
func (w *site) change(version uint64) {
	s := webtest.Fine()
	s.Version = version
	w.board.Set(s)
}

// TestEventsCoalesce: however often something changes, a reader hears of it at most every two
// seconds, and of the last change within three.
func TestEventsCoalesce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := running(t)
		var readers []*reader
		for range 50 {
			readers = append(readers, w.read(t.Context(), "2-7"))
		}
		for version := range uint64(600) {
			time.Sleep(100 * time.Millisecond)
			w.change(version + 10)
			w.history.Add(history.Item{At: time.Now(), Name: "a", Account: "invoices"})
		}
		time.Sleep(3 * time.Second)
		for _, r := range readers {
			text, events := r.seen()
			if n := len(events); n < 25 || n > 32 {
				t.Fatalf("%d events in a minute", n)
			}
			for i := 1; i < len(events); i++ {
				if gap := events[i].Sub(events[i-1]); gap < 2*time.Second {
					t.Fatalf("an event %v after the one before", gap)
				}
			}
			if !strings.Contains(text, "id: 609-607\n") || !strings.HasPrefix(text, "retry: 5000\n\n") || !strings.Contains(text, "data: status cases machine accounts account plots recent\n") {
				t.Fatalf("the last state, 609-607, is not there:\n%s", text)
			}
		}
		stop()
		for _, r := range readers {
			<-r.done
		}
	})
}

// TestEventsQuiet: who has the present state is told nothing, except that the line is alive; who
// has another one is told at once.
func TestEventsQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := running(t)
		page := w.get(t, "/")
		current, behind, unknown := w.read(t.Context(), "2-7"), w.read(t.Context(), "1-7"), w.read(t.Context(), "")
		if !strings.Contains(page, `data-state="2-7"`) {
			t.Error("the page does not say its state")
		}
		time.Sleep(time.Minute)
		if text, events := current.seen(); len(events) != 0 || strings.Count(text, ": still here\n\n") != 2 {
			t.Errorf("current: %q", text)
		}
		for _, r := range []*reader{behind, unknown} {
			if text, events := r.seen(); len(events) != 1 || !strings.Contains(text, "id: 2-7\n") {
				t.Errorf("behind: %q", text)
			}
		}
		w.history.Add(history.Item{At: time.Now(), Name: "a", Account: "invoices"})
		time.Sleep(time.Second)
		if text, events := current.seen(); len(events) != 1 || !strings.Contains(text, "data: plots recent\n") {
			t.Errorf("after a file: %q", text)
		}
		stop()
		<-current.done
		<-behind.done
		<-unknown.done
	})
}

// TestEventsFull: the 65th reader is sent away, and let in when another one has left.
func TestEventsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := running(t)
		var readers []*reader
		for range 64 {
			readers = append(readers, w.read(t.Context(), ""))
		}
		synctest.Wait()
		late := w.read(t.Context(), "")
		<-late.done
		if text, _ := late.seen(); late.code != http.StatusServiceUnavailable || late.header.Get("Retry-After") == "" || !strings.Contains(text, "Too many readers") {
			t.Errorf("the 65th: %d %q", late.code, text)
		}
		readers[0].leave()
		<-readers[0].done
		next := w.read(t.Context(), "")
		time.Sleep(time.Second)
		if text, _ := next.seen(); !strings.Contains(text, "event: changed") {
			t.Errorf("after one left: %d %q", next.code, text)
		}
		stop()
		for _, r := range append(readers, next) {
			<-r.done
		}
	})
}

// TestNobodyReads: a page that nobody looks at costs the history nothing.
func TestNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, stop := running(t)
		time.Sleep(time.Hour)
		before := w.history.Searches()
		r := w.read(t.Context(), "")
		time.Sleep(10 * time.Second)
		during := w.history.Searches()
		r.leave()
		<-r.done
		time.Sleep(time.Second)
		after := w.history.Searches()
		time.Sleep(time.Hour)
		if before != 0 || during == 0 || w.history.Searches() != after {
			t.Error(fmt.Sprint("looked ", before, during, after, w.history.Searches(), " times"))
		}
		stop()
	})
}
