package fetcher

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// sleeper is a sleep whose turns take a second and come every minute.
type sleeper struct {
	sleep
	began  time.Time
	turns  []time.Duration // when each began
	hurry  bool            // the last turn was asked to hurry
	ended  bool
	ctx    context.Context
	cancel context.CancelFunc
}

func newSleeper(t *testing.T, first time.Duration) *sleeper {
	s := &sleeper{began: time.Now()}
	s.ctx, s.cancel = context.WithCancel(t.Context())
	s.begin(s.ctx, first, func() time.Duration { return 0 }, func(waiting context.Context) time.Duration {
		s.turns = append(s.turns, time.Since(s.began))
		time.Sleep(time.Second)
		s.hurry = waiting.Err() != nil
		return time.Minute
	}, func() { s.ended = true })
	return s
}

// at calls fn at a time, and then waits until nothing goes on.
func (s *sleeper) at(d time.Duration, fn func()) {
	time.Sleep(d - time.Since(s.began))
	synctest.Wait()
	fn()
	synctest.Wait()
}

// TestSleep: turns are taken when they are due, woken once, and none after the end, which waits for
// the one under way.
func TestSleep(t *testing.T) {
	t.Parallel()
	const half = 500 * time.Millisecond
	for name, tt := range map[string]struct {
		do    func(s *sleeper)
		turns []time.Duration
		hurry bool
	}{
		"woken asleep":        {func(s *sleeper) { s.at(20*time.Second, s.wake) }, []time.Duration{10 * time.Second, 20 * time.Second, 81 * time.Second}, false},
		"woken in a turn":     {func(s *sleeper) { s.at(10*time.Second+half, func() { s.wake(); s.wake() }) }, []time.Duration{10 * time.Second, 11 * time.Second, 72 * time.Second}, false},
		"left at once":        {func(s *sleeper) { s.leave() }, nil, false},
		"left asleep":         {func(s *sleeper) { s.at(20*time.Second, s.leave) }, []time.Duration{10 * time.Second}, false},
		"left in a turn":      {func(s *sleeper) { s.at(10*time.Second+half, s.leave) }, []time.Duration{10 * time.Second}, true},
		"left twice":          {func(s *sleeper) { s.at(10*time.Second+half, func() { s.leave(); s.leave() }) }, []time.Duration{10 * time.Second}, true},
		"left and woken":      {func(s *sleeper) { s.at(20*time.Second, func() { s.leave(); s.wake() }) }, []time.Duration{10 * time.Second}, false},
		"cancelled in a turn": {func(s *sleeper) { s.at(10*time.Second+half, s.cancel) }, []time.Duration{10 * time.Second}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSleeper(t, 10*time.Second)
				tt.do(s)
				time.Sleep(100*time.Second - time.Since(s.began))
				synctest.Wait()
				if len(s.turns) != len(tt.turns) {
					t.Fatalf("turns at %v, want %v", s.turns, tt.turns)
				}
				for i, want := range tt.turns {
					if s.turns[i] != want {
						t.Errorf("turns at %v, want %v", s.turns, tt.turns)
					}
				}
				if s.hurry != tt.hurry {
					t.Errorf("asked to hurry: %t", s.hurry)
				}
				s.leave()
				told := false
				s.whenEnded(func() { told = true })
				if !s.ended || !told || !s.overslept(time.Now()) {
					t.Errorf("ended: %t, told: %t", s.ended, told)
				}
			})
		})
	}
}
