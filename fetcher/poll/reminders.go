package poll

import (
	"sync"
	"time"
)

// reminders remembers what has been said.
type reminders struct {
	mu   sync.Mutex
	said map[string]bool // guarded by mu
}

// first reports whether this is said for the first time, and counts it as said.
func (r *reminders) first(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said[name] {
		return false
	}
	if r.said == nil {
		r.said = make(map[string]bool)
	}
	r.said[name] = true
	return true
}

// said is what was said last, and when.
type said struct {
	text string
	at   time.Time
}

// isDue reports whether something is to be said: what is new, and once a day what is not.
func (u *said) isDue(text string, now time.Time) bool {
	if text == u.text && now.Sub(u.at) < 24*time.Hour {
		return false
	}
	u.text, u.at = text, now
	return text != ""
}
