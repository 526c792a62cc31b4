package overview_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/attachd/attachd/cmd/attachd/control"
	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/overview"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

var (
	zone = time.FixedZone("CET", 3600)
	now  = time.Date(2026, 11, 27, 14, 32, 8, 0, zone)
)

// hostile is what a stranger may choose: it clears the screen, turns the reading and forges lines.
const hostile = "\x1b[2J\u202egpj.exe\r\n\x9b31m\u200b"

// records is a history of a few things.
type records struct {
	items    []history.Item
	polls    []history.Poll
	troubles []history.Trouble
}

func (r *records) Search(_ context.Context, s history.Search) (found history.Found, err error) {
	for _, i := range r.items {
		if !i.At.Before(s.Since) && i.At.Before(s.Until) {
			found.Items = append(found.Items, i)
		}
	}
	return found, nil
}

func (r *records) Days(_ context.Context, from time.Time, n int) (all []history.Came, err error) {
	for i := range n {
		day := history.Came{Start: from.AddDate(0, 0, i)}
		for _, item := range r.items {
			if !item.At.Before(day.Start) && item.At.Before(day.Start.AddDate(0, 0, 1)) {
				day.Files++
				day.Bytes += item.Size
			}
		}
		all = append(all, day)
	}
	return all, nil
}

func (r *records) Polls(_ context.Context, _ string, n int) ([]history.Poll, error) {
	return r.polls[:min(n, len(r.polls))], nil
}

func (r *records) LastPolls(context.Context, int) (map[string][]history.Poll, error) {
	return map[string][]history.Poll{"orders": r.polls}, nil
}

func (r *records) Trouble(_ context.Context, id int64) (*history.Trouble, error) {
	for i := range r.troubles {
		if r.troubles[i].ID == id {
			return &r.troubles[i], nil
		}
	}
	return nil, history.ErrNotFound
}

func (r *records) OpenTroubles(context.Context) ([]history.Trouble, error) { return r.troubles, nil }

// history has hostile names, and a login that is refused since an hour.
func past() *records {
	r := &records{items: []history.Item{
		{At: now.Add(-3 * time.Minute), Account: "invoices", Sender: "billing@supplier.example.org", Name: "Rechnung März (Nr. 4711).pdf", Size: 184213},
		{At: now.Add(-15 * time.Minute), Account: "asia", Sender: hostile + "@osaka.example.org", Name: "納品書" + hostile + ".pdf", Size: 96544},
		{At: now.Add(-20 * time.Hour), Account: "invoices", Sender: "a@example.org", Name: "old.zip", Size: 1894},
	}}
	for i := range 5 {
		p := history.Poll{At: now.Add(-time.Duration(i) * 20 * time.Minute), Took: 840 * time.Millisecond}
		if i < 3 {
			p.Trouble = 7
		} else {
			p.Messages, p.Files, p.Bytes = 2, 3, 1_400_000
		}
		r.polls = append(r.polls, p)
	}
	r.troubles = []history.Trouble{{
		ID: 7, Account: "orders", Host: "mail.example.org:995", Step: "login", Class: "login_refused", Text: "log in to mail.example.org:995: server said: -ERR " + hostile,
		First: now.Add(-40 * time.Minute), Last: now, Times: 3,
	}}
	return r
}

// sources has a state with a message in quarantine.
func sources(t *testing.T) overview.Sources {
	t.Helper()
	dir, err := os.MkdirTemp("", "overview") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &config.Config{Output: filepath.Join(dir, "out"), State: filepath.Join(dir, "state.db")}
	for _, name := range []string{"asia", "invoices", "orders"} {
		a := config.Account{Name: name, Enabled: true, Interval: 5 * time.Minute, Output: filepath.Join(c.Output, name)}
		a.Host, a.Port, a.Username = "mail.example.org", 995, name+"@example.org"
		a.Password = config.FileSecret("/etc/secrets/" + name)
		c.Accounts = append(c.Accounts, a)
	}
	return overview.Sources{State: c.State, Config: c, Path: "/etc/attachd.yaml", Version: "1.4.2", History: past(), Now: func() time.Time { return now }}
}

