package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/metrics"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
)

// scrapeLimit is the most that an answer may take with ten thousand accounts.
const scrapeLimit = 200 * time.Millisecond

// crowd makes metrics of an attachd with n accounts on n/20 hosts, each account with its series.
// The snapshot is another one for each reader, as it is when polls go on.
func crowd(n int) *metrics.Metrics {
	s := standing()
	s.Accounts, s.Certificates = nil, nil
	for i := range n {
		host := fmt.Sprintf("pop%d.example.org:995", i/20)
		s.Accounts = append(s.Accounts, status.Account{Name: fmt.Sprintf("account-%05d", i), Host: host, State: status.Fine, Polled: began, Worked: began})
		if i%20 == 0 {
			s.Certificates = append(s.Certificates, status.Certificate{Host: host, NotAfter: began, Accounts: 20})
		}
	}
	m := metrics.New(metrics.Options{Snapshot: func() *status.Snapshot { another := *s; return &another }})
	m.Configured(&config.Config{Metrics: config.Metrics{PerAccount: config.PerAccountAlways}})
	return m
}

// reader counts what it is given.
type reader struct {
	header http.Header
	bytes  int
}

func (r *reader) Header() http.Header         { return r.header }
func (r *reader) Write(p []byte) (int, error) { r.bytes += len(p); return len(p), nil }
func (r *reader) WriteHeader(int)             {}

// TestScale: ten times the accounts take about ten times the memory, not the square of it, and few
// pieces for each series.
func TestScale(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	pieces := func(n int) float64 {
		m := crowd(n)
		return testing.AllocsPerRun(1, func() {
			if _, err := m.Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	const few, many = 1000, 10_000
	small, large := pieces(few), pieces(many)
	if ratio := large / small; ratio > 1.2*many/few {
		t.Errorf("%d accounts take %.1f times the pieces of memory that %d take", many, ratio, few)
	}
	if each := large / many; each > 12 {
		t.Errorf("each account takes %.1f pieces of memory", each)
	}
}

// BenchmarkScrape gives the time of an answer with ten thousand accounts as a share of the limit.
func BenchmarkScrape(b *testing.B) {
	handler := crowd(10_000).Handler()
	request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
	var size int
	for b.Loop() {
		r := &reader{header: http.Header{}}
		handler.ServeHTTP(r, request)
		size = r.bytes
	}
	if size < 1<<20 {
		b.Fatalf("only %d bytes came", size)
	}
	b.ReportMetric(float64(size)/(1<<20), "MiB")
	b.ReportMetric(100*float64(b.Elapsed())/float64(b.N)/float64(scrapeLimit), "%-of-limit")
}
