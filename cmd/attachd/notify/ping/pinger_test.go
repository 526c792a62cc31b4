package ping_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/notify/outbound"
	"github.com/attachd/attachd/cmd/attachd/notify/ping"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

const key = "canary-7d0f3c55"

// service notes what reaches it. It is the network of a test.
type service struct {
	mu      sync.Mutex
	begun   time.Time
	calls   []string
	down    bool
	delay   time.Duration
	running int
	most    int // that ran at once
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.running++
	s.most = max(s.most, s.running)
	delay := s.delay
	s.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	if s.down || r.Context().Err() != nil {
		return nil, fmt.Errorf("dial %s: connection refused", r.URL)
	}
	body, _ := io.ReadAll(r.Body)
	call := fmt.Sprintf("%s %s %s", time.Since(s.begun).Round(time.Second), r.Method, r.URL)
	if len(body) > 0 {
		call += " " + string(body)
	}
	s.calls = append(s.calls, call)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func (s *service) set(down bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
}

// taken returns the calls so far, without the key, and forgets them.
func (s *service) taken() []string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]string, len(s.calls))
	for i, call := range s.calls {
		calls[i] = strings.ReplaceAll(call, key, "KEY")
	}
	s.calls = nil
	return calls
}

func account(name string) config.Account {
	return config.Account{Name: name, Enabled: true, Ping: config.InlineSecret(config.Secret("https://hc.example/" + key + "/" + name))}
}

// begin runs a pinger until the test ends.
func begin(t *testing.T, s *service, c *config.Config) (*ping.Pinger, *bytes.Buffer) {
	t.Helper()
	s.begun = time.Now()
	var log bytes.Buffer
	p := ping.New(ping.Options{
		Client: outbound.New(s), Log: zerolog.New(&log),
		Words: func(account string, _ error) string { return "Login refused: " + account },
	})
	p.Configure(c)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if strings.Contains(log.String(), key) {
			t.Errorf("the log has a key:\n%s", &log)
		}
	})
	return p, &log
}

func wants(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestAccount follows an account: what its polls do is called, in order.
func TestAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		p, _ := begin(t, s, &config.Config{Accounts: []config.Account{account("a"), {Name: "quiet", Enabled: true}}})
		wants(t, s.taken())
		p.Observe(event.Started{Account: "a"})
		p.Observe(event.Started{Account: "quiet"})
		wants(t, s.taken(), "0s GET https://hc.example/KEY/a/start")
		time.Sleep(4 * time.Second)
		p.Observe(event.Listed{Account: "a"})
		p.Observe(event.Done{Account: "a"})
		p.Observe(event.Done{Account: "quiet"})
		wants(t, s.taken(), "4s GET https://hc.example/KEY/a")
		p.Observe(event.Started{Account: "a"})
		synctest.Wait()
		p.Observe(event.Done{Account: "a", Err: errors.New("it failed, and " + key + " is in it")})
		wants(t, s.taken(), "4s GET https://hc.example/KEY/a/start", "4s POST https://hc.example/KEY/a/fail Login refused: a")
		p.Observe(event.Done{Account: "a", Err: context.Canceled})
		wants(t, s.taken())
		if got := p.Stats(); got != (ping.Stats{Sent: 4}) {
			t.Errorf("got %+v", got)
		}
	})
}

// TestForms: the words go behind the path, whatever the URL looks like.
func TestForms(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		urls := map[string]string{
			"https://hc.example/uuid":                "https://hc.example/uuid/start",
			"https://hc.example/uuid/":               "https://hc.example/uuid/start",
			"https://hc.example/ping-key/slug?rid=7": "https://hc.example/ping-key/slug/start?rid=7",
			"https://hc.example/a%2Fb?x=%26&y":       "https://hc.example/a%2Fb/start?x=%26&y",
			"http://user:pw@hc.example:8000":         "http://user:pw@hc.example:8000/start",
		}
		s := &service{}
		c := &config.Config{}
		var want []string
		for from, to := range urls {
			c.Accounts = append(c.Accounts, config.Account{Name: from, Enabled: true, Ping: config.InlineSecret(config.Secret(from))})
			want = append(want, "0s GET "+to)
		}
		p, _ := begin(t, s, c)
		for from := range urls {
			p.Observe(event.Started{Account: from})
		}
		got := s.taken()
		slices.Sort(got)
		slices.Sort(want)
		wants(t, got, want...)
	})
}

