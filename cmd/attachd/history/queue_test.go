package history

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
)

// TestObserve: what polls send comes out as polls, files, troubles and what was left out.
func TestObserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, err := Open(t.Context(), Options{
			Path: filepath.Join(t.TempDir(), "h"), Zone: time.UTC,
			Classify: func(account string, err error) (host, step, class, text string) {
				return "pop.example.org:995", "login", "login-refused", "in words: " + err.Error()
			},
			Place: func(account, setting string) string { return account + ".yaml:7" },
		})
		must(t, err)
		defer h.Close()
		start := time.Now()
		send := func(events ...event.Event) {
			for _, e := range events {
				h.Observe(e)
			}
		}
		first := delivered("a", 1)
		first.Repairs = []string{"the date was mended"}
		sidecar, kept := delivered("a", 2), delivered("a", 3)
		sidecar.Attachment.Sidecar, kept.Attachment.Quarantine = true, true
		send(event.Waiting{Account: "a"}, event.Started{Account: "a"}, event.LoggedIn{Account: "a"}, event.Listed{Account: "a"}, event.Retrieved{Account: "a"})
		time.Sleep(3 * time.Second)
		send(first, sidecar, kept, event.LeftOut{Account: "a", UIDL: first.UIDL, Octets: first.Octets, Name: "logo.png", Size: 5, Why: "a logo", Setting: "exclude[0]"},
			event.Quarantined{Account: "a"}, event.Deleted{Account: "a"}, event.Done{Account: "a", Counts: event.Counts{Messages: 2, Attachments: 2}}, event.Scheduled{Account: "a"})
		send(event.Started{Account: "b"}, event.Done{Account: "b", Err: errors.New("no such user")})
		send(event.Started{Account: "c"}, event.Done{Account: "c", Err: fmt.Errorf("stopped: %w", context.Canceled)})
		send(delivered("d", 4)) // by a retry: there is no poll
		time.Sleep(2 * batchAge)
		ctx := t.Context()
		polls, err := h.Polls(ctx, "a", 10)
		must(t, err)
		same(t, "polls", []Poll{{At: start.Add(3 * time.Second), Took: 3 * time.Second, Messages: 2, Files: 1, Bytes: 1}}, polls)
		polls, err = h.Polls(ctx, "b", 10)
		must(t, err)
		same(t, "failed polls", []Poll{{At: start.Add(3 * time.Second), Trouble: 1}}, polls)
		open, err := h.OpenTroubles(ctx)
		must(t, err)
		same(t, "troubles", []Trouble{{ID: 1, Account: "b", Host: "pop.example.org:995", Step: "login", Class: "login-refused", Text: "in words: no such user", First: start.Add(3 * time.Second), Last: start.Add(3 * time.Second), Times: 1}}, open)
		for _, account := range []string{"c", "d"} {
			if polls, err := h.Polls(ctx, account, 10); err != nil || len(polls) != 0 {
				t.Errorf("polls of %s: %v, %v", account, polls, err)
			}
		}
		items := all(t, h)
		if len(items) != 2 || items[1].Name != "file-1.pdf" || !slices.Equal(items[1].Repairs, first.Repairs) || items[1].Digest != first.Attachment.Digests.First() {
			t.Errorf("%+v", items)
		}
		_, out, err := h.OfMessage(ctx, "a", items[1].Message)
		must(t, err)
		same(t, "left out", []LeftOut{{At: start.Add(3 * time.Second), Account: "a", UIDL: first.UIDL, Name: "logo.png", Size: 5, Why: "a logo", Key: "exclude[0]: a logo", Setting: "exclude[0]", Place: "a.yaml:7"}}, out)
	})
}

// TestFullQueue: while the file can't be written nobody waits. Old polls make room and are counted;
// files that make room come from the state.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	led := openLedger(t, filepath.Join(dir, "state"))
	gate := make(chan struct{})
	h := openTest(t, Options{Path: filepath.Join(dir, "h"), Ledger: led, step: func(s step) error {
		if s == stepBegin {
			<-gate
		}
		return nil
	}})
	h.queue.mu.Lock()
	h.queue.room = room{files: 700, polls: 800, acts: 10}
	h.queue.mu.Unlock()
	const files = 1000
	var group []*ledger.Message
	for i := range files {
		e := delivered("a", i)
		e.Attachment.StagingID = fmt.Sprint("s", i)
		group = append(group, &ledger.Message{Key: ledger.Key{UIDL: e.UIDL, Size: e.Octets}, Attachments: []ledger.Attachment{e.Attachment}})
	}
	must(t, led.Stage(t.Context(), "a", group))
	must(t, led.Delivered(t.Context(), "a", group, time.Now()))
	var all4 sync.WaitGroup
	for w := range 4 {
		all4.Go(func() {
			for i := w; i < files; i += 4 {
				h.Observe(delivered("a", i))
			}
			for range 400 {
				h.Observe(event.Done{Account: "b"})
			}
		})
	}
	all4.Wait() // nothing is written meanwhile
	h.Decide(Decision{What: "polled"})
	if h.Dropped() < 400 {
		t.Errorf("%d polls dropped", h.Dropped())
	}
	close(gate)
	eventually(t, "all files", func() bool {
		totals, err := h.Totals(t.Context(), "a")
		return err == nil && totals.Files == files
	})
	if n := len(all(t, h)); n != files {
		t.Errorf("%d files", n)
	}
	decisions, err := h.Decisions(t.Context(), time.Time{}, nil, 10)
	must(t, err)
	if len(decisions) != 1 {
		t.Errorf("%v", decisions)
	}
}

