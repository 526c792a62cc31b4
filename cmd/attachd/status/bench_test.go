package status_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/status"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher/event"
)

// crowd is a board with 10,000 accounts. A third of them fails. Its clock goes on by a second at
// each look.
func crowd() *status.Board {
	now := time.Date(2026, 11, 27, 14, 0, 0, 0, time.UTC)
	b := status.NewBoard(status.Options{Now: func() time.Time { now = now.Add(time.Second); return now }})
	c := &config.Config{Output: "/out", State: "/var/state.db"}
	for i := range 10_000 {
		c.Accounts = append(c.Accounts, account(fmt.Sprintf("customer-%05d", i), fmt.Sprintf("pop%d.example.org", i%50)))
	}
	b.Configured(c, nil)
	for i := range c.Accounts {
		done := event.Done{Account: c.Accounts[i].Name}
		if i%3 == 0 {
			done.Err = down()
		}
		b.Observe(done)
	}
	return b
}

func BenchmarkSnapshot(b *testing.B) {
	board := crowd()
	b.ReportAllocs()
	for b.Loop() {
		if s := board.Snapshot(); len(s.Accounts) != 10_000 {
			b.Fatal(len(s.Accounts))
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	board := crowd()
	b.ReportAllocs()
	for b.Loop() {
		board.Observe(event.Retrieved{Account: "customer-00001", Octets: 1000})
	}
}
