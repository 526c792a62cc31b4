package status_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/cmd/attachd/history"
	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/cmd/attachd/trouble"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3"
	"github.com/attachd/attachd/fetcher/session"
)

// world is a board with a clock that the test moves, and the events of its accounts.
type world struct {
	*status.Board
	t      *testing.T
	now    time.Time
	config *config.Config
}

var start = time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC)

// newWorld makes a board with accounts of these names at mail.example.org.
func newWorld(t *testing.T, o status.Options, names ...string) *world {
	t.Helper()
	w := &world{t: t, now: start, config: &config.Config{Output: "/out", State: "/var/state.db", HTTP: config.HTTP{NeedsYouAfter: 24 * time.Hour}}}
	w.config.Notify.CertificateBefore = 14 * 24 * time.Hour
	for _, name := range names {
		w.config.Accounts = append(w.config.Accounts, account(name, "mail.example.org"))
	}
	o.Now, o.Path = func() time.Time { return w.now }, "/etc/attachd.yaml"
	w.Board = status.NewBoard(o)
	w.Configured(w.config, nil)
	return w
}

func account(name, host string) config.Account {
	a := config.Account{Name: name, Enabled: true, Interval: 5 * time.Minute, Output: "/out/" + name}
	a.Host, a.Port, a.Username = host, 995, name+"@example.org"
	a.Password = config.FileSecret("/etc/secrets/" + name)
	return a
}

// after moves the clock and returns the snapshot then.
func (w *world) after(d time.Duration) *status.Snapshot {
	w.now = w.now.Add(max(d, time.Second))
	return w.Snapshot()
}

// poll sends the events of a poll that brings files, or fails.
func (w *world) poll(name string, files int, err error) {
	w.Observe(event.Waiting{Account: name})
	w.Observe(event.Started{Account: name})
	for i := range files {
		w.Observe(event.Retrieved{Account: name, UIDL: fmt.Sprint(i), Octets: 1000, Attachments: 1})
		w.Observe(event.Delivered{Account: name, UIDL: fmt.Sprint(i), Attachment: ledger.Attachment{Path: "x"}})
	}
	w.Observe(event.Done{Account: name, Err: err, Counts: event.Counts{Messages: files, Attachments: files}})
	w.Observe(event.Scheduled{Account: name, Next: w.now.Add(5 * time.Minute), Err: err})
}

// want compares the sentence, the rest and the keys of the cases.
func (w *world) want(s *status.Snapshot, sentence, rest string, needsYou, handled []string) {
	w.t.Helper()
	if s.Sentence != sentence || s.Rest != rest {
		w.t.Errorf("got %q\n    %q\nwant %q\n     %q", s.Sentence, s.Rest, sentence, rest)
	}
	if got := keys(s.NeedsYou); fmt.Sprint(got) != fmt.Sprint(needsYou) {
		w.t.Errorf("needs you: %v, want %v", got, needsYou)
	}
	if got := keys(s.Handled); fmt.Sprint(got) != fmt.Sprint(handled) {
		w.t.Errorf("handled: %v, want %v", got, handled)
	}
}

func keys(cases []status.Case) (keys []string) {
	for _, c := range cases {
		keys = append(keys, c.Key)
	}
	return keys
}

func refused(name string) error {
	return &session.LoginError{Addr: "mail.example.org:995", Mechanism: "USER/PASS", Err: &pop3.Error{Cmd: "PASS", Code: "AUTH", Text: "-ERR [AUTH] no such login: " + name}}
}

func down() error {
	return fmt.Errorf("connect to mail.example.org:995: dial: %w", syscall.ECONNREFUSED)
}

// TestEndOfPoll: a trouble begins when its poll ended, not when the board heard of it.
func TestEndOfPoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "invoices")
	ended := w.now.Add(-time.Millisecond)
	w.Observe(event.Started{Account: "invoices"})
	w.Observe(event.Done{Account: "invoices", At: ended, Err: down()})
	s := w.after(0)
	if len(s.Handled) != 1 || !s.Handled[0].Since.Equal(ended) || !s.Handled[0].Last.Equal(ended) {
		t.Errorf("a poll ended at %v, the board has %+v", ended, s.Handled)
	}
}

