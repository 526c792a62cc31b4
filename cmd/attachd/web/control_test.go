package web_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// TestControlSnapshot: commands get the whole snapshot at the control socket, and nobody gets it at
// the page.
func TestControlSnapshot(t *testing.T) {
	t.Parallel()
	w := newSite(t, webtest.Rich())
	rec := httptest.NewRecorder()
	w.Control().ServeHTTP(rec, request(t.Context(), http.MethodGet, status.Path, "Host", "attachd"))
	var got status.Snapshot
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || got.Sentence != webtest.Rich().Sentence || len(got.Accounts) != len(webtest.Rich().Accounts) {
		t.Errorf("%v: %s", err, rec.Body)
	}
	if answer, body := w.do(request(t.Context(), http.MethodGet, status.Path)); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the page answers %s: %s", answer.Status, body)
	}
}
