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

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/poll"
)

// loop is one account's life between two changes of its settings. Its fields
// below the first group belong to the goroutine of run.
type loop struct {
	supervisor *Supervisor
	slots      *slots
	account    Account
	before     *loop         // the one it replaces, until that has ended; nil: none
	ended      chan struct{} // closed when run returns
	leave      context.CancelFunc
	wake       chan struct{} // see PollNow

	failures     int
	failedBefore int // how often the loop that it replaces had failed
	lastFailure  string
	slow         bool        // the last poll ended as the server kept silent
	late         bool        // the last poll waited for its slot for longer than the interval
	past         poll.Past   // what the polls before found out
	result       poll.Result // of the last poll
	saidDelay    bool
}

func newLoop(s *Supervisor, slots *slots, a Account) *loop {
	return &loop{supervisor: s, slots: slots, account: a, ended: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// run polls until waiting or ctx ends. A poll that has begun runs on when only
// waiting ends.
func (l *loop) run(ctx, waiting context.Context, delay time.Duration) {
	defer close(l.ended)
	defer l.leave()
	if l.before != nil {
		<-l.before.ended
	}
	next := l.first
	for l.sleep(waiting, delay) {
		// In a goroutine of its own, whose stack goes with it: ten thousand accounts that wait would keep as many grown ones.
		var turn sync.WaitGroup
		turn.Go(func() { delay = next(ctx, waiting) })
		turn.Wait()
		next = l.turn
	}
}

// sleep waits for d, or less when the loop is woken, and reports whether a poll is due: not when ctx ends.
func (l *loop) sleep(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return true
		case <-l.wake:
			t.Reset(min(d, max(l.untilLogin(), 0)))
		case <-ctx.Done():
			return false
		}
	}
}

// untilLogin is what is left of the time between two logins that the server announced.
func (l *loop) untilLogin() time.Duration {
	delay := l.result.LoginDelay
	return min(delay-l.supervisor.clock()().Sub(l.result.Ended), delay) // the clock may have been put back
}

// first waits, without a poll, for what is left of the time between two logins that the server announced to the loop
// before or, when there was none, to the process before. It and turn return the time to the next turn.
func (l *loop) first(ctx, waiting context.Context) time.Duration {
	now := l.supervisor.clock()()
	if l.before != nil {
		l.failedBefore = l.before.failures + l.before.failedBefore
	}
	switch before := l.before; {
	case before == nil:
		// An error comes back in the poll, and says more there.
		if host, err := l.supervisor.Ledger.Host(ctx, l.account.Addr); err == nil {
			l.result.LoginDelay = host.LoginDelay
			l.result.Ended, _ = l.supervisor.Ledger.LastPoll(ctx, l.account.Name)
		}
	case before.account.Owner() == l.account.Owner():
		l.result.LoginDelay, l.result.Ended, l.saidDelay, l.slow = before.result.LoginDelay, before.result.Ended, before.saidDelay, before.slow
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

// turn polls.
func (l *loop) turn(ctx, waiting context.Context) time.Duration {
	err := l.poll(ctx, waiting)
	if ctx.Err() != nil || errors.Is(err, context.Canceled) && waiting.Err() != nil {
		return 0 // for which nobody waits
	}
	delay := l.reschedule(err)
	l.observe(event.Scheduled{Account: l.account.Name, Next: l.supervisor.clock()().Add(delay), Failures: l.failures, Err: err})
	return delay
}

// reschedule returns the time to the next poll and reports a failure, at most
// once per kind in full: the same one again is only of interest to who debugs.
func (l *loop) reschedule(err error) time.Duration {
	log := l.log()
	if l.late && l.slots.lateIsDue(l.supervisor.clock()()) {
		log.Warn().Str("interval", l.account.Interval.String()).Int("max_concurrent", cap(l.slots.global)).Int("max_per_host", l.slots.perHost).
			Msg("polls come late: accounts wait for each other for longer than their interval")
	}
	if err == nil {
		if failures, again := l.worksAgain(); again {
			log.Info().Int("failures", failures).Msg("account works again")
		}
		if l.result.More {
			return l.result.LoginDelay + rand.N(l.account.Jitter+1) // or it would not have ended
		}
		if l.result.LoginDelay > l.account.Interval && !l.saidDelay {
			l.saidDelay = true
			log.Info().Str("interval", l.account.Interval.String()).Str("login_delay", l.result.LoginDelay.String()).Msg("server wants more time between two logins than interval, and gets it (CAPA LOGIN-DELAY)")
		}
		return max(l.account.Interval-l.account.Jitter+rand.N(2*l.account.Jitter+1), l.result.LoginDelay)
	}
	l.failures++
	delay := max(backoff(err, l.failures, l.account.Interval), l.result.LoginDelay)
	err = &AccountError{l.account.Name, err}
	level := zerolog.WarnLevel
	if _, stale := errors.AsType[*delivery.StaleError](err); stale || errors.Is(err, ledger.ErrDamaged) {
		level = zerolog.ErrorLevel // nothing gets better by waiting
	}
	if text := err.Error(); text == l.lastFailure {
		level = zerolog.DebugLevel
	} else {
		l.lastFailure = text
	}
	log.WithLevel(level).Err(err).Int("failures", l.failures).Time("next", l.supervisor.clock()().Add(delay)).Msg(ending(err))
	return delay
}

// poll waits for its slots and makes one visit.
func (l *loop) poll(ctx, waiting context.Context) (err error) {
	s := l.supervisor
	asked := s.clock()()
	l.observe(event.Waiting{Account: l.account.Name})
	slot, err := l.slots.acquire(waiting, l.account.Addr, l.slow)
	if err != nil {
		return err
	}
	l.late = !l.slow && s.clock()().Sub(asked) > l.account.Interval
	defer slot.release()
	l.observe(event.Started{Account: l.account.Name})
	defer func() {
		network, ok := errors.AsType[net.Error](err)
		l.slow = ok && network.Timeout()
		done := err
		if err == nil && l.result.Incomplete != nil {
			done = l.result.Incomplete
		}
		l.observe(event.Done{Account: l.account.Name, Err: done, Counts: l.result.Counts})
	}()
	l.result.Incomplete, l.result.Counts = nil, event.Counts{}

	lease, err := s.Ledger.Lease(ctx, l.account.Name, time.Now())
	if err != nil {
		return err
	}
	defer lease.Release()
	led := s.Ledger.Fenced(lease)
	sink, err := s.openSink(ctx, l.account, led)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	defer sink.Close()
	result, err := s.poller.Visit(ctx, poll.Visit{Account: &l.account.Account, Past: &l.past, Ledger: led, Sink: sink, Waiting: slot.waiting, Leaving: func() bool { return waiting.Err() != nil }})
	if !result.Ended.IsZero() { // it got to the server, or tried
		l.result = result
	}
	return err
}

func (l *loop) observe(e event.Event) {
	if l.supervisor.Observe != nil {
		l.supervisor.Observe(e)
	}
}

// sayWhatIsLeft tells who polls only once of what another poll would be made for.
func (l *loop) sayWhatIsLeft() {
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

func (l *loop) log() zerolog.Logger {
	return l.supervisor.Log.With().Str("account", l.account.Name).Logger()
}