// fill makes the state: accounts that were polled at a time, and a message in quarantine.
func fill(t *testing.T, s overview.Sources, polled time.Time) {
	t.Helper()
	led, err := sqlite.Open(t.Context(), s.State)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range s.Config.Accounts {
		lease, err := led.Lease(t.Context(), a.Name, polled)
		if err != nil {
			t.Fatal(err)
		}
		if a.Name == "asia" {
			if err := led.Fenced(lease).SetTooLarge(t.Context(), a.Name, 2); err != nil {
				t.Fatal(err)
			}
			group := []*ledger.Message{{
				Key: ledger.Key{UIDL: "1", Size: 1_200_000}, State: ledger.Quarantined, Reason: "message unpacks to more than 200 times its size" + hostile,
				Attachments: []ledger.Attachment{{StagingID: "x", Path: ".quarantine/x.eml", Quarantine: true, Size: 1_200_000}},
			}}
			fenced := led.Fenced(lease)
			if err := errors.Join(fenced.Stage(t.Context(), a.Name, group), fenced.Delivered(t.Context(), a.Name, group, now.Add(-3*time.Hour))); err != nil {
				t.Fatal(err)
			}
		}
		if err := lease.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if err := led.Close(); err != nil {
		t.Fatal(err)
	}
}

func gather(t *testing.T, s overview.Sources, style overview.Style) (*overview.Overview, string) {
	t.Helper()
	o, err := overview.Gather(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	style.Zone = zone
	if err := o.Print(&out, style); err != nil {
		t.Fatal(err)
	}
	checkHarmless(t, out.String())
	var asJSON bytes.Buffer
	if err := o.JSON(&asJSON); err != nil {
		t.Fatal(err)
	}
	checkHarmless(t, asJSON.String())
	var back struct {
		OK, Running bool
		NeedsYou    []struct{ Key string } `json:"needs_you"`
		Quarantine  []struct{ Reason string }
	}
	if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil || back.OK != o.OK || back.Running != o.Running || len(back.NeedsYou) != len(o.NeedsYou) || len(back.Quarantine) != len(o.Quarantine) {
		t.Errorf("%v: %s", err, &asJSON)
	}
	return o, out.String()
}

// checkHarmless fails the test if a text holds what a terminal obeys or a reader can't see.
func checkHarmless(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Errorf("%q is in the output:\n%s", r, text)
			return
		}
	}
}

// TestFromFiles: without a running attachd, its files tell what they know, and that it should run.
func TestFromFiles(t *testing.T) {
	t.Parallel()
	s := sources(t)
	fill(t, s, now.Add(-time.Hour))
	o, text := gather(t, s, overview.Style{})
	if o.OK || o.Running {
		t.Errorf("ok %v, running %v", o.OK, o.Running)
	}
	want := `Three things need you.
attachd is not running, login refused (orders) and one message in quarantine. The rest is fine: 2 of 3 accounts are on time.
No attachd runs with this state at the moment; this is what its files say.
`
	if !strings.HasPrefix(text, want) {
		t.Errorf("got %s\nwant %s", text, want)
	}
	for _, want := range []string{
		"\n  Login refused: orders (mail.example.org:995)\n    since 13:52, 3 attempts, the last now; last success 60 min ago\n    | log in to mail.example.org:995: server said: -ERR \\x1b[2J\\u202egpj.exe",
		"What to do: Put the right password into password_file /etc/secrets/orders",
		"\n  account   state      last success  next poll  failures  left  why\n  orders    needs you  60 min ago    -                 3     -  login refused\n  asia      fine ",
		"\n  2 messages stay on the server, larger than max_message_size: asia (2). Raise it, and they are fetched.\n",
		"\nCame in today: 2 files, 281 kB\n  at     account   from ",
		"\n  14:29  invoices  billing@supplier.example.org ",
		"\nCame in yesterday: 1 file, 1.9 kB\n",
		"\nIn quarantine: 1 message\n  a message without a subject, for asia, 1.2 MB, 3 h ago\n    | message unpacks to more than 200 times its size\\x1b[2J",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	// run --once, begun now and then, need not run all the time.
	recent := sources(t)
	fill(t, recent, now.Add(-10*time.Minute))
	if o, _ := gather(t, recent, overview.Style{}); o.Sentence != "Two things need you." {
		t.Errorf("%q, %q", o.Sentence, o.Rest)
	}
}

// TestNothingYet: before the first run there is no state and no history.
func TestNothingYet(t *testing.T) {
	t.Parallel()
	s := sources(t)
	s.History = nil
	o, text := gather(t, s, overview.Style{})
	if o.OK || !strings.Contains(text, "attachd is not running") || !strings.Contains(text, "What came in is not known") {
		t.Error(text)
	}
	if _, err := os.Stat(s.State); err == nil {
		t.Error("looking made a state file")
	}
}

// TestRunning: a running attachd is asked, and tells how far it is.
func TestRunning(t *testing.T) {
	t.Parallel()
	s := sources(t)
	fill(t, s, now)
	board := status.NewBoard(status.Options{Now: s.Now, Version: "1.4.2", Path: s.Path})
	board.Configured(s.Config, nil)
	for _, name := range []string{"asia", "invoices"} {
		board.Observe(event.Done{Account: name, Counts: event.Counts{TooLarge: 1}})
	}
	board.Observe(event.Done{Account: "orders", Err: &session.LoginError{Addr: "mail.example.org:995", Err: &pop3.Error{Cmd: "PASS", Text: "-ERR no"}}})
	board.Observe(event.Started{Account: "invoices"})
	board.Observe(event.Listed{Account: "invoices", New: 350, Octets: 110e6})
	board.Observe(event.Retrieved{Account: "invoices", Octets: 12e6})
	board.Refresh()
	serve(t, s.State, status.Handler(board.Snapshot))
	o, text := gather(t, s, overview.Style{})
	if !o.Running || o.Sentence != "One thing needs you." {
		t.Errorf("running %v: %s", o.Running, text)
	}
	for _, want := range []string{
		"\n  2 messages stay on the server, larger than max_message_size: asia (1) and invoices (1). Raise it, and they are fetched.\n",
		"\n  invoices is fetching: 1 of 350 messages, 12.0 MB of 110 MB\n",
		"\nattachd 1.4.2, up for 0 s; configuration read now.\n",
		"\n  invoices  polling    now           under way         -   349  -\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	// A faulty file keeps nobody from asking what runs.
	s.Config = nil
	if o, _ := gather(t, s, overview.Style{}); !o.Running {
		t.Error("not running")
	}
}

func serve(t *testing.T, state string, h http.Handler) {
	t.Helper()
	l, err := control.Listen(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = control.Serve(ctx, l, h, nil) })
	t.Cleanup(func() { cancel(); serving.Wait() })
}

// TestWidth: long texts are broken between words, and nothing is cut.
func TestWidth(t *testing.T) {
	t.Parallel()
	s := sources(t)
	fill(t, s, now)
	_, whole := gather(t, s, overview.Style{})
	_, text := gather(t, s, overview.Style{Width: 60})
	longest := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  at") && strings.Count(line, "  ") < 4 { // tables are as wide as they are
			longest = max(longest, len([]rune(strings.TrimRight(line, "\n"))))
		}
	}
	if longest > 70 || longest < 50 {
		t.Errorf("%d columns:\n%s", longest, text)
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "|", "")), " ") }
	if squeeze(whole) != squeeze(text) {
		t.Errorf("something was cut:\n%s", cmp.Diff(squeeze(whole), squeeze(text)))
	}
}

