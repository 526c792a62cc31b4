package fetcher

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/attachd/attachd/fetcher/pop3/pop3test"
)

// TestSlotsHungHost: a host that never answers takes its own slots and no more.
func TestSlotsHungHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newSlots(4, 2)
		var hung sync.WaitGroup
		for range 10 {
			hung.Go(func() {
				slot, err := s.acquire(ctx, "hung", false)
				if err != nil {
					return
				}
				<-ctx.Done()
				slot.release()
			})
		}
		synctest.Wait()
		start := time.Now()
		for range 3 {
			slot, err := s.acquire(ctx, "well", false)
			if err != nil {
				t.Fatal(err)
			}
			slot.release()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %v behind a hung host", waited)
		}
		cancel()
		hung.Wait()
		if len(s.hosts) != 0 || len(s.global) != 0 {
			t.Errorf("%d hosts and %d slots still held", len(s.hosts), len(s.global))
		}
	})
}

// TestSlotsHungMailboxes: mailboxes that are known to hang leave most of the host's slots to the
// others.
func TestSlotsHungMailboxes(t *testing.T) {
	t.Parallel()
	for perHost, want := range map[int]int{1: 0, 2: 1, 4: 3, 16: 12} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := newSlots(100, perHost)
			var all sync.WaitGroup
			var well atomic.Int32
			hold := func(slow bool) {
				slot, err := s.acquire(ctx, "host", slow)
				if err != nil {
					return
				}
				if !slow {
					well.Add(1)
				}
				<-ctx.Done()
				slot.release()
			}
			for range 50 {
				all.Go(func() { hold(true) })
			}
			synctest.Wait()
			for range 50 {
				all.Go(func() { hold(false) })
			}
			synctest.Wait()
			if n := well.Load(); n != int32(want) {
				t.Errorf("%d of %d slots are left to the others, want %d", n, perHost, want)
			}
			cancel()
			all.Wait()
			if len(s.hosts) != 0 || len(s.global) != 0 {
				t.Errorf("%d hosts and %d slots still held", len(s.hosts), len(s.global))
			}
		})
	}
}

func TestSlotsCaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(3, 2)
		var mu sync.Mutex
		var all sync.WaitGroup
		running, most := map[string]int{}, map[string]int{}
		for i := range 30 {
			host := []string{"a", "b", "c"}[i%3]
			all.Go(func() {
				slot, err := s.acquire(t.Context(), host, false)
				if err != nil {
					t.Error(err)
					return
				}
				defer slot.release()
				mu.Lock()
				for _, k := range []string{host, "all"} {
					running[k]++
					most[k] = max(most[k], running[k])
				}
				mu.Unlock()
				<-time.After(time.Second)
				mu.Lock()
				running[host]--
				running["all"]--
				mu.Unlock()
			})
		}
		all.Wait()
		if most["all"] != 3 || most["a"] > 2 || most["b"] > 2 || most["c"] > 2 {
			t.Errorf("most at once: %v, want 3 in all and at most 2 to a host", most)
		}
	})
}

func TestSlotsCancel(t *testing.T) {
	t.Parallel()
	s := newSlots(1, 1)
	slot, err := s.acquire(t.Context(), "a", false)
	if err != nil {
		t.Fatal(err)
	}
	defer slot.release()
	for _, host := range []string{"a", "b"} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.acquire(ctx, host, false); !errors.Is(err, context.Canceled) {
			t.Errorf("host %s: error %v, want the cancellation", host, err)
		}
	}
}

// TestHungMailboxIsKnown: an account with a server that kept silent takes one of the few slots for
// such accounts, until the server speaks again.
func TestHungMailboxIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	var silent atomic.Bool
	w.server.Hook = func(c *pop3test.Conn, cmd, _ string) bool {
		if cmd == "UIDL" && silent.Load() {
			c.Hang()
			return true
		}
		return false
	}
	w.start(t)
	l := w.loop(w.account)
	for _, hangs := range []bool{true, true, false, true} {
		silent.Store(hangs)
		if l.account.Timeouts.Reply = 0; hangs { // and what works may take its time
			l.account.Timeouts.Reply = 100 * time.Millisecond
		}
		if err := l.poll(t.Context(), t.Context()); (err != nil) != hangs || l.slow != hangs {
			t.Errorf("hangs %t: slow %t, error %v", hangs, l.slow, err)
		}
	}
}

// TestSlotsSilent: a poll with a server that keeps silent makes room for another one, and a poll
// with a server that answers does not. Only a limited number of polls do so.
func TestSlotsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, 100)
		answered, err := s.acquire(t.Context(), "well", false)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			answered.waiting(true)
			time.Sleep(silentAfter - 1)
			answered.waiting(false)
		}
		time.Sleep(time.Hour) // with what it was sent
		if len(s.silent) > 0 {
			t.Error("a poll whose server answered has lost its slot")
		}
		answered.release()

		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		var hung atomic.Int32
		for range 50 {
			all.Go(func() {
				slot, err := s.acquire(ctx, "hung", false)
				if err != nil {
					return
				}
				hung.Add(1)
				slot.waiting(true)
				<-ctx.Done()
				slot.release()
			})
		}
		for i := range 3 {
			synctest.Wait()
			if n := int(hung.Load()); n != i+1 {
				t.Errorf("%d polls run after %d times of silence", n, i)
			}
			time.Sleep(silentAfter)
		}
		soon, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		if _, err := s.acquire(soon, "well", false); err == nil {
			t.Error("more polls than may wait for silent servers")
		}
		if n := int(hung.Load()); n != silentFactor+1 {
			t.Errorf("%d polls wait for silent servers, want %d", n, silentFactor+1)
		}
		cancel()
		all.Wait()
		if len(s.hosts) != 0 || len(s.global) != 0 || len(s.silent) != 0 {
			t.Errorf("%d hosts, %d slots and %d in place of slots are still held", len(s.hosts), len(s.global), len(s.silent))
		}
	})
}
