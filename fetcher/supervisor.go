package fetcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
)

// startSpread is how much later each further account may have its first poll, within the first interval,
// so that a daemon with many accounts does not open all connections at once.
const startSpread = 50 * time.Millisecond

// Supervisor polls a set of accounts, each in a loop of its own. Fill in the
// exported fields, then call Run or RunOnce, once.
type Supervisor struct {
	// Ledger holds what was seen and delivered. It is shared by all accounts.
	Ledger Ledger
	// MaxConcurrent caps the polls that run at once, MaxPerHost those to one
	// host and port. Both must be positive. Polls whose servers have kept silent for
	// 2 seconds don't count in MaxConcurrent, as long as they are no more than 16 times as many.
	MaxConcurrent, MaxPerHost int
	// Memory is how many bytes the process is to keep to, 0 for no limit. Polls that would go beyond a good part of it together do
	// with less.
	Memory int64
	Log    zerolog.Logger
	// Observe, if set, is called as polls go along, from many goroutines at once.
	Observe func(event.Event)
	// ReadEnvelope, if set, reads the envelope of a message from its header, which may be cut short.
	ReadEnvelope func(header []byte) ledger.Envelope

	now func() time.Time // nil: time.Now

	poller poll.Poller // filled in by fill

	mu      sync.Mutex
	names   map[string]bool  // guarded by mu: the accounts of the newest set
	running map[string]*loop // guarded by mu: by account
}

// fill hands what all visits share to the poller, before anything is polled.
func (s *Supervisor) fill() {
	p := &s.poller
	p.Log, p.Now, p.Observe, p.ReadEnvelope, p.Polled, p.Memory = s.Log, s.now, s.Observe, s.ReadEnvelope, s.polled, s.Memory
}

// AccountError is the failure of one account's poll. Its text starts with the
// account and names the step that failed.
type AccountError struct {
	Account string
	Err     error
}

// Error returns "account NAME: CAUSE".
func (e *AccountError) Error() string { return fmt.Sprintf("account %s: %v", e.Account, e.Err) }

// Unwrap returns the cause.
func (e *AccountError) Unwrap() error { return e.Err }

// Run polls the accounts of the newest set received from sets until ctx ends,
// and returns once every poll has ended. With each new set, accounts that are
// gone or changed end after the poll they are in, changed ones start again with
// the new settings, and the rest run on undisturbed.
func (s *Supervisor) Run(ctx context.Context, sets <-chan []Account) {
	s.fill()
	slots := newSlots(s.MaxConcurrent, s.MaxPerHost)
	var all sync.WaitGroup
	defer all.Wait()
	again := time.NewTicker(warnAgain)
	defer again.Stop()
	started := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			s.warnOfQuarantine(ctx)
		case accounts := <-sets:
			wanted := s.setNames(accounts)
			if !started {
				s.warnOfQuarantine(ctx)
				started = true
			}
			for _, start := range s.replace(ctx, slots, accounts, wanted) {
				all.Go(start)
			}
		}
	}
}

// replace ends the loops of accounts that are not wanted any more, or changed, and returns what starts the new ones.
func (s *Supervisor) replace(ctx context.Context, slots *slots, accounts []Account, wanted map[string]bool) (starts []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = make(map[string]*loop)
	}
	for name, l := range s.running {
		if !wanted[name] {
			l.leave()
			delete(s.running, name)
		}
	}
	var starting []Account
	for _, a := range accounts {
		if l := s.running[a.Name]; l == nil || l.account.Version != a.Version {
			starting = append(starting, a)
		}
	}
	for _, a := range starting {
		old := s.running[a.Name]
		l := newLoop(s, slots, a)
		if old != nil {
			// A maildrop has room for one session: the old loop's poll must
			// be over before the new one's begins (RFC 1939 section 4).
			old.leave()
			l.before = old
		}
		var waiting context.Context
		waiting, l.leave = context.WithCancel(ctx)
		s.running[a.Name] = l
		// Within the interval, or those that came first would be polled again before others were once.
		delay := rand.N(min(startSpread*time.Duration(len(starting)), a.Interval) + 1)
		starts = append(starts, func() { l.run(ctx, waiting, delay) })
	}
	return starts
}

// PollNow has an account polled at once, or again when the poll under way has ended,
// whatever it waits for; but no sooner than the server wants between two logins (CAPA
// LOGIN-DELAY). It reports whether Run polls an account of this name.
func (s *Supervisor) PollNow(account string) bool {
	s.mu.Lock()
	l := s.running[account]
	s.mu.Unlock()
	if l == nil {
		return false
	}
	select {
	case l.wake <- struct{}{}:
	default: // it is woken already
	}
	return true
}

// RunOnce polls each account once and returns the accounts that failed, each
// with an [*AccountError], when all are done. Those that left messages behind, with an [*IncompleteError], are among them.
func (s *Supervisor) RunOnce(ctx context.Context, accounts []Account) []error {
	s.fill()
	slots := newSlots(s.MaxConcurrent, s.MaxPerHost)
	s.setNames(accounts)
	var all sync.WaitGroup
	failed, busy := make([]error, len(accounts)), make([]bool, len(accounts))
	for i, a := range accounts {
		all.Go(func() {
			l := newLoop(s, slots, a)
			err := l.poll(ctx, ctx)
			busy[i] = l.result.Busy() || err != nil
			if err != nil {
				failed[i] = &AccountError{a.Name, err}
				log := l.log()
				log.Error().Err(failed[i]).Msg(ending(err))
				return
			}
			l.sayWhatIsLeft()
			if l.result.Incomplete != nil {
				busy[i] = true
				failed[i] = &AccountError{a.Name, l.result.Incomplete}
			}
		})
	}
	all.Wait()
	if !slices.Contains(busy, true) {
		s.Log.Info().Int("accounts", len(accounts)).Msg("nothing was new")
	}
	var errs []error
	for _, err := range failed {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// setNames notes which accounts there are.
func (s *Supervisor) setNames(accounts []Account) map[string]bool {
	names := make(map[string]bool, len(accounts))
	for _, a := range accounts {
		names[a.Name] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = names
	return names
}

func (s *Supervisor) polled(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[account]
}

func (s *Supervisor) clock() func() time.Time {
	if s.now != nil {
		return s.now
	}
	return time.Now
}
