package fetcher

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// has returns the first words of the messages that were delivered, sorted.
func (w *world) has() string {
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	var all []string
	for path, body := range w.sink.Files() {
		word, _, _ := strings.Cut(string(body), " ")
		word = strings.TrimSpace(word)
		if strings.HasSuffix(path, ".eml") {
			word += "(raw)"
		}
		all = append(all, word)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// commands returns how many commands the server got that start with this text.
func commands(w *world, verb string) (n int) {
	for _, line := range w.server.Log() {
		if strings.HasPrefix(line, verb) {
			n++
		}
	}
	return n
}

// TestPolicies: each policy leaves the right messages on the server.
func TestPolicies(t *testing.T) {
	t.Parallel()
	big := "big " + strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		set                    func(a *Account, m *memory)
		has                    string
		left, sessions, failed int
	}{
		"no policy":                 {func(*Account, *memory) {}, "big one two", 0, 1, 0},
		"a size":                    {func(a *Account, _ *memory) { a.MaxMessageSize = 500 }, "one two", 1, 1, 0},
		"a size, and raw":           {func(a *Account, _ *memory) { a.MaxMessageSize, a.Oversize = 500, poll.OversizeRaw }, "big(raw) one two", 0, 1, 0},
		"messages a poll":           {func(a *Account, _ *memory) { a.MaxMessages = 2 }, "big one", 1, 1, 0},
		"bytes a poll":              {func(a *Account, _ *memory) { a.MaxBytes = 1012 }, "big one", 1, 1, 0},
		"bytes for not even one":    {func(a *Account, _ *memory) { a.MaxBytes = 3 }, "one", 2, 1, 0},
		"messages and deletions":    {func(a *Account, _ *memory) { a.MaxMessages, a.CommitDeletions = 2, 1 }, "big one", 1, 2, 0},
		"bytes and deletions":       {func(a *Account, _ *memory) { a.MaxBytes, a.CommitDeletions = 1012, 1 }, "big one", 1, 2, 0},
		"bytes and messages enough": {func(a *Account, _ *memory) { a.MaxMessages, a.MaxBytes = 3, 10_000 }, "big one two", 0, 1, 0},
		"deletions a session":       {func(a *Account, _ *memory) { a.CommitDeletions = 2 }, "big one two", 0, 2, 0},
		"room for all":              {func(a *Account, m *memory) { a.MinFree, m.Room = 1000, 10_000 }, "big one two", 0, 1, 0},
		"room for the small ones":   {func(a *Account, m *memory) { a.MinFree, m.Room = 1000, 1100 }, "one two", 1, 2, 1},
		"room for none":             {func(a *Account, m *memory) { a.MinFree, m.Room = 1000, 900 }, "", 3, 1, 1},
		"room for no large copy": {func(a *Account, m *memory) {
			a.Copies, a.MinFree, m.Room = delivery.CopiesInDoubt, 1000, 2500
		}, "one two", 1, 2, 1},
		"room for one copy at a time": {func(a *Account, m *memory) {
			a.Copies, a.MinFree, m.Room = delivery.CopiesInDoubt, 1000, 3025
		}, "big one two", 0, 1, 0},
		"room for two copies that stay": {func(a *Account, m *memory) {
			a.Copies, a.MinFree, m.Room = delivery.CopiesAlways, 1000, 3025
		}, "big one two", 0, 2, 0},
		"room for a message kept as it is": {func(a *Account, m *memory) {
			a.MaxMessageSize, a.Oversize = 500, poll.OversizeRaw
			a.Copies, a.MinFree, m.Room = delivery.CopiesInDoubt, 1000, 2500
		}, "big(raw) one two", 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one", big, "two")
			w.account.Delete = true
			test.set(&w.account, w.sink)
			w.start(t)
			err := w.once(t)
			if failed := err != nil; failed != (test.failed > 0) {
				t.Errorf("error %v", err)
			}
			if err != nil {
				if _, ok := errors.AsType[*poll.NoRoomError](err); !ok || !strings.Contains(err.Error(), "min_free") {
					t.Errorf("error %v", err)
				}
			}
			if got := w.has(); got != test.has {
				t.Errorf("delivered %q, want %q", got, test.has)
			}
			if left := len(w.server.Mailbox("u0")); left != test.left {
				t.Errorf("%d messages left on the server, want %d", left, test.left)
			}
			if n := w.server.Sessions(); n != test.sessions {
				t.Errorf("%d sessions, want %d", n, test.sessions)
			}
		})
	}
}

// TestRoomForAll: disk space that one account is about to use is not given to another.
func TestRoomForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one "+strings.Repeat("x", 6000))
	w.account.MinFree, w.sink.Room = 1000, 10_000
	w.server.Users["u1"] = "pw0"
	w.server.Mailboxes["u1"] = letters("v", "two "+strings.Repeat("y", 3000))
	retrieving, refused := make(chan struct{}), make(chan struct{})
	var begun, ended sync.Once
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		switch {
		case c.User() == "u0" && cmd == "RETR":
			begun.Do(func() { close(retrieving) })
			<-refused
		case c.User() == "u1" && cmd == "UIDL":
			<-retrieving
		}
		return false
	}
	w.supervisor.Observe = func(e event.Event) {
		if done, ok := e.(event.Done); ok && done.Account == "other" {
			ended.Do(func() { close(refused) })
		}
	}
	w.start(t)
	other := w.account
	other.Name, other.Username = "other", "u1"
	errs := w.supervisor.RunOnce(t.Context(), []Account{w.account, other})
	if len(errs) != 1 {
		t.Fatalf("errors %v, want one", errs)
	}
	short, ok := errors.AsType[*poll.NoRoomError](errs[0])
	if !ok || short.UIDL != "v0" || short.Promised < 6000 || !strings.Contains(errs[0].Error(), " are what other accounts are fetching") {
		t.Errorf("error %v", errs[0])
	}
	// Alone: the accounts have one sink here, and each tidies it up.
	if errs := w.supervisor.RunOnce(t.Context(), []Account{other}); len(errs) > 0 {
		t.Error(errs)
	}
	if len(w.sink.Files()) != 2 {
		t.Errorf("delivered %q", w.has())
	}
	if n := w.supervisor.poller.Held().Promised; n != 0 {
		t.Errorf("%d octets are promised still", n)
	}
}

