package fetcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
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

	failures     int
	failedBefore int // how often the loop that it replaces had failed
	lastFailure  string
	slot         *slot // of the poll under way
	slow         bool  // the last poll ended as the server kept silent
	late         bool  // the last poll waited for its slot for longer than the interval
	// loginDelay is what the server announced at the last poll; more, that this left something to do.
	loginDelay time.Duration
	visited    time.Time // when that was
	more       bool
	busy       bool // a poll did something
	putOff     int  // messages that failed before and were not due
	saidDelay  bool
	spared     map[ledger.Key]time.Time // until when these are not deleted
	muted      map[int]bool             // of the visit: see poll
	envelopes  envelopes                // of what may be deleted
	oversized  map[string]int64         // what the last poll left for its size: octets by UIDL
	undone     undone
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
	for sleep(waiting, delay) {
		// In a goroutine of its own, whose stack goes with it: ten thousand accounts that wait would keep as many grown ones.
		var turn sync.WaitGroup
		turn.Go(func() { delay = next(ctx, waiting) })
		turn.Wait()
		next = l.turn
	}
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
			l.loginDelay, l.visited = host.LoginDelay, LastPoll(l.supervisor.LockDir, l.account.Name)
		}
	case before.account.Owner() == l.account.Owner():
		l.loginDelay, l.visited, l.saidDelay, l.slow = before.loginDelay, before.visited, before.saidDelay, before.slow
	}
	l.before = nil
	left := min(l.loginDelay-now.Sub(l.visited), l.loginDelay) // the clock may have been put back
	if left <= 0 {
		return l.turn(ctx, waiting)
	}
	log := l.log()
	log.Info().Str("login_delay", l.loginDelay.String()).Time("next", now.Add(left)).Msg("first poll waits: the server wants more time between two logins (CAPA LOGIN-DELAY)")
	return left
}

// turn polls.
func (l *loop) turn(ctx, waiting context.Context) time.Duration {
	err := l.poll(ctx, waiting)
	if ctx.Err() != nil || errors.Is(err, context.Canceled) && waiting.Err() != nil {
		return 0 // for which nobody waits
	}
	return l.reschedule(err)
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
		if l.more {
			return l.loginDelay + rand.N(l.account.Jitter+1) // or it would not have ended
		}
		if l.loginDelay > l.account.Interval && !l.saidDelay {
			l.saidDelay = true
			log.Info().Str("interval", l.account.Interval.String()).Str("login_delay", l.loginDelay.String()).Msg("server wants more time between two logins than interval, and gets it (CAPA LOGIN-DELAY)")
		}
		return max(l.account.Interval-l.account.Jitter+rand.N(2*l.account.Jitter+1), l.loginDelay)
	}
	l.failures++
	delay := max(backoff(err, l.failures, l.account.Interval), l.loginDelay)
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
	if l.slot, err = l.slots.acquire(waiting, l.account.Addr, l.slow); err != nil {
		return err
	}
	l.late = !l.slow && s.clock()().Sub(asked) > l.account.Interval
	defer l.slot.release()
	defer func() {
		network, ok := errors.AsType[net.Error](err)
		l.slow = ok && network.Timeout()
		done := err
		if err == nil && l.undone.incomplete != nil {
			done = l.undone.incomplete
		}
		l.observe(Done{Account: l.account.Name, Err: done})
	}()

	unlock, err := lockAccount(s.LockDir, l.account.Name)
	if err != nil {
		return fmt.Errorf("lock account: %w", err)
	}
	defer unlock()
	notePoll(s.LockDir, l.account.Name, time.Now())
	sink, err := s.openSink(ctx, l.account)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	defer sink.Close()
	return l.visit(ctx, waiting, sink)
}

