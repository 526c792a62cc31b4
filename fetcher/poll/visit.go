package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// Visit is one visit to one mailbox. Its sessions follow one another at once as long as each
// leaves something to do. A session that broke where a server's bug may be the reason is made
// again, with a fallback.
type Visit struct {
	Account *Account
	Past    *Past
	// Ledger is the record, for the holder of the account's lease.
	Ledger Ledger
	Sink   delivery.Sink
	// Waiting, unless nil, is called with true before each wait for the server, and with false
	// after it.
	Waiting func(waits bool)
	// Leaving, unless nil, ends when the account has other settings or is polled no more. The session
	// under way commits the batch that is coming, asks for nothing more and sends no further DELE.
	// Its error then wraps [context.Canceled].
	Leaving context.Context
}

// Result is what a visit came to.
type Result struct {
	// Ended is when its last session ended.
	Ended time.Time
	// LoginDelay is the least time to the next login that the server announced (LOGIN-DELAY,
	// RFC 2449 section 6.5), 0 for none.
	LoginDelay time.Duration
	// LoggedIn says that one of its sessions logged in. LoginDelay is 0 without.
	LoggedIn bool
	// More says that another session can go on at once.
	More bool
	// PutOff is how many messages failed before and wait for their next attempt.
	PutOff int
	// Incomplete tells which messages a visit without an error has left, nil for none.
	Incomplete *IncompleteError
	// Counts is what all of its sessions did.
	Counts event.Counts
	unkept int
}

// Busy reports whether the visit retrieved or deleted any message, or tried to.
func (r *Result) Busy() bool { return busy(r.Counts, r.unkept) }

// busy answers for one session, or for all sessions of a visit. unkept messages were retrieved
// and count nowhere else.
func busy(c event.Counts, unkept int) bool {
	return c.Messages+c.Failed+unkept+c.Quarantined+c.Deleted > 0
}

// visit is a visit under way. Its sessions share it.
type visit struct {
	*Visit
	poller      *Poller
	log         zerolog.Logger
	muted       map[int]bool // numbers of messages whose UIDL does not end
	takenBefore allowance    // by the sessions that went well
	// deletedFirst says that a session of the visit deleted and left the fetching to the next.
	deletedFirst bool
	together     string // what is recorded of the server, see [ledger.Host]
	result       Result
}

// Visit makes a visit. Its error is that of the last session: of the connection, the server,
// the disk or the ledger. Messages that a visit without an error left are in
// [Result].Incomplete. Whatever Visit returns, what was committed stays so.
func (r *Poller) Visit(ctx context.Context, of Visit) (Result, error) {
	v := &visit{Visit: &of, poller: r, log: r.log(of.Account.Name), muted: make(map[int]bool)}
	if v.Leaving == nil {
		v.Leaving = context.Background()
	}
	if v.Past.spared == nil {
		v.Past.spared = make(map[ledger.Key]time.Time)
	}
	r.memory.set(r.Memory)
	err := v.run(ctx)
	return v.result, err
}

// run makes the sessions.
func (v *visit) run(ctx context.Context) error {
	r, addr := v.poller, v.Account.Addr
	started := r.now()
	since := started // beginning of the session, or of the first that broke
	limited := time.Now()
	host, err := v.Ledger.Host(ctx, addr)
	if err != nil {
		return fmt.Errorf("read what is known of %s: %w", addr, err)
	}
	v.together = host.Together
	remembered := recordedFallback(host, started)
	p := v.newPoll(remembered, started.Sub(host.Exact).Abs() < exactLasts)
	var first, before error // errors of the first session and of the one before
	var noted, late error
	for {
		err = p.fetch.stop.because(p.run(ctx))
		v.result.LoggedIn = v.result.LoggedIn || p.mailbox != nil
		v.result.Ended, v.result.LoginDelay, v.result.More, v.result.PutOff = r.now(), p.loginDelay, err == nil && p.again(), p.rest.putOff
		next := p.fallback
		switch {
		case ctx.Err() != nil, errors.Is(err, errLeft):
		case p.owesDeletions(err) && v.Leaving.Err() == nil:
			noted = errors.Join(noted, v.noteHost(ctx, p, host, started, err))
			v.report(p, r.now().Sub(since), err)
			late, before, since = err, nil, r.now()
			p = v.newPoll(next, p.fetch.sizes.known())
			p.deletesOnly, p.since = true, limited // in the rest of the time
			continue
		case err != nil:
			next = p.fallbackAfter(err)
			if before != nil && p.step <= stepLogin {
				// The server may refuse a second login so soon. The cause is what came before.
				err = fmt.Errorf("%w; tried again at once: %w", before, err)
			}
		case v.result.More && late == nil && v.Leaving.Err() == nil && p.loginDelay == 0:
			v.report(p, r.now().Sub(since), nil)
			before = nil
			v.takenBefore, since, limited = p.fetch.taken, r.now(), time.Now()
			clear(v.muted) // deletions changed the numbers
			next.removal = next.removal.grown()
			p = v.newPoll(next, p.fetch.sizes.known())
			continue
		}
		if next == p.fallback {
			break
		}
		if before = err; first == nil {
			first = err
		}
		// At once, because a process that polls once has no next poll.
		// What it delivered stays so. What it left or refused is counted with the next session.
		broken := p.counts()
		v.result.Counts.Add(event.Counts{Messages: broken.Messages, Attachments: broken.Attachments, LeftOut: broken.LeftOut, ReceivedBefore: broken.ReceivedBefore})
		v.log.Info().Err(err).Int("messages", broken.Messages).Int("attachments", broken.Attachments).Int("left_out", broken.LeftOut).Int("fetched_again", p.fetch.again).Bool("capa", !next.withoutCapa).Bool("pipelining", !next.unpipelined).Bool("with_login", !next.loginAlone).Msg("session broke: tried again at once, in server compatibility mode")
		noted = errors.Join(noted, v.noteHost(ctx, p, host, started, err))
		p = v.newPoll(next, p.fetch.sizes.known())
		p.outOfStep, p.since, p.deletesOnly = mailbox.OutOfStep(err), limited, late != nil
	}
	if err == nil && p.fallback != remembered && !p.removal.silent {
		err = r.recordFallback(ctx, v.Ledger, addr, p.fallback, remembered, first, r.now())
	}
	if failed := errors.Join(noted, v.noteHost(ctx, p, host, started, err)); failed != nil {
		err = errors.Join(err, failed)
	}
	switch {
	case late == nil:
	case err == nil:
		err = late
	default:
		err = fmt.Errorf("%w; then, to delete what was delivered: %w", late, err)
	}
	v.report(p, r.now().Sub(since), err)
	return err
}