// TestDown: what a service that is down missed is tried again, the newest alone, and given up.
func TestDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{down: true}
		p, log := begin(t, s, &config.Config{Accounts: []config.Account{account("a")}})
		p.Observe(event.Started{Account: "a"})
		time.Sleep(time.Second)
		p.Observe(event.Done{Account: "a"})
		time.Sleep(3 * time.Second)
		p.Observe(event.Started{Account: "a"}) // must not hide that the poll before went well
		s.set(false)
		time.Sleep(time.Minute)
		wants(t, s.taken(), "6s GET https://hc.example/KEY/a")
		if got := p.Stats(); got != (ping.Stats{Sent: 1, Failed: 1, Lost: 1}) {
			t.Errorf("got %+v", got)
		}
		if n := strings.Count(log.String(), "ping failed"); n != 1 {
			t.Errorf("%d lines of the log say that it failed, want one:\n%s", n, log)
		}
		s.set(true)
		p.Observe(event.Done{Account: "a"})
		time.Sleep(time.Hour)
		s.set(false)
		time.Sleep(time.Hour)
		wants(t, s.taken()) // given up
		if got := p.Stats(); got != (ping.Stats{Sent: 1, Failed: 6, Lost: 2}) {
			t.Errorf("got %+v", got)
		}
	})
}

// TestBounds: ten thousand accounts and a service that never answers hold nobody up, and no more
// than eight calls run.
func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{delay: time.Hour}
		c := &config.Config{}
		for i := range 10000 {
			c.Accounts = append(c.Accounts, account(fmt.Sprint(i)))
		}
		p, log := begin(t, s, c)
		begun := time.Now()
		for range 3 {
			for _, a := range c.Accounts {
				p.Observe(event.Started{Account: a.Name})
				p.Observe(event.Done{Account: a.Name})
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("observing took %s", took)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.most != 8 {
			t.Errorf("%d calls ran at once, want 8", s.most)
		}
		if n := strings.Count(log.String(), "\n"); n > 61 {
			t.Errorf("%d lines of log within an hour", n)
		}
	})
}

// TestWhole: the URL for all accounts is a dead-man's switch for attachd itself.
func TestWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		p, _ := begin(t, s, &config.Config{Ping: config.InlineSecret("https://hc.example/" + key)})
		wants(t, s.taken(), "0s GET https://hc.example/KEY/start")
		well := func() *status.Snapshot {
			return &status.Snapshot{Machine: status.Machine{Beat: time.Now()}, Sentence: "Everything is fine."}
		}
		run := func(ticks int, snapshot func() *status.Snapshot) {
			for range ticks {
				p.Report(time.Now(), snapshot())
				time.Sleep(10 * time.Second)
			}
		}
		run(12, well) // two minutes
		wants(t, s.taken(), "1m0s GET https://hc.example/KEY")
		run(6, func() *status.Snapshot {
			bad := well()
			bad.NeedsYou, bad.Sentence = []status.Case{{Key: "x"}}, "One thing needs you.\x1b[2J"
			return bad
		})
		wants(t, s.taken(), `2m0s POST https://hc.example/KEY/fail One thing needs you.\x1b[2J`)
		stuck := well()
		run(12, func() *status.Snapshot { return stuck })
		wants(t, s.taken(), "3m0s GET https://hc.example/KEY") // and then silence
		run(1, well)
		wants(t, s.taken(), "5m0s GET https://hc.example/KEY")
	})
}

// TestReload: a URL that is gone is not called any more, and one that stays still is.
func TestReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{down: true}
		p, _ := begin(t, s, &config.Config{Accounts: []config.Account{account("stays"), account("goes")}})
		p.Observe(event.Done{Account: "stays"})
		p.Observe(event.Done{Account: "goes"})
		time.Sleep(time.Second)
		s.set(false)
		p.Configure(&config.Config{Accounts: []config.Account{account("stays"), account("comes")}})
		p.Observe(event.Done{Account: "comes"})
		time.Sleep(time.Hour)
		wants(t, s.taken(), "1s GET https://hc.example/KEY/comes", "6s GET https://hc.example/KEY/stays")
	})
}

// TestReal calls a real server, and reads the URL anew each time.
func TestReal(t *testing.T) {
	got := make(chan string, 8)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.Method + " " + r.URL.String() + " " + r.UserAgent() + " " + string(body)
	}))
	defer server.Close()
	t.Setenv("ATTACHD_TEST_PING", server.URL+"/one?k=v")
	p := ping.New(ping.Options{Client: outbound.New(server.Client().Transport), Words: func(string, error) string { return "no" }})
	p.Configure(&config.Config{Accounts: []config.Account{{Name: "a", Enabled: true, Ping: config.EnvSecret("ATTACHD_TEST_PING")}}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go p.Run(ctx)
	p.Observe(event.Done{Account: "a"})
	if call, want := <-got, "GET /one?k=v attachd "; call != want {
		t.Errorf("got %q, want %q", call, want)
	}
	t.Setenv("ATTACHD_TEST_PING", server.URL+"/two?k=v")
	p.Observe(event.Done{Account: "a", Err: errors.New("x")})
	if call, want := <-got, "POST /two/fail?k=v attachd no"; call != want {
		t.Errorf("got %q, want %q", call, want)
	}
}
