package fetcher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// startSpread is how much later each further account may have its first poll, within the first interval,
// so that a daemon with many accounts does not open all connections at once.
const startSpread = 50 * time.Millisecond

// Supervisor polls a set of accounts, each in a loop of its own. Fill in the
// exported fields, then call Run or RunOnce, once.
type Supervisor struct {
	// Ledger holds what was seen and delivered. It is shared by all accounts.
	Ledger *sqlite.Ledger
	// LockDir is the folder of the accounts' lock files, made when missing.
	LockDir string
	// MaxConcurrent caps the polls that run at once, MaxPerHost those to one
	// host and port. Both must be positive. Polls whose servers have kept silent for
	// 2 seconds don't count in MaxConcurrent, as long as they are no more than 16 times as many.
	MaxConcurrent, MaxPerHost int
	// Memory is how many bytes the process is to keep to, 0 for no limit. Polls that would go beyond a good part of it together do
	// with less.
	Memory int64
	Log    zerolog.Logger
	// Observe, if set, is called as polls go along, from many goroutines at once.
	Observe func(Event)
	// ReadEnvelope, if set, reads it of a message's header, for the log.
	ReadEnvelope func(header []byte) delivery.Envelope

	now          func() time.Time // nil: time.Now
	certificates certificateWarnings
	common       common
	expiry       reminders
	undeleted    reminders

	mu    sync.Mutex
	broke map[brokenBy]int // guarded by mu
	names map[string]bool  // guarded by mu: the accounts of the newest set
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
	slots := newSlots(s.MaxConcurrent, s.MaxPerHost)
	running := make(map[string]*loop)
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
			for name, l := range running {
				if !wanted[name] {
					l.leave()
					delete(running, name)
				}
			}
			var starting []Account
			for _, a := range accounts {
				if l := running[a.Name]; l == nil || l.account.Version != a.Version {
					starting = append(starting, a)
				}
			}
			for _, a := range starting {
				old := running[a.Name]
				l := &loop{supervisor: s, slots: slots, account: a, ended: make(chan struct{})}
				if old != nil {
					// A maildrop has room for one session: the old loop's poll must
					// be over before the new one's begins (RFC 1939 section 4).
					old.leave()
					l.before = old
				}
				var waiting context.Context
				waiting, l.leave = context.WithCancel(ctx)
				running[a.Name] = l
				// Within the interval, or those that came first would be polled again before others were once.
				delay := rand.N(min(startSpread*time.Duration(len(starting)), a.Interval) + 1)
				all.Go(func() { l.run(ctx, waiting, delay) })
			}
		}
	}
}

// RunOnce polls each account once and returns the accounts that failed, each
// with an [*AccountError], when all are done. Those that left messages behind, with an [*IncompleteError], are among them.
func (s *Supervisor) RunOnce(ctx context.Context, accounts []Account) []error {
	slots := newSlots(s.MaxConcurrent, s.MaxPerHost)
	s.setNames(accounts)
	var all sync.WaitGroup
	failed, busy := make([]error, len(accounts)), make([]bool, len(accounts))
	for i, a := range accounts {
		all.Go(func() {
			l := &loop{supervisor: s, slots: slots, account: a}
			err := l.poll(ctx, ctx)
			busy[i] = l.busy || err != nil
			if err != nil {
				failed[i] = &AccountError{a.Name, err}
				log := l.log()
				log.Error().Err(failed[i]).Msg(ending(err))
				return
			}
			l.sayWhatIsLeft()
			if l.undone.incomplete != nil {
				busy[i] = true
				failed[i] = &AccountError{a.Name, l.undone.incomplete}
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
