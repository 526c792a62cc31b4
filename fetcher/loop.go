package fetcher

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
	"github.com/attachd/attachd/fetcher/session"
)

// loop polls one account while its settings stay the same. One turn at a time uses the fields below
// the first group.
type loop struct {
	supervisor *Supervisor
	slots      *slots
	account    Account
	sleep      sleep

	before       *loop         // the loop that this one replaces, until the first turn; nil: none
	after        []*loop       // the loops whose polls must end before the first turn
	turned       bool          // the first turn has begun
	opened       bool          // the last poll went well, and found the output well
	failures     int           // failed polls in a row
	failedBefore int           // failed polls in a row of the loop that this one replaces
	lastFailure  string        // the last error that was logged in full
	slow         bool          // the last poll ended because the server kept silent
	late         bool          // the last poll waited for its slot for longer than the interval
	past         poll.Past     // what earlier polls found out
	result       poll.Result   // of the last poll
	loginDelay   time.Duration // LOGIN-DELAY as it was announced last
	loggedDelay  bool          // the log has that LOGIN-DELAY is longer than the interval
}

// newLoop returns a loop that is not running.
func newLoop(s *Supervisor, slots *slots, a Account) *loop {
	return &loop{supervisor: s, slots: slots, account: a}
}

// run polls until leave is called or ctx ends, first after delay. It returns at once, and calls
// ended after the last poll. The end of ctx stops a poll under way. Call leave then, too.
func (l *loop) run(ctx context.Context, delay time.Duration, ended func()) {
	begin := func() {
		l.sleep.begin(ctx, delay, l.untilLogin, func(waiting context.Context) time.Duration {
			if l.turned {
				return l.turn(ctx, waiting)
			}
			l.turned = true
			return l.firstTurn(ctx, waiting)
		}, ended)
	}
	for _, old := range l.after {
		next := begin
		begin = func() { old.sleep.whenEnded(next) }
	}
	l.after = nil
	begin()
}

// leave ends run after the poll under way. That waits for no slot any more, and soon ends, see
// [poll.Visit].
func (l *loop) leave() { l.sleep.leave() }

// untilLogin returns how long the server's LOGIN-DELAY forbids the next login, 0 or less if it does
// not.
func (l *loop) untilLogin() time.Duration {
	delay := l.loginDelay
	// The clock may have been set back since.
	return min(delay-l.supervisor.clock().Sub(l.result.Ended), delay)
}

// firstTurn is turn for a loop that has not polled yet. It does not poll while the server's
// LOGIN-DELAY forbids it. The delay was announced to the loop that this one replaces, or to an
// earlier process.
func (l *loop) firstTurn(ctx, waiting context.Context) time.Duration {
	now := l.supervisor.clock()
	if l.before != nil {
		l.failedBefore = l.before.failures + l.before.failedBefore
	}
	switch before := l.before; {
	case before == nil:
		// On an error the poll fails too, and reports it.
		if host, err := l.supervisor.Ledger.Host(ctx, l.account.Addr); err == nil {
			l.loginDelay, l.result.LoginDelay = host.LoginDelay, host.LoginDelay
			if host.LoginDelay > 0 {
				l.result.Ended, _ = l.supervisor.Ledger.LastPoll(ctx, l.account.Name)
			}
		}
	case before.account.Owner() == l.account.Owner():
		l.loginDelay, l.result.LoginDelay = before.loginDelay, before.result.LoginDelay
		l.result.Ended, l.loggedDelay, l.slow = before.result.Ended, before.loggedDelay, before.slow
	}
	l.before = nil
	left := l.untilLogin()
	if left <= 0 {
		return l.turn(ctx, waiting)
	}
	log := l.log()
	log.Info().Str("login_delay", l.result.LoginDelay.String()).Time("next", now.Add(left)).Msg("first poll waits: the server wants more time between two logins (CAPA LOGIN-DELAY)")
	return left
}

// turn polls once and returns the time until the next turn.
func (l *loop) turn(ctx, waiting context.Context) time.Duration {
	err := l.poll(ctx, waiting)
	if ctx.Err() != nil || errors.Is(err, context.Canceled) && waiting.Err() != nil {
		return 0 // there is no next turn
	}
	delay := l.reschedule(err)
	l.observe(event.Scheduled{Account: l.account.Name, Next: l.supervisor.clock().Add(delay), Failures: l.failures, Err: err})
	return delay
}

