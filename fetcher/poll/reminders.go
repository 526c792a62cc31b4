package poll

import "sync"

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
