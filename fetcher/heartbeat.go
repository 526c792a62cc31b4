package fetcher

import "time"

const (
	// beatEvery is how often Run looks whether all of its loops are on time.
	beatEvery = 2 * time.Second
	// lateAfter is how long after its time a loop may sleep before it counts as stuck. A machine
	// under load wakes thousands of loops late, but not by that much.
	lateAfter = 30 * time.Second
)

// Beat returns when the supervisor last found each of its loops on time, zero before Run. Run's own
// goroutine looks every 2 seconds, and at its beginning. A loop is on time unless one of these is
// true:
//
//   - its poll was due more than 30 seconds ago, and it neither waits for a slot nor polls;
//   - it has ended, though its account is still to be polled.
//
// The beat stops too if Run's goroutine or a lock of the supervisor is stuck. It does not stop for
// a poll that takes long: servers do that, and the timeouts of the session end it. A beat that is
// more than a minute old means that accounts are not polled any more, and only a restart helps.
func (s *Supervisor) Beat() time.Time {
	s.beatMu.Lock()
	defer s.beatMu.Unlock()
	return s.beat
}

// look records the time if all loops are on time. It takes the locks that polls take: while one of
// them is held for ever, there is no beat.
func (s *Supervisor) look(slots *slots) {
	slots.mu.Lock()
	late := s.anyLate()
	slots.mu.Unlock()
	if late {
		return
	}
	s.beatMu.Lock()
	defer s.beatMu.Unlock()
	s.beat = time.Now()
}

// anyLate reports whether a loop is not on time.
func (s *Supervisor) anyLate() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, l := range s.running {
		if l.sleep.overslept(now) {
			return true
		}
	}
	return false
}