// reschedule logs how the poll ended and returns the time until the next one. A failure with the
// same text as the last one is logged at debug level.
func (l *loop) reschedule(err error) time.Duration {
	log := l.log()
	if l.late && l.slots.lateIsDue(l.supervisor.clock()) {
		log.Warn().Str("interval", l.account.Interval.String()).Int("max_concurrent", cap(l.slots.global)).Int("max_per_host", l.slots.perHost).
			Msg("polls come late: accounts wait for each other for longer than their interval; raise max_concurrent or max_per_host, or the interval")
	}
	if err == nil {
		if failures, again := l.worksAgain(); again {
			log.Info().Int("failures", failures).Msg("account works again")
		}
		if l.result.More {
			// Only the delay ended the visit before the rest was fetched.
			return l.result.LoginDelay + rand.N(l.account.Jitter+1)
		}
		if l.result.LoginDelay > l.account.Interval && !l.loggedDelay {
			l.loggedDelay = true
			log.Info().Str("interval", l.account.Interval.String()).Str("login_delay", l.result.LoginDelay.String()).Msg("server wants more time between two logins than interval: polls wait for that long (CAPA LOGIN-DELAY)")
		}
		return max(l.account.Interval-l.account.Jitter+rand.N(2*l.account.Jitter+1), l.result.LoginDelay)
	}
	l.failures++
	delay := max(backoff(err, l.failures, l.account.Interval), l.result.LoginDelay)
	err = &AccountError{l.account.Name, err}
	level := zerolog.WarnLevel
	if _, stale := errors.AsType[*delivery.StaleError](err); stale || errors.Is(err, ledger.ErrDamaged) || errors.Is(err, ledger.ErrGone) {
		level = zerolog.ErrorLevel // only a person can mend it
	}
	if text := err.Error(); text == l.lastFailure {
		level = zerolog.DebugLevel
	} else {
		l.lastFailure = text
	}
	log.WithLevel(level).Err(err).Int("failures", l.failures).Time("next", l.supervisor.clock().Add(delay)).Msg(failureMessage(err))
	return delay
}

// failureMessage returns the log message for a failed poll. It looks at the first attempt alone:
// the error of one that a second attempt followed wraps both, and is not unwrapped.
func failureMessage(err error) string {
	for err != nil {
		if _, ok := err.(*session.LoginError); ok {
			return "login failed"
		}
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = wrapped.Unwrap()
	}
	return "poll ended early"
}

// worksAgain forgets the failures in a row, and returns how many there were, those before a change
// of the settings included.
func (l *loop) worksAgain() (failures int, again bool) {
	failures = l.failures + l.failedBefore
	l.failures, l.failedBefore, l.lastFailure = 0, 0, ""
	return failures, failures > 0
}

// poll waits for a slot and makes one visit.
func (l *loop) poll(ctx, waiting context.Context) (err error) {
	s := l.supervisor
	asked := s.clock()
	l.observe(event.Waiting{Account: l.account.Name})
	slot, err := l.slots.acquire(waiting, l.account.Addr, l.slow)
	if err != nil {
		return err
	}
	l.late = !l.slow && s.clock().Sub(asked) > l.account.Interval
	defer slot.release()
	l.observe(event.Started{Account: l.account.Name})
	defer func() {
		network, ok := errors.AsType[net.Error](err)
		l.slow = ok && network.Timeout()
		done := err
		if err == nil && l.result.Incomplete != nil {
			done = l.result.Incomplete
		}
		l.observe(event.Done{Account: l.account.Name, At: s.clock(), Err: done, Counts: l.result.Counts})
	}()
	defer func() { err = adviseOnFiles(err) }()
	l.result.Incomplete, l.result.Counts = nil, event.Counts{}

	over, err := s.turns.take(waiting, l.account.Name)
	if err != nil {
		return err
	}
	defer over()
	lease, err := s.Ledger.Lease(ctx, l.account.Name, s.clock())
	if err != nil {
		return err
	}
	defer lease.Release()
	led := s.Ledger.Fenced(lease)
	// The first poll opens it, to find out whether that can be done.
	sink, err := s.openSink(ctx, l.account, led, l.opened)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	defer sink.Close()
	defer func() { l.opened = err == nil }()
	result, err := s.poller.Visit(ctx, poll.Visit{Account: &l.account.Account, Past: &l.past, Ledger: led, Sink: sink, Waiting: slot.waiting, Leaving: waiting})
	if !result.Ended.IsZero() { // a session was attempted
		l.result = result
		if result.LoggedIn {
			l.loginDelay = result.LoginDelay
		}
	}
	return err
}

// adviseOnFiles adds to an error of too many open files what to do, whoever wanted to open one.
func adviseOnFiles(err error) error {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) || errors.Is(err, ledger.ErrFileLimit) {
		return err
	}
	return fmt.Errorf("%w: %w, or lower max_concurrent", err, ledger.ErrFileLimit)
}

// observe sends an event, if somebody observes.
func (l *loop) observe(e event.Event) {
	if l.supervisor.Observe != nil {
		l.supervisor.Observe(e)
	}
}

// logLeft logs what is left for another run, when accounts are polled only once.
func (l *loop) logLeft() {
	log := l.log()
	if l.result.More {
		log.Warn().Str("login_delay", l.result.LoginDelay.String()).Msg("something is left for another run: the server wants that much time between two logins (CAPA LOGIN-DELAY)")
	}
	if left := l.result.Incomplete; left != nil && left.NoRoom > 0 {
		log.Warn().Int("messages", left.NoRoom).Msg("messages stay on the server: something of them could not be read right, and the quarantine has no room for them (quarantine.max_bytes); attachd state check lists them")
	}
	if l.result.PutOff > 0 {
		log.Warn().Int("messages", l.result.PutOff).Msg("messages that failed before were not due yet and are left for another run; attachd state check lists them")
	}
}

// log returns the account's log.
func (l *loop) log() zerolog.Logger {
	return l.supervisor.log(l.account.Name)
}
