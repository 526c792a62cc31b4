package quarantine_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/apptest"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/delivery"
)

// office is a desk on the state of an account with three notes in quarantine.
type office struct {
	*quarantine.Desk
	app    *app.App
	config string
	folder string

	mu     sync.Mutex
	inUse  *config.Config // guarded by mu
	done   []string       // guarded by mu
	holder chan struct{}  // unless nil: who opens a quarantine waits for it
}

// OpenQuarantine is that of the app, later.
func (o *office) OpenQuarantine(ctx context.Context, c *config.Config, a config.Account) (*delivery.Quarantine, error) {
	if o.holder != nil {
		<-o.holder
	}
	return o.app.OpenQuarantine(ctx, c, a)
}

// raise lifts the limit that keeps the notes in quarantine.
func (o *office) raise(t *testing.T) {
	t.Helper()
	apptest.Rewrite(t, o.config, "limits: {header_fields: 2}\n", "")
	o.load(t)
}

func (o *office) load(t *testing.T) {
	t.Helper()
	c, _, err := config.Load(o.config)
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.inUse = c
}

type access struct {
	*app.App
	office *office
}

func (a access) OpenQuarantine(ctx context.Context, c *config.Config, account config.Account) (*delivery.Quarantine, error) {
	return a.office.OpenQuarantine(ctx, c, account)
}

func newOffice(t *testing.T) *office {
	t.Helper()
	server := apptest.StartPop3test(t, apptest.Notes(3))
	dir := t.TempDir()
	o := &office{config: server.Config(t, dir), folder: filepath.Join(dir, "out", "lab")}
	apptest.Rewrite(t, o.config, "state: state.db\n", "state: state.db\nlimits: {header_fields: 2}\n")
	if outcome, log := apptest.Once(t, o.config, ""); outcome.Quarantined != 3 {
		t.Fatalf("%d messages in quarantine, want 3\n%s", outcome.Quarantined, log)
	}
	o.load(t)
	var err error
	if o.app, err = app.Open(t.Context(), app.Options{Config: o.inUse, Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	o.Desk = &quarantine.Desk{
		Access: access{o.app, o},
		Config: func() *config.Config {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.inUse
		},
		Done: func(m quarantine.Message, what quarantine.Action, by string, outcome quarantine.Outcome, err error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.done = append(o.done, strings.Join([]string{m.Account.Name, string(what), by, outcome.Text}, "|"))
		},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { o.Run(ctx); close(ended) }()
	t.Cleanup(func() {
		stop()
		<-ended
		if err := o.app.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// list is what lies in quarantine.
func (o *office) list(t *testing.T, want int) []quarantine.Message {
	t.Helper()
	all, err := o.List(t.Context())
	if err != nil || len(all) != want {
		t.Fatalf("%d messages in quarantine, %v, want %d", len(all), err, want)
	}
	return all
}

// TestDesk: a message can be read as it came. A retry under the old limits leaves it where it is
// and says why, one under the new limits delivers it. Another message is dropped. Each action is
// told.
func TestDesk(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	all := o.list(t, 3)
	m, err := o.Find(t.Context(), "lab", all[0].ID())
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(f); err != nil || !strings.Contains(string(raw), "name=note.txt") {
		t.Errorf("the message reads %q, %v", raw, err)
	}
	f.Close()
	outcome, err := o.Do(t.Context(), "lab", m.ID(), quarantine.Retry, "a test")
	if err != nil || !outcome.Stays || outcome.Text != "message has more than 2 header fields" {
		t.Errorf("under the old limits: %+v, %v", outcome, err)
	}
	o.list(t, 3)
	o.raise(t)
	outcome, err = o.Do(t.Context(), "lab", m.ID(), quarantine.Retry, "a test")
	if err != nil || outcome != (quarantine.Outcome{Files: 1, Text: "delivered: 1 file"}) {
		t.Errorf("under the new limits: %+v, %v", outcome, err)
	}
	if found := apptest.NotesIn(t, o.folder); len(found) != 1 {
		t.Errorf("delivered: %v", found)
	}
	left := o.list(t, 2)
	if outcome, err := o.Do(t.Context(), "lab", left[0].ID(), quarantine.Drop, "another"); err != nil || outcome.Text != "removed" {
		t.Errorf("dropped: %+v, %v", outcome, err)
	}
	o.list(t, 1)
	for _, place := range [][2]string{{"lab", m.ID()}, {"nobody", left[1].ID()}, {"lab", ""}} {
		if _, err := o.Do(t.Context(), place[0], place[1], quarantine.Drop, "a test"); !errors.Is(err, quarantine.ErrNotFound) {
			t.Errorf("%q: error %v, want that there is no such message", place, err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	want := "lab|retry|a test|message has more than 2 header fields\nlab|retry|a test|delivered: 1 file\nlab|drop|another|removed"
	if got := strings.Join(o.done, "\n"); got != want {
		t.Errorf("told:\n%s, want\n%s", got, want)
	}
}

// TestDeskWaits: while the account is polled, the answer comes soon, says that it is done later,
// and is not made twice. Another action on the same message is refused meanwhile.
func TestDeskWaits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.raise(t)
	o.holder = make(chan struct{})
	id := o.list(t, 3)[0].ID()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := o.Do(t.Context(), "lab", id, quarantine.Retry, "a test"); !errors.Is(err, quarantine.ErrUnderWay) {
				t.Errorf("error %v, want that it is under way", err)
			}
		})
	}
	both.Wait()
	if what := o.Pending("lab", id); what != quarantine.Retry {
		t.Errorf("pending: %q", what)
	}
	if _, err := o.Do(t.Context(), "lab", id, quarantine.Drop, "a test"); !errors.Is(err, quarantine.ErrUnderWay) {
		t.Errorf("dropped while it is retried: %v", err)
	}
	close(o.holder)
	for deadline := time.Now().Add(10 * time.Second); o.Pending("lab", id) != ""; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not done")
		}
	}
	o.list(t, 2)
	if len(o.done) != 1 {
		t.Errorf("told: %q, want one", o.done)
	}
}