// TestMany: of thousands of accounts those in trouble are shown, and some others.
func TestMany(t *testing.T) {
	t.Parallel()
	s := sources(t)
	for i := range 200 {
		a := s.Config.Accounts[0]
		a.Name = fmt.Sprintf("customer-%04d", i)
		s.Config.Accounts = append(s.Config.Accounts, a)
	}
	fill(t, s, now)
	_, text := gather(t, s, overview.Style{})
	if n := strings.Count(text, "\n  customer-"); n < 10 || n > 20 || !strings.Contains(text, "\n  and 182 others without trouble: --all shows them\n") {
		t.Errorf("%d customers are shown:\n%s", n, text)
	}
	if _, text := gather(t, s, overview.Style{All: true}); strings.Count(text, "\n  customer-") != 200 {
		t.Error("--all leaves some out")
	}
}

// TestPolls prints the last polls, an error that lasts once.
func TestPolls(t *testing.T) {
	t.Parallel()
	r := past()
	r.polls[2].Trouble = 6 // which the history has forgotten
	polls, err := overview.Polls(t.Context(), r, "orders", 20)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := overview.PrintPolls(&out, polls, overview.Style{Zone: zone}); err != nil {
		t.Fatal(err)
	}
	want := `ended                 took  messages  files    size  result
2026-11-27 13:12:08  0.8 s         2      3  1.4 MB  3 files came
2026-11-27 13:32:08  0.8 s         2      3  1.4 MB  3 files came
2026-11-27 13:52:08  0.8 s         -      -       -  failing
    | the history does not have the error any more
2026-11-27 14:12:08  0.8 s         -      -       -  login refused
    | log in to mail.example.org:995: server said: -ERR \x1b[2J\u202egpj.exe\r
    | \x9b31m\u200b
2026-11-27 14:32:08  0.8 s         -      -       -  login refused
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	checkHarmless(t, out.String())
	out.Reset()
	if err := overview.PollsJSON(&out, polls); err != nil || strings.Count(out.String(), "\n") != 5 || !strings.Contains(out.String(), `"class":"login_refused"`) {
		t.Errorf("%v, %s", err, &out)
	}
	checkHarmless(t, out.String())
	out.Reset()
	if err := overview.PrintPolls(&out, nil, overview.Style{}); err != nil || !strings.Contains(out.String(), "knows of no poll") {
		t.Errorf("%v, %s", err, &out)
	}
}
