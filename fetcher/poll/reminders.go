package poll

import (
	"sync"
	"time"
)

// reminders remembers which warnings were given. Each is given once.
type reminders struct {
	mu   sync.Mutex
	said map[string]bool // guarded by mu
}

// first reports whether a warning is due for the first time, and counts it as given.
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

// said is the text of the last warning, and when it was given.
type said struct {
	text string
	at   time.Time
}

// isDue reports whether to warn now: at once of a new text, and once a day of the same one.
func (u *said) isDue(text string, now time.Time) bool {
	if text == u.text && now.Sub(u.at) < 24*time.Hour {
		return false
	}
	u.text, u.at = text, now
	return text != ""
}
