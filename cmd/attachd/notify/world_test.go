package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/notify"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/oauth"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// canary stands for every secret of these tests.
const canary = "canary-0dd5eed5"

// span is a time of the test, from its begin.
type span struct{ from, to time.Duration }

func (s span) holds(at time.Duration) bool { return at >= s.from && at < s.to }

// at is a time of a day, and days begin with 1: at(2, 12, 30).
func at(day, hour, minute int) time.Duration {
	return time.Duration(day-1)*24*time.Hour + time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// outage makes polls fail.
type outage struct {
	span
	accounts string // how their names begin
	err      func(account string) error
}

// world is a machine with attachd on it, as far as notices are concerned: the polls are made up,
// and the board and the notifier are real. Its receiver is scripted.
type world struct {
	t        *testing.T
	begun    time.Time
	config   *config.Config
	outages  []outage
	board    *status.Board
	notifier *notify.Notifier
	state    string
	stop     func()
	log      strings.Builder

	mu         sync.Mutex
	quarantine map[string]int
	free       int64
	notAfter   map[string]time.Time // of the certificate, by account
	late       bool                 // polls come late
	broken     bool                 // the file of what was told cannot be read at first
	pings      bool                 // what receivers get are pings
	told       []string             // what receivers got, in words
	bodies     []string             // the same as it came
	tries      int
	down       []span // the receiver is
	silent     bool   // it never answers
	once       bool   // polls are made once
	slow       time.Duration
}

// newWorld makes a world of these accounts, "name@host", polled every five minutes.
func newWorld(t *testing.T, accounts ...string) *world {
	t.Helper()
	w := &world{t: t, begun: time.Now(), free: 1 << 40, quarantine: map[string]int{}, notAfter: map[string]time.Time{}, state: filepath.Join(t.TempDir(), "state.db.notices")}
	w.config = &config.Config{Output: "/nowhere/out", State: "/nowhere/out/state.db", Notify: config.Notify{
		After: 30 * time.Minute, Remind: 24 * time.Hour, DiskBelow: 1 << 30, CertificateBefore: 14 * 24 * time.Hour,
		To: []config.Target{webhook("ops")},
	}}
	for _, account := range accounts {
		name, host, _ := strings.Cut(account, "@")
		w.config.Accounts = append(w.config.Accounts, config.Account{Name: name, Enabled: true, Interval: 5 * time.Minute, Endpoint: config.Endpoint{Host: host, Port: 995}})
	}
	return w
}

func webhook(name string, accounts ...string) config.Target {
	return config.Target{
		Webhook: &config.WebhookTarget{
			URL: config.InlineSecret(config.Secret("https://" + name + ".example/" + canary)), Format: config.FormatGeneric,
			Headers: []config.Header{{Name: "Authorization", Value: config.Secret("Bearer " + canary)}},
		},
		Accounts: accounts,
	}
}

// RoundTrip is the receiver.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	now := time.Since(w.begun)
	w.mu.Lock()
	w.tries++
	silent, down, slow := w.silent, false, w.slow
	for _, s := range w.down {
		down = down || s.holds(now)
	}
	w.mu.Unlock()
	if silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if down {
		return nil, fmt.Errorf("dial %s: connection refused, %s", r.URL, r.Header)
	}
	select {
	case <-time.After(slow):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if w.pings {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told = append(w.told, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", w.clock(now), r.Method, r.URL.Path, body)))
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}
	var notice struct {
		Title   string
		Dropped int
		Cases   []struct {
			Event, Class, Heading string
			Accounts              []string
			Accounts_more         int //nolint:revive,stylecheck // as in the JSON
			Since, Ended          *time.Time
		}
	}
	if err := json.Unmarshal(body, &notice); err != nil {
		return nil, err
	}
	var cases []string
	for _, c := range notice.Cases {
		cases = append(cases, fmt.Sprintf("%s %s %d", c.Event, c.Class, len(c.Accounts)+c.Accounts_more))
	}
	line := fmt.Sprintf("%s %s: %s", w.clock(now), strings.TrimSuffix(r.URL.Host, ".example"), strings.Join(cases, ", "))
	if notice.Dropped > 0 {
		line += fmt.Sprintf(" (%d dropped)", notice.Dropped)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, line)
	w.bodies = append(w.bodies, r.URL.Host+" "+string(body))
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// clock is a time of the test in words: day, hour and minute.
func (w *world) clock(at time.Duration) string {
	return fmt.Sprintf("%d %s", at/(24*time.Hour)+1, time.Time{}.Add(at).Format("15:04"))
}

// start starts attachd.
func (w *world) start() {
	w.t.Helper()
	w.board = status.NewBoard(status.Options{
		Counts: func(context.Context) (map[string]int, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			counts := map[string]int{}
			for name, n := range w.quarantine {
				counts[name] = n
			}
			return counts, nil
		},
		Free: func(string) (status.Room, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return status.Room{Free: w.free, Total: 1 << 41}, nil
		},
		Size: func(string) (int64, error) { return 1, nil },
		Beat: time.Now,
		// A snapshot each second would take most of the time of these tests.
		Now: func() time.Time { return time.Now().Truncate(10 * time.Second) },
	})
	w.board.Configured(w.config, nil)
	var err error
	w.notifier, err = notify.New(notify.Options{
		Config: w.config, Board: w.board, StatePath: w.state, Log: zerolog.New(&w.log), Zone: time.UTC, Machine: "box", Transport: w, Once: w.once,
	})
	if err != nil && !w.broken {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var parts sync.WaitGroup
	parts.Go(func() { w.board.Run(ctx) })
	parts.Go(func() { w.notifier.Run(ctx) })
	w.stop = func() { cancel(); parts.Wait() }
	// The notifier looks at the snapshot every ten seconds. Polls come between two looks: of a poll
	// and a look at the same instant, either may be the first.
	time.Sleep(5 * time.Second)
}

// until lets time pass, with all polls.
func (w *world) until(end time.Duration) {
	for now := time.Since(w.begun); now < end; now = time.Since(w.begun) {
		for i, account := range w.config.Accounts {
			if minute := int(now / time.Minute); (minute+i)%int(account.Interval/time.Minute) == 0 {
				w.poll(account.Name, now)
			}
		}
		time.Sleep(time.Minute)
	}
	synctest.Wait()
}

// poll makes up one poll.
func (w *world) poll(name string, now time.Duration) {
	var failed error
	for _, o := range w.outages {
		if o.holds(now) && strings.HasPrefix(name, o.accounts) {
			failed = o.err(name)
		}
	}
	send := func(e event.Event) { w.board.Observe(e); w.notifier.Observe(e) }
	if send(event.Waiting{Account: name}); w.late {
		time.Sleep(6 * time.Minute) // others have the slots
	}
	if send(event.Started{Account: name}); w.pings {
		time.Sleep(time.Second)
	}
	if failed == nil {
		send(event.LoggedIn{Account: name, NotAfter: w.notAfter[name]})
		send(event.Listed{Account: name})
		if name != "quiet" {
			send(event.Retrieved{Account: name, UIDL: "x", Octets: 1})
		}
	}
	send(event.Done{Account: name, Err: failed})
	send(event.Scheduled{Account: name, Next: time.Now().Add(5 * time.Minute), Err: failed})
}

// untilTold lets time pass until the receiver is called. It has not answered by then if it is slow.
func (w *world) untilTold() {
	w.t.Helper()
	for range 600 {
		if w.calls() > 0 {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Fatal("nobody was told within ten minutes")
}

func (w *world) calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries
}

// set changes the world.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// wants compares what receivers were told since the last call.
func (w *world) wants(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.told) // receivers are told at the same time
	if diff := cmp.Diff(want, w.told, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("told (-want +got):\n%s", diff)
	}
	w.told = nil
}

// end stops attachd and looks for secrets.
func (w *world) end() {
	w.t.Helper()
	w.stop()
	for place, text := range map[string]string{"log": w.log.String(), "notices": strings.Join(w.bodies, "\n"), "status": fmt.Sprintf("%+v", w.board.Snapshot())} {
		if strings.Contains(text, canary) {
			w.t.Errorf("a secret is in the %s:\n%s", place, text)
		}
	}
}

func down(account string) error {
	return fmt.Errorf("connect to mx of %s: dial: %w", account, syscall.ECONNREFUSED)
}

func revoked(account string) error {
	return &oauth.SignInError{Account: account, Err: &oauth.Error{Endpoint: "https://id.example/token", Status: 400, Code: "invalid_grant"}}
}

func refused(string) error {
	return &session.LoginError{Addr: "mx.a:995", Mechanism: "USER/PASS", Err: &pop3.Error{Cmd: "PASS", Code: "AUTH", Text: "-ERR [AUTH] no"}}
}
