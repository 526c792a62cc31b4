package outbound_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
)

const canary = "canary-4f1c2b7a9e"

// TestRedirects: a key goes to no other host, and a notice is not lost on the way.
func TestRedirects(t *testing.T) {
	t.Parallel()
	away := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked for %s, Referer %q", r.URL, r.Referer())
	}))
	defer away.Close()
	var bodies []string
	mux := http.NewServeMux()
	mux.HandleFunc("/away/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, away.URL+"/x", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/found/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/end", http.StatusFound) })
	mux.HandleFunc("/kept/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/end", http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/loop/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop/x", http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/end", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	client := outbound.New(nil)
	for path, want := range map[string]string{"away": "another host", "found": "drops what is posted", "loop": "for ever", "kept": ""} {
		err := client.Do(t.Context(), outbound.Request{Method: http.MethodPost, URL: server.URL + "/" + path + "/" + canary, Body: []byte("notice")})
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: got error %v, want %q", path, err, want)
		case err != nil && strings.Contains(err.Error(), canary):
			t.Errorf("%s: the error holds the key: %v", path, err)
		}
	}
	if len(bodies) != 1 || bodies[0] != "notice" {
		t.Errorf("the end of the redirects got %q, want the notice once", bodies)
	}
}

// TestErrorsHoldNoKey: whatever goes wrong, and whatever a server answers.
func TestErrorsHoldNoKey(t *testing.T) {
	t.Parallel()
	echo := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.URL.String())
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, r.URL.String()+r.Header.Get("Authorization"))
	}))
	defer echo.Close()
	trusting := outbound.New(echo.Client().Transport)
	distrusting := outbound.New(nil)
	header := http.Header{"Authorization": {"Bearer " + canary}}
	for _, c := range []struct {
		client    *outbound.Client
		url, want string
	}{
		{trusting, echo.URL + "/" + canary, "429 Too Many Requests"},
		{distrusting, echo.URL + "/" + canary, "certificate"},
		{distrusting, "http://127.0.0.1:1/" + canary + "?k=" + canary, "refused"},
		{distrusting, "http://user:" + canary + "@127.0.0.1:1/", "refused"},
		{distrusting, "http://[::1" + canary, "cannot be used"},
		{distrusting, "gopher" + canary + "://x/", "cannot be used"},
	} {
		err := c.client.Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: c.url, Header: header})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("got error %v, want one with %q and without the key", err, c.want)
		}
		if status, ok := err.(*outbound.StatusError); ok && status.Wait != 2*time.Minute {
			t.Errorf("the server asked for %s, want 2m", status.Wait)
		}
	}
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// endless answers with a body that has no end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }
func (*endless) Close() error                 { return nil }
func (e *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: e}, nil
}

// TestBounds: a request ends, whatever the server does.
func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		err := outbound.New(silent{}).Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: "https://example.org/" + canary})
		if took := time.Since(begin); err == nil || took != outbound.Timeout || strings.Contains(err.Error(), canary) {
			t.Errorf("got error %v after %s", err, took)
		}
		body := &endless{}
		err = outbound.New(body).Do(t.Context(), outbound.Request{Method: http.MethodGet, URL: "https://example.org/"})
		if err != nil || body.read > 128<<10 {
			t.Errorf("read %d bytes of an endless answer, error %v", body.read, err)
		}
	})
}