// TestStory follows a few accounts from the start of attachd over failures to their end.
func TestStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "invoices", "orders", "scans")
	w.want(w.after(0), "attachd has begun.", "Three accounts wait for the first poll.", nil, nil)
	for _, name := range []string{"invoices", "orders", "scans"} {
		w.poll(name, 0, nil)
	}
	w.want(w.after(time.Minute), "Everything is fine.", "All 3 accounts are on time.", nil, nil)

	w.poll("orders", 0, refused("orders"))
	const login = "login_refused/login/mail.example.org:995"
	s := w.after(time.Minute)
	w.want(s, "One thing needs you.", "Login refused (orders). The rest is fine: 2 of 3 accounts are on time.", []string{login}, nil)
	c := s.NeedsYou[0]
	if c.Attempts != 1 || !c.Since.Equal(start.Add(time.Minute+time.Second)) || !strings.Contains(c.Todo, "password_file /etc/secrets/orders") || c.Said[0] != refused("orders").Error() {
		t.Errorf("%+v", c)
	}
	if a := s.Accounts[0]; a.Name != "orders" || a.State != status.NeedsYou || a.Why != "login refused" || a.Case != login || a.Failures != 1 || a.Strip[status.StripLength-1] != status.TickFailed {
		t.Errorf("%+v", a)
	}

	// The same cause is one case; both texts stay, and the advice names no single account.
	w.poll("scans", 0, refused("scans"))
	w.poll("orders", 0, refused("orders"))
	s = w.after(time.Minute)
	w.want(s, "One thing needs you.", "Login refused (orders and scans). The rest is fine: 1 of 3 accounts is on time.", []string{login}, nil)
	if c := s.NeedsYou[0]; c.Attempts != 3 || len(c.Said) != 2 || strings.Contains(c.Todo, "/etc/secrets") || fmt.Sprint(c.Accounts) != "[orders scans]" {
		t.Errorf("%+v", c)
	}

	w.poll("scans", 2, nil)
	w.poll("orders", 300, nil)
	s = w.after(time.Minute)
	w.want(s, "Everything is fine.", "All 3 accounts are on time.", nil, nil)
	if a := s.Account("orders"); !a.Since.IsZero() || a.Failures != 0 || a.Said != "" || a.Strip[status.StripLength-1] != status.TickFailed-1 || a.Strip[status.StripLength-2] != status.TickFailed {
		t.Errorf("%+v", a)
	}
}

// TestFirstSecond: the first snapshot knows the configuration, however soon it is asked for.
func TestFirstSecond(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "a")
	s := w.Snapshot()
	w.want(s, "attachd has begun.", "One account waits for the first poll.", nil, nil)
	if read := s.Machine.Config; !read.Loaded.Equal(start) || s.Version == 0 {
		t.Errorf("version %d, the configuration was read %v", s.Version, read.Loaded)
	}
}

// TestFirstPolls: an account that waits for its first poll is neither on time nor in trouble.
func TestFirstPolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "a", "b", "c", "d")
	w.poll("a", 0, nil)
	w.want(w.after(0), "Everything is fine so far.", "1 of 4 accounts is on time; 3 wait for the first poll.", nil, nil)
	w.poll("b", 0, refused("b"))
	login := []string{"login_refused/login/mail.example.org:995"}
	w.want(w.after(0), "One thing needs you.", "Login refused (b). The rest is fine: 1 of 4 accounts is on time; 2 wait for the first poll.", login, nil)
	w.poll("a", 0, refused("a"))
	w.poll("c", 0, refused("c"))
	w.want(w.after(0), "One thing needs you.", "Login refused (3 accounts on mail.example.org:995). No account is on time; 1 waits for the first poll.", login, nil)
}

