package metrics_test

import (
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/attachd/attachd/cmd/attachd/metrics"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

var update = flag.Bool("update", false, "write what the tests give into testdata")

func try(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// began is when the scripted run begins.
var began = time.Unix(1_800_000_000, 0)

// script is metrics, the clock that they go by and the snapshot that they read.
type script struct {
	*metrics.Metrics
	now      time.Time
	snapshot *status.Snapshot
}

// newScript makes metrics of an attachd with every part.
func newScript() *script {
	s := &script{now: began, snapshot: standing()}
	s.Metrics = metrics.New(metrics.Options{
		Snapshot: func() *status.Snapshot { return s.snapshot },
		Told: func() metrics.Told {
			return metrics.Told{Sent: 3, Failed: 1, Dropped: 4, PingsSent: 5, PingsFailed: 6, PingsLost: 7}
		},
		HistoryDropped: func() int64 { return 2 },
		Now:            func() time.Time { return s.now },
	})
	return s
}

// standing is a snapshot with something of everything.
func standing() *status.Snapshot {
	return &status.Snapshot{
		NeedsYou: []status.Case{
			{Class: trouble.LoginRefused, NeedsYou: true, Accounts: []string{"orders", "lab"}, Said: []string{"-ERR c4nary"}},
			{Class: trouble.Quarantine, NeedsYou: true, Accounts: []string{"orders"}},
		},
		Handled: []status.Case{{Class: trouble.ConnectRefused, Accounts: []string{"slow"}}, {Class: trouble.DiskLow}},
		Accounts: []status.Account{
			{Name: "orders", Host: "pop.example.org:995", State: status.NeedsYou, Failures: 4, Quarantine: 2, Polled: began, Worked: began.Add(-time.Hour), Said: "-ERR c4nary"},
			{Name: "fine", State: status.Fine, Polled: began, Worked: began, Backlog: 7},
			{Name: "new", State: status.New},
			{Name: "off", State: status.Off},
		},
		Count:        map[status.State]int{status.NeedsYou: 1, status.Fine: 1, status.New: 1, status.Off: 1},
		Certificates: []status.Certificate{{Host: "pop.example.org:995", NotAfter: began.Add(24 * time.Hour), Accounts: 1}},
		Machine: status.Machine{
			Started: began, Version: "v1.2.3", Due: 5, Polling: 3, Beat: began.Add(-time.Second),
			Disks:   []status.Disk{{Path: "/out", Room: status.Room{Free: 10, Total: 100}, MinFree: 5}, {Path: "/b\xffd", Err: "gone"}},
			State:   status.File{Path: "/s", Size: 4096},
			History: status.File{Path: "/s.history", Size: 8192, Err: "disk is full"},
			Config:  status.Config{Loaded: began, Failed: began.Add(time.Minute), Faults: []string{"c4nary"}},
		},
	}
}

// run plays two polls and half of a third.
func (s *script) run() {
	after := func(d time.Duration, events ...event.Event) {
		s.now = s.now.Add(d)
		for _, e := range events {
			s.Observe(e)
		}
	}
	after(0, event.Waiting{Account: "orders"}, event.Waiting{Account: "fine"})
	after(2*time.Second, event.Started{Account: "orders"}, event.LoggedIn{Account: "orders"}, event.Listed{Account: "orders", Messages: 3})
	after(time.Second,
		event.Retrieved{Account: "orders", Octets: 1000, Attachments: 2}, event.Retrieved{Account: "orders", Octets: 10},
		event.Delivered{Account: "orders", Attachment: ledger.Attachment{Size: 700}},
		event.Delivered{Account: "orders", Attachment: ledger.Attachment{Size: 50}, Repairs: []string{"a boundary was missing"}},
		event.LeftOut{Account: "orders", Name: "logo.gif", More: 2}, event.LeftOut{Account: "orders"},
		event.LeftOut{Account: "orders", Stays: true, More: 9}, event.Quarantined{Account: "orders"}, event.Deleted{Account: "orders", Messages: 2},
		event.Done{Account: "orders", Counts: event.Counts{Messages: 2, Failed: 3}}, event.Scheduled{Account: "orders"})
	after(10*time.Second, event.Started{Account: "fine"})
	after(40*time.Second, event.Done{Account: "fine", Err: errors.New("c4nary")}, event.Waiting{Account: "fine"})
	// A poll that never had a slot, and one that is known by its end alone.
	after(time.Second, event.Done{Account: "fine", Err: fmt.Errorf("c4nary: %w", ledger.ErrDamaged)}, event.Done{Account: "lab"})
}

// scrape returns what a reader of the metrics gets.
func scrape(t testing.TB, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// own keeps the series of attachd, without those of the runtime and of results that did not occur.
func own(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "attachd_") && !regexp.MustCompile(`^attachd_polls_total.* 0$`).MatchString(strings.TrimSpace(line)) {
			kept = append(kept, regexp.MustCompile(`(version|revision)="[^"]*"`).ReplaceAllString(line, `$1="v"`))
		}
	}
	return strings.Join(kept, "")
}

// TestScript compares everything that the scripted run comes to.
func TestScript(t *testing.T) {
	t.Parallel()
	s := newScript()
	s.run()
	text := scrape(t, s.Metrics)
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_start_time_seconds"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("%s is missing", name)
		}
	}
	if strings.Contains(text, "c4nary") {
		t.Error("an error's text is shown")
	}
	golden := filepath.Join("testdata", "metrics.txt")
	if *update {
		try(t, os.WriteFile(golden, []byte(own(text)), 0o644))
	}
	want, err := os.ReadFile(golden)
	try(t, err)
	if diff := cmp.Diff(string(want), own(text)); diff != "" {
		t.Errorf("metrics differ (-want +got):\n%s", diff)
	}
}

