package fetcher

import "sync"

// promised is the room on the disk that polls were allotted and have not used yet. It counts for all accounts
// together, as their folders are on one disk as a rule: each for itself would take the same room for its own.
type promised struct {
	mu     sync.Mutex
	octets int64 // guarded by mu
}

// use gives back what of a poll's room is on the disk by now, or is not wanted any more.
func (p *poll) use(octets int64) {
	octets = min(max(octets, 0), p.mine)
	p.mine -= octets
	p.promised.mu.Lock()
	defer p.promised.mu.Unlock()
	p.promised.octets -= octets
}