// TestHandledUntilItLasts: a server that is down is attachd's own trouble at first, and needs
// somebody once an account has had no success for a day.
func TestHandledUntilItLasts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "a", "b", "c")
	const key = "connection_refused/connect/mail.example.org:995"
	for _, name := range []string{"a", "b", "c"} {
		w.poll(name, 0, nil)
	}
	w.now = w.now.Add(time.Minute)
	for _, name := range []string{"a", "b", "c"} {
		w.poll(name, 0, down())
	}
	s := w.after(time.Minute)
	w.want(s, "Nothing needs you.", "attachd handles by itself: server refuses connections (3 accounts on mail.example.org:995). No account is on time.", nil, []string{key})
	if a := s.Accounts[0]; a.State != status.Failing || s.Handled[0].NeedsYou {
		t.Errorf("%+v", a)
	}
	version := s.Version
	w.want(w.after(24*time.Hour-5*time.Minute), "Nothing needs you.", s.Rest, nil, []string{key})
	s = w.after(10 * time.Minute)
	w.want(s, "One thing needs you.", "Server refuses connections (3 accounts on mail.example.org:995). No account is on time.", []string{key}, nil)
	if s.Accounts[0].State != status.NeedsYou || s.Version == version || !s.NeedsYou[0].Worked.Equal(start) {
		t.Errorf("version %d was %d; %+v", s.Version, version, s.NeedsYou[0])
	}
}

// TestPatience: what needs somebody sooner than after a day.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		worked bool
		err    error
		after  time.Duration
	}{
		{"full disk", true, fmt.Errorf("sync: %w", syscall.ENOSPC), time.Hour},
		{"never worked", false, down(), time.Hour},
		{"down", true, down(), 24 * time.Hour},
		{"in use", true, &pop3.Error{Cmd: "PASS", Code: "IN-USE", Text: "-ERR [IN-USE] x"}, 24 * time.Hour},
		{"some messages", true, &poll.IncompleteError{Failed: 1}, 24 * time.Hour},
		{"unfetchable", true, &poll.IncompleteError{Unfetchable: "3 messages have no UIDL"}, 0},
		{"password file", true, &config.ReadError{What: "password_file /x", Secret: true, Err: syscall.ENOENT}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, status.Options{}, "a")
			if test.worked {
				w.poll("a", 0, nil)
			}
			w.poll("a", 0, test.err)
			if test.after > 0 {
				if s := w.after(test.after - time.Minute); len(s.NeedsYou) != 0 || len(s.Handled) != 1 {
					t.Errorf("before: %v, %v", keys(s.NeedsYou), keys(s.Handled))
				}
			}
			if s := w.after(2 * time.Minute); len(s.NeedsYou) != 1 || len(s.Handled) != 0 {
				t.Errorf("after: %v, %v", keys(s.NeedsYou), keys(s.Handled))
			}
		})
	}
}

// TestRestart: a trouble neither vanishes nor begins anew with a new process.
func TestRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "a", "b", "moved")
	var polls []history.Poll
	for i := range 100 {
		p := history.Poll{At: start.Add(-time.Duration(i) * time.Minute), Took: time.Second, Files: i % 2}
		if i < 3 {
			p.Trouble, p.Files = 7, 0
		}
		polls = append(polls, p)
	}
	w.Restore(status.Past{
		Polls: map[string][]history.Poll{"a": polls},
		Open: []history.Trouble{
			{Account: "a", Host: "mail.example.org:995", Step: "login", Class: "login_refused", Text: "the whole text\x1b", First: start.Add(-2 * time.Minute), Last: start, Times: 3},
			{Account: "moved", Host: "old.example.org:995", Step: "login", Class: "login_refused", Text: "x", First: start.Add(-time.Hour), Last: start, Times: 3},
		},
		Polled: map[string]time.Time{"b": start.Add(-time.Hour)},
	})
	s := w.after(time.Minute)
	w.want(s, "One thing needs you.", "Login refused (a). The rest is fine: 1 of 3 accounts is on time; 1 waits for the first poll.", []string{"login_refused/login/mail.example.org:995"}, nil)
	a := s.Account("a")
	if a.Failures != 3 || !a.Since.Equal(start.Add(-2*time.Minute)) || !a.Worked.Equal(start.Add(-3*time.Minute)) || a.Said != `the whole text\x1b` {
		t.Errorf("%+v", a)
	}
	if last := a.Strip[status.StripLength-4:]; fmt.Sprint(last) != "[2 255 255 255]" {
		t.Errorf("strip ends with %v", last)
	}
	if b := s.Account("b"); b.State != status.Fine || !b.Polled.Equal(start.Add(-time.Hour)) {
		t.Errorf("%+v", b)
	}
	w.poll("a", 0, refused("a"))
	if c := w.after(time.Minute).NeedsYou[0]; c.Attempts != 4 || !c.Since.Equal(start.Add(-2*time.Minute)) {
		t.Errorf("%+v", c)
	}
	w.poll("a", 0, nil)
	if s := w.after(time.Minute); !s.OK() {
		t.Errorf("%+v", s.NeedsYou)
	}
}