// visit makes a poll: again at once while each leaves something to do, and again, more simply, where one broke by
// what may be a bug of the server's.
func (l *loop) visit(ctx, waiting context.Context, sink delivery.Sink) error {
	s, addr, now, log := l.supervisor, l.account.Addr, l.supervisor.clock(), l.log()
	l.undone.incomplete, l.muted = nil, make(map[int]bool)
	started := now()
	since := started    // of the session
	var taken allowance // by those before it
	host, err := s.Ledger.Host(ctx, addr)
	if err != nil {
		return fmt.Errorf("read what is known of %s: %w", addr, err)
	}
	remembered := conceded(host, started)
	p := l.newPoll(sink, remembered, started.Sub(host.Exact) < exactLasts)
	var first, before error // of the first attempt, and of the one before
	for {
		err = p.run(ctx)
		l.visited = now()
		l.loginDelay, l.more, l.putOff = p.loginDelay, err == nil && p.again(), p.putOff
		simply := p.simply
		switch {
		case ctx.Err() != nil:
		case err != nil:
			simply = p.concede(err)
			if before != nil && p.step <= stepLogin {
				// Who has just been there may not be let in again; the cause is what came before.
				err = fmt.Errorf("%w; tried again at once: %w", before, err)
			}
		case l.more && waiting.Err() == nil && p.loginDelay == 0:
			l.report(p, now().Sub(since), nil)
			before = nil
			taken, since = p.taken, now()
			clear(l.muted) // what was deleted gave others new numbers
			p = l.newPoll(sink, simply, p.sizes.known())
			p.taken = taken
			continue
		}
		if simply == p.simply {
			break
		}
		if before = err; first == nil {
			first = err
		}
		// At once, as a process that polls once has no next poll.
		log.Info().Err(err).Bool("capa", !simply.withoutCapa).Bool("pipelining", !simply.unpipelined).Msg("server is asked again more simply")
		p = l.newPoll(sink, simply, p.sizes.known())
		p.taken = taken
		p.outOfStep = mailbox.OutOfStep(err)
	}
	if err == nil && p.simply != remembered && !p.silent {
		err = s.rememberConcession(ctx, addr, p.simply, first, now())
	}
	if err == nil && !p.simply.withoutCapa && p.loginDelay != host.LoginDelay {
		err = s.Ledger.SetLoginDelay(ctx, addr, p.loginDelay)
	}
	if p.sizes.exactly && started.Sub(host.Exact) > exactAgain && ctx.Err() == nil {
		if failed := s.Ledger.SetHost(ctx, addr, ledger.Host{Exact: started}); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	l.report(p, now().Sub(since), err)
	return err
}

func (l *loop) newPoll(sink delivery.Sink, simply concessions, exact bool) *poll {
	s := l.supervisor
	if l.spared == nil {
		l.spared = make(map[ledger.Key]time.Time)
	}
	s.common.memory.set(s.Memory)
	return &poll{
		account: l.account, slot: l.slot, ledger: s.Ledger, delivery: l.newDelivery(sink), log: l.log(), observe: l.observe, now: s.clock(),
		certificates: &s.certificates, common: &s.common, said: &s.expiry, undeleted: &s.undeleted, polled: s.polled, simply: simply, sizes: sizes{exact: exact},
		settled: make(map[int]bool), doubtful: make(map[int]ledger.Key), examined: make(map[int]bool), overdue: make(map[int]bool), noTop: simply.withoutTop, spared: l.spared, muted: l.muted,
		envelopes: &l.envelopes, readEnvelope: s.ReadEnvelope,
		knownOversized: l.oversized, oversized: make(map[string]int64),
	}
}

func (l *loop) newDelivery(sink delivery.Sink) *delivery.Delivery {
	d := l.supervisor.newDelivery(l.account, sink)
	if l.account.deletesAtOnce() {
		d.Committed = func(m *ledger.Message) { l.envelopes.remember(m.Key, delivery.EnvelopeOf(m)) }
	}
	d.File = func(m *ledger.Message, a ledger.Attachment) {
		l.observe(Delivered{Account: l.account.Name, UIDL: m.UIDL, Attachment: a})
	}
	return d
}

func (s *Supervisor) newDelivery(a Account, sink delivery.Sink) *delivery.Delivery {
	return &delivery.Delivery{
		Account: a.Name, Ledger: s.Ledger, Sink: sink, Log: s.Log.With().Str("account", a.Name).Logger(), Now: s.clock(),
		Policy: delivery.Policy{
			SkipDuplicates: a.SkipDuplicates, Delete: a.Delete, AtOnce: a.deletesAtOnce(), Empty: a.DeleteEmpty,
			QuarantineAge: a.QuarantineAge, QuarantineBytes: a.QuarantineBytes,
		},
	}
}

func (l *loop) observe(e Event) {
	if l.supervisor.Observe != nil {
		l.supervisor.Observe(e)
	}
}

// report logs what a poll did, and says once how many messages the account's policies leave on the server.
func (l *loop) report(p *poll, took time.Duration, err error) {
	log := l.log()
	event := log.Debug()
	deleted := p.deleted + p.deletedBefore
	if p.retrieved+p.failed+p.unkept+len(p.quarantine)+p.delivery.Tally.Copies+deleted > 0 {
		event, l.busy = log.Info(), true
	}
	event = event.Int("messages", p.retrieved).Int("attachments", p.delivery.Tally.Delivered).Int("failed", p.failed).Int("deleted", deleted).Int("without_file", p.stay()).Int("not_read_right", p.stayUnread()).
		Int("quarantined", len(p.quarantine)+p.delivery.Tally.Copies).Int("left", p.left).Int("received_before", p.delivery.Tally.LeftOut)
	l.countQuarantine(event).Dur("dur_ms", took).Bool("complete", err == nil && p.incomplete() == nil).Msg("poll done")
	if n := len(p.oversized); n > 0 && n != len(l.oversized) {
		some := slices.Sorted(maps.Keys(p.oversized))
		for i, uidl := range some {
			some[i] = foreign.UIDL(uidl)
		}
		log.Warn().Int("messages", n).Strs("uidls", some[:min(n, 10)]).Int64("max_message_size", p.account.MaxMessageSize).Msg("left messages on the server that are too large")
	}
	if err == nil {
		l.envelopes.clear()
		l.oversized = p.oversized
		l.undone.incomplete = p.incomplete()
		l.sayUnfetchable(p, l.supervisor.clock()())
	}
}

// sayWhatIsLeft tells who polls only once of what another poll would be made for.
func (l *loop) sayWhatIsLeft() {
	log := l.log()
	if l.more {
		log.Warn().Str("login_delay", l.loginDelay.String()).Msg("something is left for another run: the server wants that much time between two logins (CAPA LOGIN-DELAY)")
	}
	if left := l.undone.incomplete; left != nil && left.NoRoom > 0 {
		log.Warn().Int("messages", left.NoRoom).Msg("messages stay on the server: something of them could not be read right, and the quarantine has no room for them (quarantine.max_bytes); attachd state check lists them")
	}
	if l.putOff > 0 {
		log.Warn().Int("messages", l.putOff).Msg("messages that failed before were not due yet and are left for another run; attachd state check lists them")
	}
}

func (l *loop) log() zerolog.Logger {
	return l.supervisor.Log.With().Str("account", l.account.Name).Logger()
}
