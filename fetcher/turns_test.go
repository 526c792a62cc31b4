package fetcher

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestQuarantineBesidePolls: who works on an account's quarantine waits for a poll of the same
// process, and the next poll waits for him: none of the two fails.
func TestQuarantineBesidePolls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	hanging, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 10)
	started := make(chan struct{}, 10)
	w.supervisor.Observe = func(e event.Event) {
		switch e := e.(type) {
		case event.Started:
			started <- struct{}{}
		case event.Done:
			done <- e.Err
		}
	}
	polls := 0
	w.server.Hook = func(_ *pop3test.Conn, cmd, _ string) bool {
		if cmd == "UIDL" {
			if polls++; polls == 1 {
				close(hanging)
				<-goOn
			}
		}
		return false
	}
	w.start(t)
	sets, stop := w.running(t)
	sets <- []Account{w.account}
	<-started
	<-hanging
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.supervisor.OpenQuarantine(impatient, w.account); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the wait for the poll was given up", err)
	}
	opened := make(chan *delivery.Quarantine)
	go func() {
		q, err := w.supervisor.OpenQuarantine(t.Context(), w.account)
		if err != nil {
			t.Error(err)
		}
		opened <- q
	}()
	close(goOn)
	if err := <-done; err != nil {
		t.Errorf("the poll failed: %v", err)
	}
	q := <-opened
	w.supervisor.PollNow("lab")
	<-started
	select {
	case err := <-done:
		t.Errorf("a poll went on beside the quarantine: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the poll behind the quarantine failed: %v", err)
	}
	stop()
}