// TestBatches: records are written when they are two seconds old, or as soon as there are 500.
func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var commits atomic.Int64
		h, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "h"), step: func(s step) error {
			if s == stepCommit {
				commits.Add(1)
			}
			return nil
		}})
		must(t, err)
		time.Sleep(time.Minute)
		synctest.Wait()
		commits.Store(0)
		h.Observe(delivered("a", 0))
		time.Sleep(batchAge - time.Millisecond)
		synctest.Wait()
		if n := commits.Load(); n != 0 {
			t.Errorf("%d commits too soon", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := commits.Load(); n != 1 {
			t.Errorf("%d commits after two seconds", n)
		}
		for i := range batchSize {
			h.Observe(delivered("a", 1+i))
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := len(all(t, h)); n != batchSize+1 {
			t.Errorf("%d files at once", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		before := commits.Load()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if n := commits.Load(); n != before {
			t.Errorf("%d commits of nothing", n-before)
		}
		must(t, h.Close())
	})
}

// TestEndOfPoll: a poll and its trouble have the time when the poll ended, not the time when the
// history heard of it.
func TestEndOfPoll(t *testing.T) {
	t.Parallel()
	h := openTest(t, Options{Path: filepath.Join(t.TempDir(), "h")})
	ended := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	h.Observe(event.Done{Account: "a", At: ended, Err: errors.New("login refused")})
	must(t, h.Close())
	h = openTest(t, Options{Path: h.options.Path})
	all, err := h.Troubles(t.Context(), "", time.Time{}, 10)
	must(t, err)
	if len(all) != 1 || !all[0].First.Equal(ended) || !all[0].Last.Equal(ended) {
		t.Errorf("a poll ended at %v, the history has %+v", ended, all)
	}
}

// TestTroubles: errors in a row that differ in numbers only are one trouble, also across a restart.
// It is over with the first poll that works, with another error, or when the account is gone.
func TestTroubles(t *testing.T) {
	t.Parallel()
	o := Options{Path: filepath.Join(t.TempDir(), "h")}
	h := openStill(t, o)
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	poll := func(account, text string) {
		at = at.Add(time.Second)
		v := visit{account: account, at: at}
		if text != "" {
			v.err = errors.New(text)
		}
		write(t, h, v)
	}
	poll("a", "read tcp 10.0.0.1:40001->192.0.2.1:995: i/o timeout")
	poll("a", "read tcp 10.0.0.1:40002->192.0.2.1:995: i/o timeout")
	closeStill(t, h)
	h = openStill(t, o)
	poll("a", "read tcp 10.0.0.1:40003->192.0.2.1:995: i/o timeout")
	poll("b", "login refused: session 7f3a-9 é\xff 1")
	poll("a", "login refused")
	poll("a", "")
	poll("a", "")
	write(t, h, accounts{at.Add(time.Second), []string{"a"}})
	all, err := h.Troubles(t.Context(), "", time.Time{}, 10)
	must(t, err)
	slices.SortFunc(all, func(a, b Trouble) int { return int(a.ID - b.ID) })
	first := at.Add(-6 * time.Second)
	same(t, "troubles", []Trouble{
		{ID: 1, Account: "a", Text: "read tcp 10.0.0.1:40003->192.0.2.1:995: i/o timeout", First: first, Last: first.Add(2 * time.Second), Times: 3, Over: first.Add(4 * time.Second)},
		{ID: 2, Account: "b", Text: "login refused: session 7f3a-9 é\uFFFD 1", First: first.Add(3 * time.Second), Last: first.Add(3 * time.Second), Times: 1, Over: first.Add(7 * time.Second)},
		{ID: 3, Account: "a", Text: "login refused", First: first.Add(4 * time.Second), Last: first.Add(4 * time.Second), Times: 1, Over: first.Add(5 * time.Second)},
	}, all)
	one, err := h.Trouble(t.Context(), 2)
	must(t, err)
	same(t, "trouble", all[1], *one)
	if _, err := h.Trouble(t.Context(), 9); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// TestSessions: sign-ins are kept by token until they end.
func TestSessions(t *testing.T) {
	t.Parallel()
	h := openTest(t, Options{})
	until := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	must(t, h.SaveSession([32]byte{1}, [32]byte{9}, until))
	must(t, h.SaveSession([32]byte{2}, [32]byte{9}, time.Now().Add(-time.Second)))
	must(t, h.SaveSession([32]byte{3}, [32]byte{8}, until))
	must(t, h.SaveSession([32]byte{4}, [32]byte{9}, until))
	must(t, h.DropSession([32]byte{4}))
	got, err := h.Sessions(t.Context(), [32]byte{9})
	must(t, err)
	same(t, "sessions", map[[32]byte]time.Time{{1}: until}, got)
}
