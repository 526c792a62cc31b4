package health_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/health"
)

// ask asks a handler, and returns the answer's code and body.
func ask(h http.Handler, method, accept string) (int, string) {
	r := httptest.NewRequest(method, "/", http.NoBody)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSuffix(w.Body.String(), "\n")
}

// TestLive: attachd is alive while the scheduler's beat is fresh, and not by itself.
func TestLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var beat time.Time
		live := health.Live(func() time.Time { return beat }, time.Now)
		want := func(code int, text, json string) {
			t.Helper()
			if got, body := ask(live, http.MethodGet, ""); got != code || body != text {
				t.Errorf("%d %q, want %d %q", got, body, code, text)
			}
			if got, body := ask(live, http.MethodGet, "text/html, application/json;q=0.9"); got != code || body != json {
				t.Errorf("%d %s, want %d %s", got, body, code, json)
			}
		}
		want(503, "the scheduler has not begun", `{"live":false,"said":"the scheduler has not begun"}`)
		beat = time.Now()
		time.Sleep(health.Stale)
		want(200, "ok", `{"live":true,"beat":"2000-01-01T00:00:00Z"}`)
		time.Sleep(2 * time.Second)
		want(503, "the scheduler has not moved for 12s", `{"live":false,"said":"the scheduler has not moved for 12s","beat":"2000-01-01T00:00:00Z"}`)
		beat = time.Now()
		want(200, "ok", `{"live":true,"beat":"2000-01-01T00:00:12Z"}`)
	})
}

// TestMethods: HEAD has no body, and nothing can be posted. Who takes anything gets words.
func TestMethods(t *testing.T) {
	t.Parallel()
	live := health.Live(time.Now, time.Now)
	for _, test := range []struct {
		method, accept string
		code           int
		body           string
	}{
		{http.MethodHead, "", 200, ""},
		{http.MethodPost, "", 405, "only GET and HEAD"},
		{http.MethodGet, "*/*", 200, "ok"},
		{http.MethodGet, "text/plain, application/json;q=0", 200, "ok"},
		{http.MethodGet, ";;;", 200, "ok"},
	} {
		if code, body := ask(live, test.method, test.accept); code != test.code || body != test.body {
			t.Errorf("%s, Accept %q: %d %q", test.method, test.accept, code, body)
		}
	}
}

// TestReady: one failed check is not ready, the answer names it and the log alone says why, once.
func TestReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var failure error
		tests := 0
		running, stop := context.WithCancel(t.Context())
		ready := health.Ready(running, zerolog.New(&log),
			health.Check{Name: "configuration", Test: func(context.Context) error { return nil }},
			health.Check{Name: "state", Test: func(context.Context) error { tests++; return failure }},
		)
		want := func(code int, text, json string) {
			t.Helper()
			if got, body := ask(ready, http.MethodGet, ""); got != code || body != text {
				t.Errorf("%d %q, want %d %q", got, body, code, text)
			}
			if got, body := ask(ready, http.MethodGet, "application/json"); got != code || body != json {
				t.Errorf("%d %s, want %d %s", got, body, code, json)
			}
		}
		const allWell = `{"ready":true,"checks":{"configuration":"ok","state":"ok"}}`
		const notWell = `{"ready":false,"checks":{"configuration":"ok","state":"failed"}}`
		want(200, "ok", allWell)
		failure = errors.New("write /secret/path: no")
		want(200, "ok", allWell) // the last result is still good
		if tests != 1 {
			t.Errorf("%d tests for one result", tests)
		}
		for range 3 {
			time.Sleep(6 * time.Second)
			want(503, "not ready: state", notWell)
		}
		failure = nil
		time.Sleep(6 * time.Second)
		want(200, "ok", allWell)
		const lines = `{"level":"error","check":"state","error":"write /secret/path: no","message":"not ready"}
{"level":"info","check":"state","message":"ready again"}
`
		if log.String() != lines {
			t.Errorf("the log:\n%s\nwant:\n%s", &log, lines)
		}
		stop()
		want(503, "not ready: attachd is stopping", `{"ready":false,"checks":{"configuration":"ok","running":"stopping","state":"ok"}}`)
	})
}

// TestReadyHangs: a check that never returns, as on a file server that is gone, is an answer within
// seconds, and is not started over and over.
func TestReadyHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tests atomic.Int32
		hang := make(chan struct{})
		ready := health.Ready(t.Context(), zerolog.Nop(), health.Check{Name: "output", Test: func(context.Context) error {
			tests.Add(1)
			<-hang
			return nil
		}})
		start := time.Now()
		for range 10 {
			if code, _ := ask(ready, http.MethodGet, ""); code != 503 {
				t.Errorf("code %d while it hangs", code)
			}
		}
		if took := time.Since(start); took != 2*time.Second || tests.Load() != 1 {
			t.Errorf("took %v with %d tests, want 2s with one", took, tests.Load())
		}
		close(hang)
		synctest.Wait()
		if code, _ := ask(ready, http.MethodGet, ""); code != 200 {
			t.Errorf("code %d after it came back", code)
		}
	})
}

// TestFolders: a folder that is missing counts as the one above it, and one that is no folder, or
// that nobody can write to, is a failure.
func TestFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		folders []string
		want    string
	}{
		{nil, ""},
		{[]string{dir, dir, filepath.Join(dir, "a", "b", "c")}, ""},
		{[]string{dir, filepath.Join(file, "a")}, "write into " + filepath.Join(file, "a") + ": not a directory"},
		{[]string{closed, dir}, "write into " + closed + ": permission denied"},
	} {
		if slices.Contains(test.folders, closed) && os.Geteuid() == 0 {
			continue // root may write anywhere
		}
		got := ""
		if err := health.Folders(func() []string { return test.folders })(t.Context()); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%v: %q, want %q", test.folders, got, test.want)
		}
	}
}

// TestAsk: the asker learns what attachd says, or that it says nothing.
func TestAsk(t *testing.T) {
	t.Parallel()
	var beat time.Time
	mux := http.NewServeMux()
	mux.Handle("/livez", health.Live(func() time.Time { return beat }, time.Now))
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	defer server.Close()
	want := func(path, text string) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		if path == "/silent" {
			time.AfterFunc(10*time.Millisecond, cancel)
		}
		defer cancel()
		got := ""
		if err := health.Ask(ctx, server.Client(), server.URL+path); err != nil {
			got = err.Error()
		}
		if got != text {
			t.Errorf("%s: %q, want %q", path, got, text)
		}
	}
	want("/livez", "attachd is not well: the scheduler has not begun")
	beat = time.Now()
	want("/livez", "")
	want("/empty", "attachd is not well: 502 Bad Gateway")
	want("/long", "attachd is not well: "+strings.Repeat("x", 300))
	want("/silent", "attachd does not answer")
}
