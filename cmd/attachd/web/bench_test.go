package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/web"
	"github.com/attachd/attachd/cmd/attachd/web/webtest"
)

// allowed is the server time that a view may take.
const allowed = 100 * time.Millisecond

// answerTime measures how long views take, as a share of what they may.
func answerTime(b *testing.B, w *site, targets []string) {
	b.Helper()
	for _, target := range targets {
		b.Run(target, func(b *testing.B) {
			r := request(b.Context(), http.MethodGet, target)
			w.get(b, target) // a template is prepared when it is used first
			for b.Loop() {
				rec := httptest.NewRecorder()
				w.Handler().ServeHTTP(rec, r)
				if rec.Code != http.StatusOK {
					b.Fatalf("%s: %d\n%s", target, rec.Code, rec.Body)
				}
			}
			b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/float64(allowed), "%-of-100ms")
		})
	}
}

// BenchmarkViews makes every view of a site with 10,000 accounts, without the time that the history
// takes.
func BenchmarkViews(b *testing.B) {
	var yaml strings.Builder
	yaml.WriteString("output: out\nstate: state.db\naccounts:\n")
	for i := range 10000 {
		fmt.Fprintf(&yaml, "  - {name: customer-%05d, host: pop%d.example.org, username: c%d@example.org, password: secret-of-customer-%d}\n", i, i%10, i, i)
	}
	w := newSite(b, webtest.Many(10000), configured(b, yaml.String()), func(o *web.Options) {
		h := webtest.NewHistory()
		for i := range 100 {
			h.Add(history.Item{At: webtest.Now, Account: "customer-05000", Name: fmt.Sprintf("file %d.pdf", i), Sender: "a@example.org", Subject: "subject"})
		}
		o.History = h
	})
	answerTime(b, w, []string{
		"/", "/accounts", "/accounts?sort=success&after=customer-05000", "/accounts?q=customer-1&state=fine", "/accounts/customer-05000",
		"/config", "/config?after=customer-05000", "/attachments", "/quarantine", "/api/v1/", "/api/v1/status", "/api/v1/accounts?sort=backlog", "/api/v1/accounts/customer-09999",
	})
}