// TestSkippedComesLater: a message that was too large is fetched when the limit is raised.
func TestSkippedComesLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "big "+strings.Repeat("x", 1000))
	w.account.MaxMessageSize = 500
	w.start(t)
	for range 2 {
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
	}
	if n := commands(w, "RETR"); n != 1 || w.has() != "one" {
		t.Errorf("%d RETR, delivered %q", n, w.has())
	}
	w.account.MaxMessageSize = 2000
	if err := w.once(t); err != nil || w.has() != "big one" {
		t.Errorf("delivered %q, error %v", w.has(), err)
	}
}

// TestSkippedAsksNothing: a message that stays on the server for its size does not make further
// polls send LIST, unless STAT shows that the mailbox has changed. The log names it once.
func TestSkippedAsksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "big "+strings.Repeat("x", 1000))
	w.server.Pipelining = false // otherwise LIST is sent ahead of the first listing
	w.account.MaxMessageSize = 500
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(&log)
	w.start(t)
	l := w.loop(w.account)
	for i, want := range []struct {
		lists int
		has   string
	}{{1, "one"}, {1, "one"}, {1, "one"}, {2, "one two"}, {2, "one two"}} {
		if i == 3 {
			w.server.Append("u0", pop3test.Message{UIDL: "v", Raw: []byte("two\r\n")})
		}
		if err := l.poll(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		w.server.Wait()
		if n := commands(w, "LIST"); n != want.lists || w.has() != want.has {
			t.Errorf("poll %d: %d LIST and %q, want %v", i+1, n, w.has(), want)
		}
	}
	if n := strings.Count(log.String(), "too large"); n != 1 || !strings.Contains(log.String(), `"uidls":["uid-2"]`) {
		t.Errorf("log says %s", &log)
	}
}

// TestWhatIsLeft: when accounts are polled once, the log says what is left for another run.
func TestWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.account.Auth, w.account.Delete, w.account.CommitDeletions = session.AuthPass, true, 1
	announced := announces("LOGIN-DELAY 600")
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd == "RETR" && c.UIDL(args) == "uid-3" {
			c.Reply("-ERR [SYS/TEMP] not now")
			return true
		}
		return announced(c, cmd, args)
	}
	var log bytes.Buffer
	w.supervisor.Log = zerolog.New(zerolog.SyncWriter(&log))
	w.start(t)
	said := func() (said string) {
		defer log.Reset()
		if err := w.once(t); err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{"(CAPA LOGIN-DELAY)", "not due yet"} {
			if strings.Contains(log.String(), what) {
				said += what
			}
		}
		return said
	}
	if got := said(); got != "(CAPA LOGIN-DELAY)" {
		t.Errorf("with a deletion left: said %q", got)
	}
	if got := said(); got != "" {
		t.Errorf("with nothing left: said %q", got)
	}
	w.server.Append("u0", pop3test.Message{UIDL: "uid-3", Raw: []byte("three\r\n")})
	said()
	if got := said(); got != "not due yet" {
		t.Errorf("with a message put off: said %q", got)
	}
}

// TestDrain: a server that lists a few hundred messages at a time, as Gmail does, is asked again
// until nothing new comes.
func TestDrain(t *testing.T) {
	t.Parallel()
	var bodies []string
	for i := range 3*drainAgain + 1 {
		bodies = append(bodies, fmt.Sprintf("m%d", i))
	}
	w := newWorld(t, bodies...)
	w.server.Greeting = "+OK Gpop ready for requests from 127.0.0.1 x"
	w.account.Auth = session.AuthPass
	w.server.List.Oldest, w.server.Retr.ConsumesAtQuit = drainAgain, true
	w.start(t)
	if err := w.once(t); err != nil {
		t.Fatal(err)
	}
	if n := len(w.sink.Files()); n != len(bodies) {
		t.Errorf("%d delivered, want %d", n, len(bodies))
	}
	if n := w.server.Sessions(); n != 4 {
		t.Errorf("%d sessions", n)
	}
}

// TestFullDisk: an account with a full disk checks it again soon, however often it was full, and
// the server takes nothing as consumed.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "two")
	w.sink.fail = func(step string) error {
		if strings.HasPrefix(step, "sync") {
			return fmt.Errorf("sync staging file: %w", syscall.ENOSPC)
		}
		return nil
	}
	w.start(t)
	err := w.once(t)
	if !poll.DiskFull(err) {
		t.Fatalf("error %v", err)
	}
	if commands(w, "QUIT") > 0 {
		t.Error("QUIT was sent though nothing could be committed")
	}
	for _, failures := range []int{1, 5, 100} {
		if wait := backoff(err, failures, time.Hour); wait < diskAgain/2 || wait > 2*diskAgain {
			t.Errorf("after %d failures it waits %v", failures, wait)
		}
	}
	w.sink.fail = nil
	if err := w.once(t); err != nil || w.has() != "one two" {
		t.Errorf("delivered %q, error %v", w.has(), err)
	}
}
