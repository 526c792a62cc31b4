package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// actions remembers what was asked for.
type actions struct {
	mu       sync.Mutex
	polled   []string
	reloaded int
	refused  error
}

func (a *actions) PollNow(account string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.polled = append(a.polled, account)
	return true
}

func (a *actions) Reload(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reloaded++
	return a.refused
}

var (
	_ web.Board   = (*status.Board)(nil)
	_ web.History = (*history.History)(nil)
)

// site is a page with what is behind it.
type site struct {
	*web.Server
	board   *webtest.Board
	history *webtest.History
	actions *actions
	log     *strings.Builder
}

// newSite makes a page that shows a snapshot. Options may be changed before it is made.
func newSite(t testing.TB, s *status.Snapshot, change ...func(*web.Options)) *site {
	t.Helper()
	w := &site{board: webtest.NewBoard(s), history: webtest.NewHistory(), actions: &actions{}, log: &strings.Builder{}}
	options := web.Options{
		Board: w.board, History: w.history, Actions: w.actions, Log: zerolog.New(zerolog.SyncWriter(w.log)),
		Version: "1.4.2", Hostname: "mailhub.example.org", Zone: webtest.Zone, Now: webtest.Clock,
	}
	for _, c := range change {
		c(&options)
	}
	server, err := web.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = server
	return w
}

// do sends a request and returns the answer with its body.
func (w *site) do(r *http.Request) (*http.Response, string) {
	rec := httptest.NewRecorder()
	w.Handler().ServeHTTP(rec, r)
	answer := rec.Result()
	body, _ := io.ReadAll(answer.Body) // of a recorder
	return answer, string(body)
}

// request makes one as curl at the same machine does. Headers are pairs of names and values.
func request(ctx context.Context, method, target string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, "http://localhost"+target, nil)
	r.RemoteAddr = "127.0.0.1:50000"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// get is the body of a page that must be there.
func (w *site) get(t testing.TB, target string, headers ...string) string {
	t.Helper()
	answer, body := w.do(request(t.Context(), http.MethodGet, target, headers...))
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s\n%s", target, answer.Status, body, w.log)
	}
	return body
}

func TestOverview(t *testing.T) {
	t.Parallel()
	rich := newSite(t, webtest.Rich()).get(t, "/")
	for _, want := range []string{
		"<title>(2) Overview – attachd</title>", "Two things need you.", `href="/accounts/orders"`, "login refused",
		"-ERR [AUTH] Authentication failed", "What to do:", "Trouble that attachd handles by itself", "Poll both now",
		`action="/hosts/pop.branch.example.org:995/poll"`, "Files per hour", "Rechnung März (Nr. 4711).pdf", "Schedule is kept",
		`<a href="/quarantine">Message in quarantine</a>`,
	} {
		if !strings.Contains(rich, want) {
			t.Errorf("the overview lacks %q", want)
		}
	}
	if first := newSite(t, webtest.Empty()).get(t, "/"); !strings.Contains(first, "Add the first account") {
		t.Errorf("without an account:\n%s", first)
	}
}
