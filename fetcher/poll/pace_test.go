package poll

import (
	"testing"
	"time"

	"github.com/attachd/attachd/fetcher/identity"
)

// TestPace: batches begin small and become as large as what comes in the time of a batch.
func TestPace(t *testing.T) {
	now := time.Now()
	entries := make([]identity.Entry, 1000)
	for i := range entries {
		entries[i].Size = 1000
	}
	p := newPace(now, time.Hour)
	next := func(want int) {
		t.Helper()
		if n := p.batch(entries); n != want {
			t.Errorf("a batch of %d messages, want %d", n, want)
		}
	}
	after := func(d time.Duration, messages int, octets int64) {
		now = now.Add(d)
		p.came(messages, octets, now)
	}
	for _, want := range []int{8, 16, 32, 64, 64} {
		next(want)
	}
	after(8*time.Second, 8, 8000)
	next(2)
	next(2)
	after(time.Hour, 2, 2000)
	next(1)
	after(2*time.Second, 10, 10000)
	next(10)
	after(0, 10, 10000)
	next(batchMessages)
	after(2*time.Second, 100, 5000)
	next(5)

	entries[0].Size, entries[1].Size = 1<<40, -1
	after(time.Millisecond, 100, 100_000)
	next(1)
	entries[0].Size = -1
	next(batchMessages)
	for i := range entries {
		entries[i].Size = 1 << 20
	}
	next(batchOctets >> 20)
}

// TestPaceOfShortSession: in a short session a batch takes a small part of the time that is left,
// as what has come of one is lost when the time is over.
func TestPaceOfShortSession(t *testing.T) {
	now := time.Now()
	entries := make([]identity.Entry, 1000)
	for i := range entries {
		entries[i].Size = 100_000
	}
	p := newPace(now, 4*time.Second)
	for _, want := range []int{1, 2, 4, 4} {
		if n := p.batch(entries); n != want {
			t.Errorf("a batch of %d messages, want %d", n, want)
		}
	}
	p.came(4, 400_000, now.Add(time.Second))
	if n := p.batch(entries); n != 1 {
		t.Errorf("a batch of %d messages, each of which takes as long as one may, want 1", n)
	}
}