// noteHost records what a session found out about the server, and at which message it breaks.
func (v *visit) noteHost(ctx context.Context, p *poll, host ledger.Host, started time.Time, err error) error {
	if ctx.Err() != nil || errors.Is(err, errLeft) {
		return nil // it is found out again
	}
	led, addr := v.Ledger, v.Account.Addr
	var failed error
	if err == nil && !p.fallback.withoutCapa && p.loginDelay != host.LoginDelay {
		failed = led.SetLoginDelay(ctx, addr, p.loginDelay)
	}
	var known ledger.Host
	if p.together {
		var forget bool
		if known, forget = v.noteTogether(ctx, p, err); forget {
			failed = errors.Join(failed, led.ForgetTogether(ctx, addr))
		}
	}
	if until := p.removal.blamed; !until.IsZero() {
		failed = errors.Join(failed, led.Spare(ctx, v.Account.Name, p.removal.brokeAt.key, until))
	}
	if p.fetch.sizes.exactly && started.Sub(host.Exact).Abs() > exactAgain {
		known.Exact = started
	}
	if known != (ledger.Host{}) {
		failed = errors.Join(failed, led.SetHost(ctx, addr, known))
	}
	return failed
}

// counts counts what a session did.
func (p *poll) counts() event.Counts {
	t := &p.delivery.Tally
	return event.Counts{
		Messages: p.fetch.retrieved, Attachments: t.Delivered, LeftOut: t.LeftOut, ReceivedBefore: t.ReceivedBefore, Failed: p.fetch.failed,
		Quarantined: len(p.fetch.quarantine) + t.Copies, Deleted: p.removal.deleted + p.removal.deletedBefore, Left: p.rest.left, TooLarge: p.rest.tooLarge,
	}
}

// report logs what a session did.
func (v *visit) report(p *poll, took time.Duration, err error) {
	c, past := p.counts(), v.Past
	line := v.log.Debug()
	if busy(c, p.fetch.unkept) {
		line = v.log.Info()
	}
	line = line.Int("messages", c.Messages).Int("attachments", c.Attachments).Int("failed", c.Failed).Int("deleted", c.Deleted).Int("without_file", p.stay()).Int("not_read_right", p.stayUnread()).
		Int("quarantined", c.Quarantined).Int("left", c.Left).Int("too_large", c.TooLarge).Int("left_out", c.LeftOut).Int("received_before", c.ReceivedBefore).Int("delivered_before", p.fetch.before).Int("fetched_again", p.fetch.again)
	v.countQuarantine(line).Dur("dur_ms", took).Bool("complete", err == nil && p.incomplete() == nil).Msg("poll done")
	if errors.Is(err, errLeft) {
		v.log.Info().Err(err).Msg("poll ended early: what is still to be fetched or deleted waits for the next one")
	}
	v.result.Counts.Add(c)
	v.result.unkept += p.fetch.unkept
	if err == nil {
		v.tellOversized(p.rest.oversized)
		past.envelopes.clear()
		past.oversized = p.rest.oversized
		past.consumed = true
		v.result.Incomplete = p.incomplete()
		v.sayUnfetchable(p.rest.unfetchable)
	}
}

// countQuarantine adds to a log line how many messages of the account are in quarantine.
func (v *visit) countQuarantine(line *zerolog.Event) *zerolog.Event {
	if !line.Enabled() {
		return line
	}
	counts, err := v.Ledger.QuarantineCounts(context.Background())
	if err != nil {
		return line.AnErr("in_quarantine", err)
	}
	return line.Int("in_quarantine", counts[v.Account.Name])
}

// sayUnfetchable warns of messages that can't be fetched: at once if the text is new, and once
// a day if it is not.
func (v *visit) sayUnfetchable(text string) {
	level := zerolog.DebugLevel
	if v.Past.unfetchable.isDue(text, v.poller.now()) {
		level = zerolog.WarnLevel
	}
	if text != "" {
		v.log.WithLevel(level).Str("reason", text).
			Msg("messages can't be fetched: they stay on the server; look at them there with another program")
	}
}
