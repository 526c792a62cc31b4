package poll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// The waits after failures double from retryFirst to retryMax. The messages behind a failed one
// are not held up.
const (
	retryFirst = 5 * time.Minute
	retryMax   = ledger.LongestWait
	// longestWait is the longest wait after a server asked for fewer requests, which is not the
	// message's fault.
	longestWait = time.Hour
)

// afterBreak returns the wait after a failure that may have been chance, by the number of
// attempts before: none at first, then longer and longer. A server that breaks at the same
// message each time thus lets the others through.
func afterBreak(attempts int) time.Duration {
	if attempts == 0 {
		return 0
	}
	return retryFirst << min(attempts-1, 16)
}

// blame records against a message that the line broke within it or its files could not be
// staged, unless the file system refused them: see [poll.stage]. It returns cause, with what failed
// besides.
func (p *poll) blame(ctx context.Context, e identity.Entry, body *boundedReader, cause error) error {
	fault, _ := delivery.FaultOf(cause)
	if ctx.Err() != nil || body.err == nil && fault != delivery.NoFault || mailbox.Broken(cause) && !p.charges(cause, p.fetch.begun == 1) {
		return cause // not the message's fault, or not known yet, or tried again without pipelining
	}
	if err := p.noteFailure(ctx, e, cause, afterBreak); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// charges reports whether a message is charged an attempt when the line breaks at it. first says
// that it is the first of the session.
func (p *poll) charges(cause error, first bool) bool {
	if overtime(cause) {
		return first
	}
	return p.fallback.unpipelined
}

// noteRefused records the messages of a batch whose RETR the server refused. A later poll asks
// for them again.
func (p *poll) noteRefused(ctx context.Context, b *batch) (err error) {
	if len(b.refused) == 0 {
		return nil
	}
	p.fetch.failed += len(b.refused)
	var entries []identity.Entry
	for i := range b.refused {
		entries = append(entries, b.entries[i])
	}
	before, err := p.failures(ctx, entries...)
	if err != nil {
		return err
	}
	for i, cause := range b.refused {
		longest := retryMax
		if reply, ok := mailbox.Refused(cause); ok && reply.Throttled() {
			longest = longestWait // not the message's fault: its turn comes when the server says so
			p.rest.throttled = true
		}
		e := b.entries[i]
		err = errors.Join(err, p.noteAttempt(ctx, e, before[e.Number].Attempts, cause, func(attempts int) time.Duration { return min(retryWait(attempts), longest) }))
	}
	return err
}

// noteFailure records that a message could not be retrieved, and when to try it again. wait
// returns how long to wait, by the number of attempts before.
func (p *poll) noteFailure(ctx context.Context, e identity.Entry, cause error, wait func(attempts int) time.Duration) error {
	attempts, err := p.attempts(ctx, e)
	if err != nil {
		return err
	}
	return p.noteAttempt(ctx, e, attempts, cause, wait)
}

// noteAttempt is noteFailure where the number of attempts before is known.
func (p *poll) noteAttempt(ctx context.Context, e identity.Entry, attempts int, cause error, wait func(attempts int) time.Duration) error {
	if e.IsNameless() {
		// There is no key to record it by. Such messages come in another order at each poll, so
		// one that breaks the line lets the others through.
		p.log.Warn().Int("number", e.Number).Err(cause).Msg("message without a UIDL not retrieved")
		return nil
	}
	uidl := p.uidl(e)
	if u, ok := p.fetch.copying[e.Number]; ok {
		p.putOffCopy(u) // its record says that it was delivered
		p.log.Warn().Str("uidl", foreign.UIDL(uidl)).Err(cause).Msg("message not retrieved for its copy in quarantine")
		return nil
	}
	next := p.poller.now().Add(min(wait(attempts), retryMax))
	if err := p.Ledger.Failed(ctx, p.Account.Name, p.key(e), cause.Error(), next); err != nil {
		return fmt.Errorf("record the failure of UIDL %q: %w", uidl, err)
	}
	if poll := p.poller.now().Add(p.Account.Interval); next.Before(poll) {
		next = poll // for the log: nobody polls before that
	}
	p.log.Warn().Str("uidl", foreign.UIDL(uidl)).Int("attempt", attempts+1).Time("next", next).Err(cause).Msg("message not retrieved")
	return nil
}

// attempts returns how often a message has failed before.
func (p *poll) attempts(ctx context.Context, e identity.Entry) (int, error) {
	before, err := p.failures(ctx, e)
	return before[e.Number].Attempts, err
}

// failures returns the records of messages that have failed before, by number.
func (p *poll) failures(ctx context.Context, entries ...identity.Entry) (map[int]ledger.Record, error) {
	return p.matcher.Recorded(ctx, slices.DeleteFunc(slices.Clone(entries), identity.Entry.IsNameless))
}

// retryWait returns the wait after a failure that was no chance, by the number of attempts
// before.
func retryWait(attempts int) time.Duration { return min(retryFirst<<min(attempts, 16), retryMax) }
