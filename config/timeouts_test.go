package config

import (
	"testing"
	"time"
)

// TestTimeouts: an account has its own and the defaults' for the rest.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	ours := rawTimeouts{Idle: value[time.Duration]{v: time.Minute, set: true}}
	ours.inherit(&rawTimeouts{Idle: value[time.Duration]{v: time.Hour, set: true}, Greeting: value[time.Duration]{v: 10 * time.Second, set: true}})
	var l loader
	if got, want := l.timeouts(&ours), (Timeouts{Idle: time.Minute, Greeting: 10 * time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