// TestProgress: a long fetch of several sessions tells how far it is, and how long it takes.
func TestProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{}, "a")
	w.Observe(event.Waiting{Account: "a"})
	if s := w.after(time.Second); s.Machine.Due != 1 || s.Machine.Polling != 0 {
		t.Errorf("%+v", s.Machine)
	}
	w.Observe(event.Started{Account: "a"})
	w.Observe(event.Listed{Account: "a", Messages: 500, New: 100, Octets: 100_000, Size: 600_000})
	for range 25 {
		w.Observe(event.Retrieved{Account: "a", Octets: 1000})
	}
	w.now = w.now.Add(10 * time.Second)
	for range 25 {
		w.Observe(event.Retrieved{Account: "a", Octets: 1000})
	}
	s := w.after(time.Second)
	a := s.Account("a")
	if p := a.Progress; a.State != status.Polling || p.Messages != 50 || p.Of != 100 || p.Octets != 50_000 || p.Rate != 5000 || p.Left != 10*time.Second || a.Backlog != 50 {
		t.Errorf("%+v %+v", a, p)
	}
	if a.Mailbox.Messages != 500 || a.Mailbox.Octets != 600_000 || s.Machine.Polling != 1 {
		t.Errorf("%+v, %+v", a.Mailbox, s.Machine)
	}
	w.Observe(event.Listed{Account: "a", Messages: 450, New: 50, Octets: 50_000})
	if p := w.after(time.Second).Account("a").Progress; p.Of != 100 || p.OfOctets != 100_000 {
		t.Errorf("%+v", p)
	}
	w.Observe(event.Done{Account: "a", Counts: event.Counts{Messages: 50, Left: 7}})
	if a := w.after(time.Second).Account("a"); a.Progress != nil || a.Backlog != 7 || a.State != status.Fine {
		t.Errorf("%+v", a)
	}
}

