package event_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/attachd/attachd/fetcher/event"
)

// TestRecorder follows an account from its first poll to its second failure: at each
// event, the recorder knows what the account does.
func TestRecorder(t *testing.T) {
	t.Parallel()
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
	failed := errors.New("login failed")
	counts := event.Counts{Messages: 3, Attachments: 2, Deleted: 3}
	worked := event.Status{Phase: event.PhaseIdle, Since: at(7), Polled: at(7), Worked: at(7), Last: counts, New: 3, Octets: 300, Read: 300}
	scheduled := worked
	scheduled.Next = at(12)
	again := scheduled
	again.Phase, again.Since, again.Next = event.PhaseWaiting, at(9), time.Time{}
	fails := again
	fails.Phase, fails.Since, fails.New, fails.Octets, fails.Read = event.PhasePolling, at(10), 0, 0, 0
	broken := fails
	broken.Phase, broken.Since, broken.Polled, broken.Err, broken.Last = event.PhaseIdle, at(11), at(11), failed, event.Counts{}
	off := broken
	off.Next, off.Failures = at(20), 1
	steps := []struct {
		event event.Event
		want  event.Status
	}{
		{event.Waiting{Account: "a"}, event.Status{Phase: event.PhaseWaiting, Since: at(0)}},
		{event.Started{Account: "a"}, event.Status{Phase: event.PhasePolling, Since: at(1)}},
		{event.LoggedIn{Account: "a"}, event.Status{Phase: event.PhasePolling, Since: at(1)}},
		{event.Listed{Account: "a", New: 3, Octets: 300}, event.Status{Phase: event.PhaseRetrieving, Since: at(3), New: 3, Octets: 300}},
		{event.Retrieved{Account: "a", Octets: 100}, event.Status{Phase: event.PhaseRetrieving, Since: at(3), New: 3, Octets: 300, Read: 100, Now: event.Counts{Messages: 1}}},
		// Another session of the same poll lists what is left.
		{event.Listed{Account: "a", New: 2, Octets: 200}, event.Status{Phase: event.PhaseRetrieving, Since: at(3), New: 3, Octets: 300, Read: 100, Now: event.Counts{Messages: 1}}},
		{event.Retrieved{Account: "a", Octets: 200}, event.Status{Phase: event.PhaseRetrieving, Since: at(3), New: 3, Octets: 300, Read: 300, Now: event.Counts{Messages: 2}}},
		{event.Done{Account: "a", Counts: counts}, worked},
		{event.Scheduled{Account: "a", Next: at(12)}, scheduled},
		{event.Waiting{Account: "a"}, again},
		{event.Started{Account: "a"}, fails},
		{event.Done{Account: "a", Err: failed}, broken},
		{event.Scheduled{Account: "a", Next: at(20), Failures: 1, Err: failed}, off},
	}
	minute := 0
	r := &event.Recorder{Clock: func() time.Time { return at(minute) }}
	for i, step := range steps {
		minute = i
		r.Observe(step.event)
		if diff := cmp.Diff(step.want, r.Statuses()["a"], cmpopts.EquateErrors()); diff != "" {
			t.Fatalf("after %T (-want +got):\n%s", step.event, diff)
		}
	}
	r.Observe(event.Waiting{Account: "b"})
	if r.Keep(map[string]bool{"b": true}); len(r.Statuses()) != 1 {
		t.Errorf("accounts %v, want b alone", r.Statuses())
	}
}
