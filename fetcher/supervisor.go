package fetcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/pop3"
)

// startSpread is how much later each further account may have its first poll,
// so that a daemon with many accounts does not open all connections at once.
const startSpread = 50 * time.Millisecond

// Supervisor polls a set of accounts, each in a loop of its own. Fill in the
// exported fields, then call Run or RunOnce, once.
type Supervisor struct {
	// Ledger holds what was seen and delivered. It is shared by all accounts.
	Ledger *ledger.Ledger
	// OpenSink opens an account's destination for one poll.
	OpenSink func(a Account) (Sink, error)
	// LockDir is the folder of the accounts' lock files, made when missing.
	LockDir string
	// MaxConcurrent caps the polls that run at once, MaxPerHost those to one
	// host and port. Both must be positive.
	MaxConcurrent, MaxPerHost int
	Log                       zerolog.Logger
	// Observe, if set, is called as polls go along, from many goroutines at once.
	Observe func(Event)

	now          func() time.Time // nil: time.Now
	certificates certificateWarnings
	expiry       reminders

	mu    sync.Mutex
	broke map[brokenBy]int // guarded by mu
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
	for {
		select {
		case <-ctx.Done():
			return
		case accounts := <-sets:
			wanted := make(map[string]bool, len(accounts))
			for _, a := range accounts {
				wanted[a.Name] = true
			}
			for name, l := range running {
				if !wanted[name] {
					l.leave()
					delete(running, name)
				}
			}
			for _, a := range accounts {
				old := running[a.Name]
				if old != nil && old.account.Version == a.Version {
					continue
				}
				l := &loop{supervisor: s, slots: slots, account: a, ended: make(chan struct{})}
				if old != nil {
					// A maildrop has room for one session: the old loop's poll must
					// be over before the new one's begins (RFC 1939 section 4).
					old.leave()
					l.after = old.ended
				}
				var waiting context.Context
				waiting, l.leave = context.WithCancel(ctx)
				running[a.Name] = l
				delay := rand.N(startSpread*time.Duration(len(accounts)) + 1)
				all.Go(func() { l.run(ctx, waiting, delay) })
			}
		}
	}
}

