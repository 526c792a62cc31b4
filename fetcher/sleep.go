package fetcher

import (
	"context"
	"sync"
	"time"
)

// sleep has the turns of a loop taken at their times, each in a goroutine of its own. Between two
// turns there is none: ten thousand goroutines that sleep would keep 40 MB of stacks and timers.
type sleep struct {
	mu    sync.Mutex
	timer *time.Timer                                        // guarded by mu, as is all that follows; nil before begin
	turn  func(waiting context.Context) (next time.Duration) // takes a turn
	soon  func() time.Duration                               // after how long a turn that is asked for may come
	until time.Time                                          // zero while the loop does not sleep: before begin, during a turn, at the end
	asked bool                                               // wake was called while the loop did not sleep
	hurry context.CancelFunc                                 // ends waiting, nil without a turn
	left  bool                                               // leave was called
	over  bool                                               // there is no further turn
	ended []func()                                           // called when over becomes true
}

// begin has turns taken until leave is called or ctx ends, the first after d. turn returns the time
// until the next one. Its waiting ends with leave. soon is called while no turn is under way. ended
// is called at the end.
func (s *sleep) begin(ctx context.Context, d time.Duration, soon func() time.Duration, turn func(waiting context.Context) time.Duration, ended func()) {
	s.mu.Lock()
	s.turn, s.soon = turn, soon
	s.ended = append(s.ended, ended)
	s.timer = time.AfterFunc(d, func() { s.due(ctx) })
	s.next(ctx, d)
}

// next sleeps for d, or ends. s.mu is held, and is not when next returns.
func (s *sleep) next(ctx context.Context, d time.Duration) {
	if s.left || ctx.Err() != nil {
		s.end()
		return
	}
	defer s.mu.Unlock()
	if s.asked {
		s.asked = false
		d = min(d, max(s.soon(), 0))
	}
	s.wait(d)
}

// wait has the timer end after d. s.mu is held.
func (s *sleep) wait(d time.Duration) {
	s.until = time.Now().Add(d)
	s.timer.Reset(d)
}

// due takes a turn.
func (s *sleep) due(ctx context.Context) {
	s.mu.Lock()
	// Otherwise the timer ended as the loop was woken, left, or put to sleep again.
	if s.until.IsZero() || time.Now().Before(s.until) {
		s.mu.Unlock()
		return
	}
	waiting, hurry := context.WithCancel(ctx)
	defer hurry()
	s.until, s.hurry = time.Time{}, hurry
	s.mu.Unlock()
	d := s.turn(waiting)
	s.mu.Lock()
	s.hurry = nil
	s.next(ctx, d)
}

// wake has the next turn taken soon. During a turn, the next one follows it.
func (s *sleep) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.until.IsZero() {
		s.asked = true
		return
	}
	s.wait(min(time.Until(s.until), max(s.soon(), 0)))
}

// leave ends the turns after the one under way.
func (s *sleep) leave() {
	s.mu.Lock()
	s.left = true
	switch {
	case s.hurry != nil:
		s.hurry()
	case !s.until.IsZero():
		s.end()
		return
	}
	s.mu.Unlock()
}

// end notes that there is no further turn. s.mu is held, and is not when end returns.
func (s *sleep) end() {
	s.timer.Stop()
	s.until, s.over = time.Time{}, true
	ended := s.ended
	s.ended = nil
	s.mu.Unlock()
	for _, fn := range ended {
		fn()
	}
}

// whenEnded calls fn once there is no further turn.
func (s *sleep) whenEnded(fn func()) {
	s.mu.Lock()
	if !s.over {
		s.ended = append(s.ended, fn)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	fn()
}

// isOver reports whether there is no further turn, and none under way.
func (s *sleep) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// overslept reports whether a turn should have begun long ago, or none will any more.
func (s *sleep) overslept(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over || !s.until.IsZero() && now.Sub(s.until) > lateAfter
}
