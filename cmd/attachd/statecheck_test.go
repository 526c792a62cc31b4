package main

import (
	"testing"
	"time"

	"github.com/attachd/attachd/cmd/attachd/console"
)

// TestNextAttempt: a message that is due, or was put off by a clock that was years ahead, is tried
// with the next poll. One that waits is tried at its time.
func TestNextAttempt(t *testing.T) {
	t.Parallel()
	now := time.Now()
	soon := now.Add(time.Hour)
	for at, want := range map[time.Time]string{now.Add(-time.Hour): "with the next poll", now.AddDate(10, 0, 0): "with the next poll", soon: console.Minute(soon)} {
		if got := nextAttempt(at); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}
