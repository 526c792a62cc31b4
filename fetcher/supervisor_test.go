package fetcher

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
	"github.com/attachd/attachd/fetcher/session"
)

// running starts Supervisor.Run. It returns where to send sets of accounts, and a function that
// stops Run and waits for its end.
func (w *world) running(t *testing.T) (sets chan<- []Account, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ch := make(chan []Account)
	var run sync.WaitGroup
	run.Go(func() { w.supervisor.Run(ctx, ch) })
	stop = sync.OnceFunc(func() {
		cancel()
		run.Wait()
	})
	t.Cleanup(stop)
	return ch, stop
}

// within fails the test if done is not closed in time.
func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s: waited in vain", what)
	}
}

// polls returns a channel that gets the error of each poll when the poll ends.
func (w *world) polls() <-chan error {
	done := make(chan error, 100)
	w.supervisor.Observe = func(e event.Event) {
		if d, ok := e.(event.Done); ok {
			done <- d.Err
		}
	}
	return done
}

// TestStopCommitsWhatIsStaged stops in the middle of a message that hangs. The message before it
// must be delivered, nothing may be deleted, and the stop must not take long.
func TestStopCommitsWhatIsStaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one", "the second") // told apart by their length
	w.account.Delete = true
	hanging := make(chan struct{})
	w.server.Hook = func(c *pop3test.Conn, cmd, args string) bool {
		if cmd != "RETR" || args != "2" {
			return false
		}
		c.Reply("+OK", "tw")
		c.Send(nil)
		close(hanging)
		c.Hang()
		return true
	}
	w.start(t)
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	within(t, "second message", hanging)
	// The first message is known to be whole when the second reply has begun. The sink is asked to
	// read that one then.
	within(t, "second message in the sink", w.sink.reading(2))
	start := time.Now()
	stop()
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if w.sink.Files()["one"] == nil {
		t.Errorf("the staged message was not delivered")
	}
	if left := len(w.server.Mailbox("u0")); left != 2 {
		t.Errorf("%d messages left on the server, want both", left)
	}
}

// TestReplaceWaitsForThePoll changes an account in the middle of a poll. That poll must end with
// QUIT, and only then may the new settings get a session.
func TestReplaceWaitsForThePoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	polling, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "UIDL" {
			once.Do(func() {
				close(polling)
				<-release
			})
		}
		return false
	}
	w.start(t)
	done := w.polls()
	sets, _ := w.running(t)
	sets <- []Account{w.account}
	within(t, "first poll", polling)
	changed := w.account
	changed.Version, changed.Delete = 2, true
	sets <- []Account{changed}
	close(release)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the poll under way ended with %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	var sessions []string
	for _, line := range w.server.Log() {
		if cmd, _, _ := strings.Cut(line, " "); cmd == "APOP" || cmd == "DELE" || cmd == "QUIT" {
			sessions = append(sessions, cmd)
		}
	}
	if got, want := strings.Join(sessions, " "), "APOP QUIT APOP DELE QUIT"; got != want {
		t.Errorf("sessions %s, want %s", got, want)
	}
}

// TestUnchangedAccountRunsOn: a set with the same account does not poll it before its time, and a
// set without the account ends it.
func TestUnchangedAccountRunsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	done := w.polls()
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	other := w.account
	other.Name = "other"
	sets <- []Account{w.account, other}
	if err := <-done; err != nil { // of the other one
		t.Fatal(err)
	}
	sets <- []Account{other}
	sets <- nil
	stop()
	if n := w.server.Sessions(); n != 2 {
		t.Errorf("%d sessions, want one of each account", n)
	}
}

// TestRetry: an account with a failed poll is polled again sooner than its interval.
func TestRetry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.start(t)
	l := w.loop(w.account)
	failure := &session.LoginError{Addr: w.account.Addr, Mechanism: "APOP", Err: context.DeadlineExceeded}
	if wait := l.reschedule(failure); wait > 7*time.Minute || l.failures != 1 {
		t.Errorf("wait %v after %d failures", wait, l.failures)
	}
	if wait := l.reschedule(nil); wait != time.Hour || l.failures != 0 {
		t.Errorf("wait %v, %d failures after a success; want the interval and none", wait, l.failures)
	}
	l.account.Jitter = time.Minute
	for range 100 {
		if wait := l.reschedule(nil); wait < 59*time.Minute || wait > 61*time.Minute {
			t.Fatalf("wait %v, want the interval give or take a minute", wait)
		}
	}
}