// TestLint: names, units and help are as Prometheus wants them.
func TestLint(t *testing.T) {
	t.Parallel()
	s := newScript()
	s.run()
	problems, err := testutil.GatherAndLint(s)
	try(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestWithoutAnything: there are metrics before there is a snapshot, and without the other parts.
func TestWithoutAnything(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*metrics.Metrics{
		"none": metrics.New(metrics.Options{}),
		"nil":  metrics.New(metrics.Options{Snapshot: func() *status.Snapshot { return nil }}),
		"zero": metrics.New(metrics.Options{Snapshot: func() *status.Snapshot { return &status.Snapshot{} }}),
	} {
		text := scrape(t, m)
		for _, want := range []string{"attachd_polls_total{result=\"auth\"} 0\n", "attachd_build_info{"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		if problems, err := testutil.GatherAndLint(m); err != nil || len(problems) > 0 {
			t.Errorf("%s: %v, %v", name, problems, err)
		}
	}
}

// TestPerAccount: which accounts have series of their own, and when they lose them.
func TestPerAccount(t *testing.T) {
	t.Parallel()
	s := newScript()
	count := func() int { return strings.Count(scrape(t, s.Metrics), "attachd_account_consecutive_failures{") }
	with := func(mode config.PerAccount) { s.Configured(&config.Config{Metrics: config.Metrics{PerAccount: mode}}) }
	accounts := func(n int) {
		s.snapshot = &status.Snapshot{Accounts: make([]status.Account, n)}
		for i := range s.snapshot.Accounts {
			s.snapshot.Accounts[i] = status.Account{Name: strings.Repeat("x", i), State: status.Fine}
		}
	}
	if got := count(); got != 3 {
		t.Errorf("%d accounts have series, want all that are not off", got)
	}
	with(config.PerAccountNever)
	if got := count(); got != 0 {
		t.Errorf("%d accounts have series with never", got)
	}
	with(config.PerAccountAuto)
	if s.snapshot = standing(); count() != 3 {
		t.Error("no account has series with auto")
	}
	s.snapshot.Accounts = s.snapshot.Accounts[1:]
	s.snapshot = &status.Snapshot{Accounts: s.snapshot.Accounts}
	if text := scrape(t, s.Metrics); strings.Contains(text, `account="orders"`) || !strings.Contains(text, `account="fine"`) {
		t.Errorf("after a reload without orders:\n%s", own(text))
	}
	if accounts(config.MaxAutoAccounts); count() != config.MaxAutoAccounts {
		t.Error("auto is off too early")
	}
	if accounts(config.MaxAutoAccounts + 1); count() != 0 {
		t.Error("auto is on too long")
	}
	with(config.PerAccountAlways)
	if got := count(); got != config.MaxAutoAccounts+1 {
		t.Errorf("%d accounts have series with always", got)
	}
}

// TestFormats: a reader gets what it asks for.
func TestFormats(t *testing.T) {
	t.Parallel()
	s := newScript()
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	get := func(accept, encoding string) (*http.Response, io.Reader) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		try(t, err)
		request.Header.Set("Accept", accept)
		request.Header.Set("Accept-Encoding", encoding)
		response, err := http.DefaultTransport.RoundTrip(request)
		try(t, err)
		t.Cleanup(func() { response.Body.Close() })
		return response, response.Body
	}
	response, body := get("text/plain", "gzip")
	if response.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		try(t, err)
		body = unpacked
	} else {
		t.Error("not compressed")
	}
	text, err := io.ReadAll(body)
	try(t, err)
	if !strings.Contains(string(text), "attachd_needs_you 2\n") || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("%s:\n%s", response.Header.Get("Content-Type"), own(string(text)))
	}
	response, body = get("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "identity")
	binary, err := io.ReadAll(body)
	try(t, err)
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/vnd.google.protobuf") || !strings.Contains(string(binary), "attachd_needs_you") {
		t.Errorf("%s, %d bytes", response.Header.Get("Content-Type"), len(binary))
	}
}

// TestAtOnce has many accounts send events while many readers read: what is counted is whole.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	s := newScript()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := string(rune('a' + i))
			for range 200 {
				s.Observe(event.Waiting{Account: name})
				s.Observe(event.Started{Account: name})
				s.Observe(event.Retrieved{Account: name, Attachments: 1})
				s.Observe(event.Done{Account: name})
			}
		})
		all.Go(func() {
			for range 5 {
				if _, err := s.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	text := scrape(t, s.Metrics)
	for _, want := range []string{
		`attachd_polls_total{result="ok"} 1600`, `attachd_messages_total{result="extracted"} 1600`,
		"attachd_poll_duration_seconds_count 1600", "attachd_scheduler_lag_seconds_count 1600",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("lacks %s:\n%s", want, own(text))
		}
	}
}