// TestOtherCases makes each case that is no failure of a poll.
func TestOtherCases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, status.Options{History: func() status.File { return status.File{} }}, "a", "b", "off")
	w.config.Accounts[2].Enabled = false
	w.config.Accounts[0].MailWithin = 7 * 24 * time.Hour
	w.Configured(w.config, []string{"a warning"})
	w.poll("a", 1, nil)
	w.poll("b", 0, nil)
	w.poll("off", 0, refused("off"))
	s := w.after(time.Minute)
	w.want(s, "Everything is fine.", "Both accounts are on time.", nil, nil)
	if a := s.Account("off"); a.State != status.Off || s.Accounts[2].Name != "off" {
		t.Errorf("%+v", a)
	}

	w.Refused([]string{"attachd.yaml:3:1: \x1bunknown key"})
	s = w.after(time.Minute)
	w.want(s, "One thing needs you.", "Newer configuration is faulty. Both accounts are on time.", []string{"config_faulty"}, nil)
	if c := s.NeedsYou[0]; c.Link != "/config" || c.Said[0] != `attachd.yaml:3:1: \x1bunknown key` {
		t.Errorf("%+v", c)
	}
	w.Configured(w.config, nil)

	w.Observe(event.LoggedIn{Account: "b", NotAfter: w.now.Add(10 * 24 * time.Hour)})
	w.Observe(event.LoggedIn{Account: "a", NotAfter: w.now.Add(40 * 24 * time.Hour)})
	w.poll("b", 0, nil)
	w.poll("a", 0, nil)
	s = w.after(time.Minute)
	w.want(s, "One thing needs you.", "Certificate ends soon (a and b). Both accounts are on time.", []string{"certificate_ending/mail.example.org:995"}, nil)
	if len(s.Certificates) != 1 || s.Certificates[0].Accounts != 2 {
		t.Errorf("%+v", s.Certificates)
	}
	w.Observe(event.LoggedIn{Account: "b", NotAfter: w.now.Add(400 * 24 * time.Hour)})
	w.poll("b", 0, nil)

	w.Report("notify/mail", status.Report{Class: trouble.NoticesFail, Said: []string{"smtp.example.org refuses"}})
	version := w.after(time.Second).Version
	w.Report("notify/mail", status.Report{Class: trouble.NoticesFail, Said: []string{"smtp.example.org refuses"}})
	if again := w.after(time.Second).Version; again != version {
		t.Error("the same report counts as a change: whoever reports on each change would do so for ever")
	}
	w.want(w.after(time.Minute), "One thing needs you.", "Notices can't be sent. Both accounts are on time.", []string{"notify/mail"}, nil)
	w.Over("notify/mail")

	w.now = w.now.Add(8 * 24 * time.Hour)
	w.poll("a", 0, nil)
	s = w.after(time.Minute)
	w.want(s, "One thing needs you.", "No mail for longer than expected (a). The rest is fine: 1 of 2 accounts is on time.", []string{"no_mail/a"}, nil)
	w.poll("a", 1, nil)

	for range 3 { // each waits for its turn for longer than its interval
		w.Observe(event.Waiting{Account: "b"})
		w.now = w.now.Add(6 * time.Minute)
		w.Observe(event.Started{Account: "b"})
		w.Observe(event.Done{Account: "b"})
	}
	s = w.after(time.Minute)
	w.want(s, "One thing needs you.", "Polls come late (b). Both accounts are on time.", []string{"polls_late"}, nil)
	if s.Machine.Lag != 6*time.Minute {
		t.Errorf("lag %v", s.Machine.Lag)
	}
	w.Observe(event.Waiting{Account: "b"})
	w.Observe(event.Started{Account: "b"})
	w.Observe(event.Done{Account: "b"})
	w.want(w.after(time.Minute), "Everything is fine.", "Both accounts are on time.", nil, nil)

	w.Observe(event.Started{Account: "a"})
	w.Observe(event.Done{Account: "a", Err: context.Canceled})
	w.want(w.after(time.Minute), "Everything is fine.", "Both accounts are on time.", nil, nil)
}

// outside is what a board looks at.
type outside struct {
	free   int64
	inodes int64
	counts map[string]int
	note   string
	beat   time.Time
}

