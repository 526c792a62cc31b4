package event_test

import (
	"fmt"

	"github.com/attachd/attachd/fetcher/event"
)

// A Recorder takes the events of all polls, and says what an account does.
func ExampleRecorder() {
	var r event.Recorder
	r.Observe(event.Waiting{Account: "invoices"})
	r.Observe(event.Started{Account: "invoices"})
	r.Observe(event.Listed{Account: "invoices", Messages: 20, New: 2})
	r.Observe(event.Retrieved{Account: "invoices", UIDL: "19", Octets: 4711})
	now := r.Statuses()["invoices"]
	fmt.Printf("%s: %d of %d messages\n", now.Phase, now.Now.Messages, now.New)
	// Output: retrieving: 1 of 2 messages
}
