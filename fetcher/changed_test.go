package fetcher

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// pauseAt has the server wait at its nth command of a name. reached is closed then, and go on by
// closing goOn.
func (w *world) pauseAt(name string, nth int) (reached, goOn chan struct{}) {
	reached, goOn = make(chan struct{}), make(chan struct{})
	n := 0
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == name {
			if n++; n == nth {
				close(reached)
				<-goOn
			}
		}
		return false
	}
	return reached, goOn
}

// change polls the account until the server pauses, and has it changed then, by each function in
// turn. nil takes it out. It returns a channel with the ends of all further polls.
func (w *world) change(t *testing.T, name string, nth int, changes ...func(*Account)) (done <-chan error, stop func()) {
	t.Helper()
	reached, goOn := w.pauseAt(name, nth)
	w.start(t)
	done = w.polls()
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	within(t, name, reached)
	var set []Account
	for i, change := range changes {
		set = nil
		if change != nil {
			changed := w.account
			changed.Version = i
			change(&changed)
			set = append(set, changed)
		}
		sets <- set
	}
	sets <- set // the one before is in force
	close(goOn)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the poll under way ended with %v", err)
	}
	return done, stop
}

// TestChangeWhileFetching: an account that is changed or taken out while its messages come gets
// what is coming, and nothing is deleted by the settings of before: they may be wrong, which is why
// somebody changed them.
func TestChangeWhileFetching(t *testing.T) {
	t.Parallel()
	const messages, asked = 40, 20
	keep := func(a *Account) { a.Delete = false }
	later := func(a *Account) { a.DeleteAfter = 24 * time.Hour }
	for name, change := range map[string]func(*Account){"keep": keep, "delete later": later, "gone": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, numbered(messages)...)
			w.account.Delete, w.server.Pipelining = true, false
			done, stop := w.change(t, "RETR", asked, change)
			if change != nil {
				if err := <-done; err != nil {
					t.Errorf("the poll with the new settings: %v", err)
				}
			}
			stop()
			if n := len(w.server.Mailbox("u0")); n != messages {
				t.Errorf("%d messages are left on the server, want all", n)
			}
			// One by one, the last message that came may have been cut.
			if n := len(w.sink.Files()); change != nil && n != messages || n < asked-2 {
				t.Errorf("%d of %d messages are delivered", n, messages)
			}
			if twice := again(w); slices.Contains(twice, "1") {
				t.Errorf("retrieved twice: %v", twice)
			}
		})
	}
}

// TestChangeWhileDeleting: an account that is changed while its messages are deleted has no further
// DELE sent by the settings of before. Those that were sent count.
func TestChangeWhileDeleting(t *testing.T) {
	t.Parallel()
	const messages, deleted = 40, 5
	w := newWorld(t, numbered(messages)...)
	w.account.Delete, w.server.Pipelining = true, false
	done, stop := w.change(t, "DELE", deleted, func(a *Account) { a.Delete = false })
	if err := <-done; err != nil {
		t.Errorf("the poll with the new settings: %v", err)
	}
	stop()
	if left := len(w.server.Mailbox("u0")); left != messages-deleted || len(w.sink.Files()) != messages {
		t.Errorf("%d messages are left on the server, want %d; %d are delivered", left, messages-deleted, len(w.sink.Files()))
	}
}

// TestChangeWhileServerHangs: a server that does not answer is left soon after its account has
// other settings, and that is no failure.
func TestChangeWhileServerHangs(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"CAPA", "STAT", "UIDL", "LIST"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "one")
			w.account.Timeouts.Reply = time.Minute
			hanging := make(chan struct{})
			var once sync.Once
			w.server.Hook = func(c *pop3test.Conn, cmd, _ string) (handled bool) {
				if cmd == command {
					once.Do(func() { close(hanging); c.Hang(); handled = true })
				}
				return handled
			}
			w.start(t)
			done := w.polls()
			sets, _ := w.running(t)
			sets <- []Account{w.account}
			within(t, command, hanging)
			changed := w.account
			changed.Version = 2
			began := time.Now()
			sets <- []Account{changed}
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the poll under way ended with %v", err)
			}
			if err := <-done; err != nil || len(w.sink.Files()) != 1 {
				t.Errorf("the poll with the new settings: %d delivered, %v", len(w.sink.Files()), err)
			}
			if took := time.Since(began); took > w.account.Timeouts.Reply/2 {
				t.Errorf("the old poll ended after %v", took)
			}
		})
	}
}

// TestRenamedWhileFetching: an account that gets another name during its first poll is not fetched
// a second time under that, or under a third one.
func TestRenamedWhileFetching(t *testing.T) {
	t.Parallel()
	w := newWorld(t, numbered(40)...)
	w.server.Pipelining = false
	done, stop := w.change(t, "RETR", 20, func(a *Account) { a.Name = "laboratory" }, func(a *Account) { a.Name = "library" })
	if err := <-done; !isRenamed(err, "lab") {
		t.Errorf("the poll of the last name ended with %v", err)
	}
	stop()
	if again := again(w); len(again) > 0 || len(w.sink.Files()) == 0 {
		t.Errorf("%d delivered; retrieved twice: %v", len(w.sink.Files()), again)
	}
}

func isRenamed(err error, from string) bool {
	var renamed *identity.RenamedError
	return errors.As(err, &renamed) && slices.Equal(renamed.Before, []string{from})
}

// again returns which messages a server was asked for more than once.
func again(w *world) (numbers []string) {
	asked := make(map[string]bool)
	for _, line := range w.server.Log() {
		if cmd, number, _ := strings.Cut(line, " "); cmd == "RETR" {
			if asked[number] {
				numbers = append(numbers, number)
			}
			asked[number] = true
		}
	}
	return numbers
}