// TestRun: what sends no events is looked at by itself, and readers are told of each change.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		hangs := make(chan struct{})
		var mu sync.Mutex // guards is
		is := outside{free: 100e9, inodes: 1e6, beat: time.Now()}
		get := func() outside { mu.Lock(); defer mu.Unlock(); return is }
		set := func(fn func(*outside)) { mu.Lock(); defer mu.Unlock(); fn(&is) }
		b := status.NewBoard(status.Options{
			Free: func(path string) (status.Room, error) {
				if path == "/var" {
					<-hangs
				}
				return status.Room{Free: get().free, Total: 500e9, FilesFree: get().inodes, Files: 1e6}, nil
			},
			Size:   func(string) (int64, error) { return 42, nil },
			Counts: func(context.Context) (map[string]int, error) { return get().counts, nil },
			Held: func(context.Context, string) ([]status.Held, error) {
				return []status.Held{{From: "x@example.org", Subject: "Ablesung \u202e17", Size: 1_200_000, Reason: "too large"}}, nil
			},
			History: func() status.File { return status.File{Path: "/var/history", Note: get().note} },
			Beat:    func() time.Time { return get().beat },
		})
		c := &config.Config{Output: "/out", State: "/var/state.db", Accounts: []config.Account{account("a", "mail.example.org")}}
		c.Notify.DiskBelow = 1 << 30
		b.Configured(c, nil)
		b.Observe(event.Done{Account: "a"})
		changed, unsubscribe := b.Changed()
		defer unsubscribe()
		ended := make(chan struct{})
		go func() { b.Run(ctx); close(ended) }()
		settle := func(want ...string) *status.Snapshot {
			t.Helper()
			time.Sleep(21 * time.Second)
			synctest.Wait()
			set(func(o *outside) { o.beat = time.Now() })
			s := b.Snapshot()
			if got := append(keys(s.NeedsYou), keys(s.Handled)...); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("cases %v, want %v", got, want)
			}
			return s
		}
		settle("disk_unknown") // a file system that does not answer holds up nothing
		close(hangs)
		if s := settle(); s.Machine.Disks[0].Free != 100e9 || s.Machine.State.Size != 42 {
			t.Errorf("%+v", s.Machine)
		}
		drain(changed)
		before := b.Snapshot().Version
		settle()
		if b.Snapshot().Version != before || drain(changed) {
			t.Error("nothing happened, and readers were told of it")
		}
		set(func(o *outside) { o.free = 1e9 })
		settle("disk_low")
		if !drain(changed) {
			t.Error("readers were not told")
		}
		set(func(o *outside) { o.inodes = 2000 })
		if s := settle("inodes_low"); s.NeedsYou[0].Said[0] != "/out: 2,000 of 1,000,000 inodes are free, and 1.0 GB of 500 GB" {
			t.Errorf("%q", s.NeedsYou[0].Said)
		}
		set(func(o *outside) { o.inodes = 2001 })
		settle("disk_low")
		set(func(o *outside) { o.free, o.counts = 100e9, map[string]int{"a": 2, "gone": 1} })
		s := settle("quarantine")
		if c := s.NeedsYou[0]; c.Messages != 2 || c.Heading != "2 messages in quarantine" || c.Link != "/quarantine" || c.Said[0] != `“Ablesung \u202e17” from x@example.org, 1.2 MB, for a: too large` || s.Rest != "Two messages in quarantine. The account is on time." {
			t.Errorf("%+v, %q", c, s.Rest)
		}
		set(func(o *outside) { o.counts, o.note = nil, "made anew" })
		settle("history_new")
		set(func(o *outside) { o.note = "" })
		settle()
		time.Sleep(2 * time.Minute)
		if s := b.Snapshot(); len(s.NeedsYou) != 1 || s.NeedsYou[0].Class != trouble.SchedulerStuck {
			t.Errorf("%+v", s.NeedsYou)
		}
		stop()
		<-ended
	})
}

// drain takes what is in a channel, and reports whether there was anything.
func drain(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestManyTexts: a case keeps up to five different texts, whole.
func TestManyTexts(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	w := newWorld(t, status.Options{}, names...)
	long := strings.Repeat("x", 5000)
	for i, name := range names {
		w.poll(name, 0, errors.New(long+fmt.Sprint(i)))
	}
	if c := w.after(time.Second).Handled[0]; len(c.Said) != 5 || len(c.Accounts) != 7 || len(c.Said[0]) != 5001 {
		t.Errorf("%d texts, %d accounts", len(c.Said), len(c.Accounts))
	}
}

// TestDisks: the board looks at each folder that accounts write to, with the most that an account
// wants left there, and at no other.
func TestDisks(t *testing.T) {
	t.Parallel()
	b := status.NewBoard(status.Options{
		Free:   func(string) (status.Room, error) { return status.Room{Free: 50, Total: 100}, nil },
		Size:   func(string) (int64, error) { return 1, nil },
		Counts: func(context.Context) (map[string]int, error) { return nil, nil },
	})
	account := func(output, name string, free config.Size) config.Account {
		return config.Account{Name: name, Output: output + "/" + name, Enabled: true, Policy: config.Policy{MinFree: free}}
	}
	off := account("/off", "off", 7)
	off.Enabled = false
	b.Configured(&config.Config{Output: "/unused", State: "/var/state.db", Accounts: []config.Account{
		account("/a", "x", 1), account("/b", "y", 60), account("/a", "z", 3), off,
	}}, nil)
	b.Look(t.Context())
	var got []string
	s := b.Refresh()
	for _, d := range s.Machine.Disks {
		got = append(got, fmt.Sprint(d.Path, " ", d.MinFree))
	}
	if text := strings.Join(got, ", "); text != "/a 3, /b 60, /var 0" {
		t.Errorf("disks: %s", text)
	}
	if len(s.NeedsYou)+len(s.Handled) == 0 {
		t.Error("the disk with little room is no case")
	}
}