// RunOnce polls each account once and returns the accounts that failed, each
// with an [*AccountError], when all are done.
func (s *Supervisor) RunOnce(ctx context.Context, accounts []Account) []error {
	slots := newSlots(s.MaxConcurrent, s.MaxPerHost)
	var all sync.WaitGroup
	failed := make([]error, len(accounts))
	for i, a := range accounts {
		all.Go(func() {
			l := &loop{supervisor: s, slots: slots, account: a}
			err := l.poll(ctx, ctx)
			if err != nil {
				failed[i] = &AccountError{a.Name, err}
				log := l.log()
				log.Error().Err(failed[i]).Msg("poll ended early")
			}
		})
	}
	all.Wait()
	var errs []error
	for _, err := range failed {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// loop is one account's life between two changes of its settings. Its fields
// below the first group belong to the goroutine of run.
type loop struct {
	supervisor *Supervisor
	slots      *slots
	account    Account
	after      <-chan struct{} // closed when the loop it replaces has ended; nil: none
	ended      chan struct{}   // closed when run returns
	leave      context.CancelFunc

	failures    int
	lastFailure string
	skipped     int  // by the last poll
	slow        bool // the last poll ended as the server kept silent
	// loginDelay is what the server announced at the last poll; more, that this left something to do.
	loginDelay time.Duration
	more       bool
}

// run polls until waiting or ctx ends. A poll that has begun runs on when only
// waiting ends.
func (l *loop) run(ctx, waiting context.Context, delay time.Duration) {
	defer close(l.ended)
	defer l.leave()
	if l.after != nil {
		<-l.after
	}
	for sleep(waiting, delay) {
		err := l.poll(ctx, waiting)
		if ctx.Err() != nil || errors.Is(err, context.Canceled) && waiting.Err() != nil {
			return
		}
		delay = l.reschedule(err)
	}
}

// reschedule returns the time to the next poll and reports a failure, at most
// once per kind in full: the same one again is only of interest to who debugs.
func (l *loop) reschedule(err error) time.Duration {
	log := l.log()
	if err == nil {
		if l.failures > 0 {
			log.Info().Int("failures", l.failures).Msg("account works again")
		}
		l.failures, l.lastFailure = 0, ""
		if l.more {
			return l.loginDelay + rand.N(l.account.Jitter+1) // or it would not have ended
		}
		return max(l.account.Interval-l.account.Jitter+rand.N(2*l.account.Jitter+1), l.loginDelay)
	}
	l.failures++
	delay := max(backoff(err, l.failures, l.account.Interval), l.loginDelay)
	err = &AccountError{l.account.Name, err}
	level := zerolog.WarnLevel
	if _, stale := errors.AsType[*StaleError](err); stale || errors.Is(err, ledger.ErrDamaged) {
		level = zerolog.ErrorLevel // nothing gets better by waiting
	}
	if text := err.Error(); text == l.lastFailure {
		level = zerolog.DebugLevel
	} else {
		l.lastFailure = text
	}
	log.WithLevel(level).Err(err).Int("failures", l.failures).Time("next", l.supervisor.clock()().Add(delay)).Msg("poll ended early")
	return delay
}

// poll waits for its slots and makes one visit.
func (l *loop) poll(ctx, waiting context.Context) (err error) {
	s := l.supervisor
	release, err := l.slots.acquire(waiting, l.account.Addr, l.slow)
	if err != nil {
		return err
	}
	defer release()
	observe := s.Observe
	if observe == nil {
		observe = func(Event) {}
	}
	defer func() {
		network, ok := errors.AsType[net.Error](err)
		l.slow = ok && network.Timeout()
		observe(Done{Account: l.account.Name, Err: err})
	}()

	unlock, err := lockAccount(s.LockDir, l.account.Name)
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	defer unlock()
	notePoll(s.LockDir, l.account.Name, time.Now())
	sink, err := s.OpenSink(l.account)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	defer sink.Close()

	now := s.clock()
	started := now()
	log := l.log()
	host, err := s.Ledger.Host(ctx, l.account.Addr)
	if err != nil {
		return fmt.Errorf("read what is known of %s: %w", l.account.Addr, err)
	}
	remembered := conceded(host, started)
	simply := remembered
	var p *poll
	var first, before error // of the first attempt, and of the one before
	done := func(p *poll) {
		event := log.Debug()
		if p.retrieved > 0 || p.failed > 0 {
			event = log.Info()
		}
		event.Int("messages", p.retrieved).Int("attachments", p.delivered).Int("failed", p.failed).Int("quarantined", len(p.quarantine)).Dur("dur", now().Sub(started)).Bool("complete", err == nil).Msg("poll done")
	}
	for {
		p = &poll{
			account: l.account, ledger: s.Ledger, sink: sink, log: l.log(), observe: observe, now: now, certificates: &s.certificates, said: &s.expiry,
			simply: simply, exact: started.Sub(host.Exact) < exactLasts || p != nil && p.exactly, outOfStep: errors.Is(before, pop3.ErrDesync),
		}
		err = p.run(ctx)
		if l.loginDelay, l.more = p.loginDelay, err == nil && p.again(); l.more && ctx.Err() == nil && waiting.Err() == nil && p.loginDelay == 0 {
			done(p)
			before = nil
			continue
		}
		if err == nil || ctx.Err() != nil {
			break
		}
		more := p.concede(err)
		if before != nil && p.step <= stepLogin {
			// Who has just been there may not be let in again; the cause is what came before.
			err = fmt.Errorf("%w; tried again at once: %w", before, err)
		}
		if more == simply {
			break
		}
		simply, before = more, err
		if first == nil {
			first = err
		}
		// At once, as a process that polls once has no next poll.
		log.Info().Err(err).Bool("capa", !simply.withoutCapa).Bool("pipelining", !simply.unpipelined).Msg("server is asked again more simply")
	}
	if err == nil && simply != remembered && !p.silent {
		err = s.rememberConcession(ctx, l.account.Addr, simply, first, now())
	}
	if p.exactly && started.Sub(host.Exact) > exactAgain && ctx.Err() == nil {
		if failed := s.Ledger.SetHost(ctx, l.account.Addr, ledger.Host{Exact: started}); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	done(p)
	l.noteSkipped(p)
	return err
}

// noteSkipped says once how many messages the account's policies leave on the server.
func (l *loop) noteSkipped(p *poll) {
	if p.skipped != l.skipped && p.skipped > 0 {
		log := l.log()
		log.Warn().Int("messages", p.skipped).Int64("max_message_size", p.account.MaxMessageSize).Msg("left messages on the server that are too large")
	}
	l.skipped = p.skipped
}

func (l *loop) log() zerolog.Logger {
	return l.supervisor.Log.With().Str("account", l.account.Name).Logger()
}

func (s *Supervisor) clock() func() time.Time {
	if s.now != nil {
		return s.now
	}
	return time.Now
}
