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

// startSpread spreads the first polls of a set of accounts: by this much time for each further one,
// but at most over the interval. A daemon with many accounts does not open all connections at once.
const startSpread = 50 * time.Millisecond

// Supervisor polls a set of accounts, each in a loop of its own. Fill in the exported fields, then
// call Run or RunOnce, once.
type Supervisor struct {
	// Ledger holds what was seen and delivered, for all accounts.
	Ledger Ledger
	// MaxConcurrent caps the polls that run at once. It must be positive. A poll whose server keeps
	// silent for 2 seconds no longer counts. At most 16 times MaxConcurrent polls run like that.
	MaxConcurrent int
	// MaxPerHost caps the polls that run at once to one host and port. It must be positive.
	MaxPerHost int
	// Memory is how many bytes the process should use at most, 0 for no limit. It bounds what all
	// polls together hold of long listings and staged messages, see package poll.
	Memory int64
	Log    zerolog.Logger
	// Observe, unless nil, is called with each event, from many goroutines at once.
	Observe func(event.Event)
	// ReadEnvelope, unless nil, returns the envelope in a message's header, which may be cut short.
	ReadEnvelope func(header []byte) ledger.Envelope
	// Stall, unless nil, is called by Run's goroutine before each look at the loops. true makes it
	// stop there until the context ends, as if it were stuck: no further beat, no new set. It is for
	// tests of what watches over the process.
	Stall func() bool

	now func() time.Time // nil: time.Now

	poller poll.Poller // filled in by begin
	turns  turns

	mu      sync.Mutex
	names   map[string]bool  // guarded by mu: the accounts of the newest set
	running map[string]*loop // guarded by mu: by account name
	ending  []*loop          // guarded by mu: loops that have been left, and may still poll
	polling int              // guarded by mu: calls of Run and RunOnce under way

	beatMu sync.Mutex // not mu, so that Beat answers while that is stuck
	beat   time.Time  // guarded by beatMu
}

// begin hands what all visits share to the poller, unless polls are under way already. end is
// called when those that begin now have ended.
func (s *Supervisor) begin() (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.polling++; s.polling == 1 {
		p := &s.poller
		p.Log, p.Now, p.Observe, p.ReadEnvelope, p.Polled, p.Memory = s.Log, s.now, s.Observe, s.ReadEnvelope, s.polled, s.Memory
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.polling--
	}
}

// AccountError is the failure of one account's poll. The text of Err names the step that failed.
type AccountError struct {
	Account string
	Err     error
}

// Error returns "account NAME: CAUSE".
func (e *AccountError) Error() string { return fmt.Sprintf("account %s: %v", e.Account, e.Err) }

// Unwrap returns the cause.
func (e *AccountError) Unwrap() error { return e.Err }

// Run polls the accounts of the newest set that it received from sets. It returns when ctx has
// ended and every poll with it. A new set changes accounts like this:
//
//   - One that is gone from the set stops. A poll under way commits what is coming, fetches nothing
//     more and sends no further DELE.
//   - One with another Version stops likewise, and starts again with the new settings once that
//     poll has ended. So does one with the mailbox of another that has stopped.
//   - One with the same Version runs on undisturbed.
func (s *Supervisor) Run(ctx context.Context, sets <-chan []Account) {
	defer s.begin()()
	slots := newSlots(s.MaxConcurrent, s.MaxPerHost)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running = nil // PollNow finds nobody any more
	}()
	var all sync.WaitGroup
	defer func() {
		s.leaveAll()
		all.Wait()
	}()
	again, beat := time.NewTicker(warnAgain), time.NewTicker(beatEvery)
	defer again.Stop()
	defer beat.Stop()
	// The count may take as long as a slow disk likes, and a set or the beat would wait.
	warn := func() { all.Go(func() { s.warnOfQuarantine(ctx) }) }
	started := false
	s.look(slots)
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			warn()
		case <-beat.C:
			if s.Stall != nil && s.Stall() {
				<-ctx.Done()
				return
			}
			s.look(slots)
		case accounts := <-sets:
			wanted := s.setNames(accounts)
			if !started {
				warn()
				started = true
			}
			for _, start := range s.replace(ctx, slots, accounts, wanted) {
				all.Add(1)
				start(all.Done)
			}
		}
	}
}

// replace stops the loops of accounts that are gone or have changed. It returns functions that run
// the new loops, and call ended when each has ended.
func (s *Supervisor) replace(ctx context.Context, slots *slots, accounts []Account, wanted map[string]bool) (starts []func(ended func())) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = make(map[string]*loop)
	}
	for name, l := range s.running {
		if !wanted[name] {
			s.end(l)
			delete(s.running, name)
		}
	}
	var starting []Account
	for _, a := range accounts {
		old := s.running[a.Name]
		if old != nil && old.account.Version == a.Version {
			continue
		}
		if starting = append(starting, a); old != nil {
			s.end(old)
		}
	}
	// A server locks the maildrop for one session (RFC 1939 section 4), so the polls of an old loop
	// must end before those of a new one begin. That of another name must also have recorded whose
	// mailbox it fetched: under a new name, all would come a second time.
	s.ending = slices.DeleteFunc(s.ending, func(l *loop) bool { return l.sleep.isOver() })
	of := make(map[string][]*loop)
	for _, l := range s.ending {
		of[l.account.Owner()] = append(of[l.account.Owner()], l)
	}
	for _, a := range starting {
		l := newLoop(s, slots, a)
		if l.before = s.running[a.Name]; l.before != nil {
			l.after = append(l.after, l.before)
		}
		l.after = append(l.after, of[a.Owner()]...)
		s.running[a.Name] = l
		// Beyond the interval, some accounts would be polled twice before others were polled once.
		delay := rand.N(min(startSpread*time.Duration(len(starting)-1), a.Interval) + 1)
		starts = append(starts, func(ended func()) { l.run(ctx, delay, ended) })
	}
	return starts
}

// end has a loop end after the poll under way. s.mu is held.
func (s *Supervisor) end(l *loop) {
	l.leave()
	s.ending = append(s.ending, l)
}

// leaveAll has all loops end after the polls under way.
func (s *Supervisor) leaveAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.running {
		l.leave()
	}
}

// PollNow ends an account's wait for its next poll, after a failure too. If a poll is under way,
// the next one follows it at once. A server's LOGIN-DELAY (RFC 2449 section 6.5) is waited for all
// the same. PollNow reports whether Run polls an account of this name.
func (s *Supervisor) PollNow(account string) bool {
	s.mu.Lock()
	l := s.running[account]
	s.mu.Unlock()
	if l == nil {
		return false
	}
	l.sleep.wake()
	return true
}

// RunOnce polls each account once. When all are done, it returns an [*AccountError] for each
// account that failed, in the order of accounts. An account that left messages behind counts as
// failed, with a [*poll.IncompleteError].
func (s *Supervisor) RunOnce(ctx context.Context, accounts []Account) []error {
	defer s.begin()()
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
				log.Error().Err(failed[i]).Msg(failureMessage(err))
				return
			}
			l.logLeft()
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

// setNames sets the accounts that are polled, and returns their names.
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

// polled reports whether the newest set has an account of this name.
func (s *Supervisor) polled(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names[account]
}

// clock returns the time.
func (s *Supervisor) clock() time.Time {
	if s.now != nil {
		return s.now()
	}
	return time.Now()
}

// log returns the log of an account.
func (s *Supervisor) log(account string) zerolog.Logger {
	return s.Log.With().Str("account", account).Logger()
}
