package fetcher

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

// silentLedger knows nothing. Its Lease fails, or waits.
type silentLedger struct {
	Ledger
	wait chan struct{} // nil: Lease fails at once
}

func (silentLedger) Host(context.Context, string) (ledger.Host, error) { return ledger.Host{}, nil }

func (silentLedger) QuarantineCounts(context.Context) (map[string]int, error) { return nil, nil }

func (l silentLedger) Lease(ctx context.Context, _ string, _ time.Time) (*ledger.Lease, error) {
	if l.wait != nil {
		select {
		case <-l.wait:
		case <-ctx.Done():
		}
	}
	return nil, errors.New("no lease today")
}

// beating runs a supervisor with accounts in a bubble, until the test ends.
func beating(t *testing.T, s *Supervisor, names ...string) {
	t.Helper()
	s.MaxConcurrent, s.MaxPerHost, s.Log = 2, 2, zerolog.Nop()
	if s.Ledger == nil {
		s.Ledger = silentLedger{}
	}
	if !s.Beat().IsZero() {
		t.Error("a beat before Run")
	}
	var accounts []Account
	for _, name := range names {
		accounts = append(accounts, Account{Account: poll.Account{Name: name, Interval: time.Minute, Endpoint: session.Endpoint{Addr: "h:995"}}})
	}
	ctx, stop := context.WithCancel(t.Context())
	sets, done := make(chan []Account), make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx, sets)
	}()
	sets <- accounts
	t.Cleanup(func() {
		stop()
		<-done
	})
	synctest.Wait()
}

func (s *Supervisor) loopOf(account string) *loop {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[account]
}

// age returns how old the beat is.
func age(s *Supervisor) time.Duration {
	synctest.Wait()
	return time.Since(s.Beat())
}

// TestBeat: while polls come and go, and fail, the beat is never older than 2 seconds.
func TestBeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Supervisor{}
		beating(t, s, "a", "b", "c")
		for range 5000 {
			time.Sleep(time.Second)
			if old := age(s); old > beatEvery {
				t.Fatalf("the beat is %v old", old)
			}
		}
	})
}

// TestBeatOfLongPolls: polls that take long, and others that wait for their slots, stop no beat.
func TestBeatOfLongPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Supervisor{Ledger: silentLedger{wait: make(chan struct{})}}
		beating(t, s, "a", "b", "c", "d", "e")
		time.Sleep(time.Hour)
		if old := age(s); old > beatEvery {
			t.Errorf("the beat is %v old", old)
		}
	})
}

// TestBeatStops: the beat stops for each way in which accounts are not polled any more, and goes on
// where that passes.
func TestBeatStops(t *testing.T) {
	t.Parallel()
	for name, stuck := range map[string]func(t *testing.T, s *Supervisor) (mend func()){
		"loop that does not wake": func(t *testing.T, s *Supervisor) func() {
			l := s.loopOf("a")
			l.sleep.mu.Lock()
			defer l.sleep.mu.Unlock()
			until := l.sleep.until
			l.sleep.timer.Stop()
			l.sleep.until = time.Now().Add(-lateAfter - 1)
			return func() {
				l.sleep.mu.Lock()
				defer l.sleep.mu.Unlock()
				l.sleep.wait(time.Until(until))
			}
		},
		"loop that has ended": func(t *testing.T, s *Supervisor) func() {
			was := s.loopOf("a")
			dead := newLoop(s, was.slots, was.account)
			dead.sleep.begin(t.Context(), 0, nil, nil, func() {})
			dead.leave()
			set := func(l *loop) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.running["a"] = l
			}
			set(dead)
			return func() { set(was) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &Supervisor{}
				beating(t, s, "a")
				time.Sleep(10 * time.Second)
				synctest.Wait()
				mend := stuck(t, s)
				time.Sleep(8 * time.Second) // the loops sleep for longer: their polls fail
				if old := time.Since(s.Beat()); old < 6*time.Second {
					t.Errorf("the beat is %v old", old)
				}
				mend()
				time.Sleep(3 * time.Second)
				if old := age(s); old > beatEvery {
					t.Errorf("mended, and the beat is %v old", old)
				}
			})
		})
	}
}

// TestBeatOfLateLoop: a loop is late 30 seconds after its poll was due, and not before.
func TestBeatOfLateLoop(t *testing.T) {
	t.Parallel()
	now := time.Now()
	n := sleep{until: now}
	for after, want := range map[time.Duration]bool{-time.Hour: false, 0: false, lateAfter: false, lateAfter + 1: true} {
		if got := n.overslept(now.Add(after)); got != want {
			t.Errorf("%v after its time: late %t", after, got)
		}
	}
	if n.until = (time.Time{}); n.overslept(now.Add(time.Hour)) {
		t.Error("a loop that is awake has overslept")
	}
}

// TestStall: a stalled supervisor beats no more, and still ends with its context.
func TestStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stalled atomic.Bool
		s := &Supervisor{Stall: stalled.Load}
		beating(t, s, "a")
		time.Sleep(10 * time.Second)
		stalled.Store(true)
		time.Sleep(time.Minute)
		if old := age(s); old < 58*time.Second {
			t.Errorf("the beat is %v old", old)
		}
	})
}

// TestBeatNeedsLocks: while a lock that polls need is held, there is no beat.
func TestBeatNeedsLocks(t *testing.T) {
	t.Parallel()
	s := &Supervisor{}
	slots := newSlots(1, 1)
	for name, lock := range map[string]sync.Locker{"supervisor": &s.mu, "slots": &slots.mu} {
		lock.Lock()
		looking, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			close(looking)
			s.look(slots)
		}()
		<-looking
		unlocked := time.Now()
		lock.Unlock()
		<-done
		if s.Beat().Before(unlocked) {
			t.Errorf("a beat while the lock of the %s was held", name)
		}
	}
}
