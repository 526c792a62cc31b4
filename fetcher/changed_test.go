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

// TestChangeWhileDeleting: an account that is changed while its messages are deleted has no further
// DELE sent by the settings of before. Those that were sent count.
func TestChangeWhileDeleting(t *testing.T) {
	t.Parallel()
	const messages, deleted = 40, 5
	w := newWorld(t, numbered(messages)...)
	w.account.Delete, w.server.Pipelining = true, false
	deleting, changed := make(chan struct{}), make(chan struct{})
	n := 0
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "DELE" {
			if n++; n == deleted {
				close(deleting)
				<-changed
			}
		}
		return false
	}
	w.start(t)
	done := w.polls()
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	within(t, "deletions", deleting)
	kept := w.account
	kept.Version, kept.Delete = 2, false
	sets <- []Account{kept}
	sets <- []Account{kept} // the one before is in force
	close(changed)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the poll under way ended with %v", err)
	}
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
	coming, changed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.server.Hook = func(_ *pop3test.Conn, cmd, args string) bool {
		if cmd == "RETR" && args == "20" {
			once.Do(func() { close(coming); <-changed })
		}
		return false
	}
	w.start(t)
	done := w.polls()
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	within(t, "message 20", coming)
	for i, name := range []string{"laboratory", "library"} {
		renamed := w.account
		renamed.Name, renamed.Version = name, i
		sets <- []Account{renamed}
	}
	close(changed)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the poll under way ended with %v", err)
	}
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
