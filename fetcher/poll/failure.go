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

// A message whose retrieval the server refuses is asked again after waits that
// double from retryFirst to retryMax; the messages behind it are not held up.
const (
	retryFirst = 5 * time.Minute
	retryMax   = 24 * time.Hour
	// longestWait is the longest that a server's wish to be asked for less puts off, as it is not the message's fault.
	longestWait = time.Hour
)

// afterBreak is the wait after a failure that may have been chance: none at first, and
// then longer and longer, so that the messages behind are not held up by a server that
// breaks at the same one every time.
func afterBreak(attempts int) time.Duration {
	if attempts == 0 {
		return 0
	}
	return retryFirst << min(attempts-1, 16)
}

// blame notes against a message that the line broke within it, or that its files could not
// be staged.
func (p *poll) blame(ctx context.Context, e identity.Entry, body *boundedReader, cause error) error {
	if ctx.Err() != nil || body.err == nil && delivery.DiskFault(cause) || !p.fallback.unpipelined && mailbox.Broken(cause) {
		return cause // the disk's fault, or nobody's, or the poll is made again one by one
	}
	if err := p.noteFailure(ctx, e, cause, afterBreak); err != nil {
		return errors.Join(cause, err)
	}
	return cause
}

// noteRefused handles the messages of a batch whose RETR was answered with -ERR: they are asked again at a later
// poll, and the others go on.
func (p *poll) noteRefused(ctx context.Context, b *batch) (err error) {
	if len(b.refused) == 0 {
		return nil
	}
	p.failed += len(b.refused)
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
			longest = longestWait // as it is not the message's fault, and its turn comes when the server thinks so
			p.throttled = true
		}
		e := b.entries[i]
		err = errors.Join(err, p.noteAttempt(ctx, e, before[e.Number].Attempts, cause, func(attempts int) time.Duration { return min(retryWait(attempts), longest) }))
	}
	return err
}

// noteFailure records that a message could not be retrieved and when it is to be
// tried again, which wait tells from the attempts before.
func (p *poll) noteFailure(ctx context.Context, e identity.Entry, cause error, wait func(attempts int) time.Duration) error {
	attempts, err := p.attempts(ctx, e)
	if err != nil {
		return err
	}
	return p.noteAttempt(ctx, e, attempts, cause, wait)
}

// noteAttempt is noteFailure where the attempts before are known.
func (p *poll) noteAttempt(ctx context.Context, e identity.Entry, attempts int, cause error, wait func(attempts int) time.Duration) error {
	if e.IsNameless() {
		// Nothing to remember it by. The order of such messages changes from poll to poll, so that
		// one that breaks the line lets the others have their turn.
		p.log.Warn().Int("number", e.Number).Err(cause).Msg("message without a UIDL not retrieved")
		return nil
	}
	uidl := p.uidl(e)
	if u, ok := p.copying[e.Number]; ok {
		p.putOffCopy(u) // as what is recorded of it is that it was delivered
		p.log.Warn().Str("uidl", foreign.UIDL(uidl)).Err(cause).Msg("message not retrieved for its copy in quarantine")
		return nil
	}
	next := p.poller.now().Add(min(wait(attempts), retryMax))
	if err := p.Ledger.Failed(ctx, p.Account.Name, p.key(e), cause.Error(), next); err != nil {
		return fmt.Errorf("record the failure of UIDL %q: %w", uidl, err)
	}
	if poll := p.poller.now().Add(p.Account.Interval); next.Before(poll) {
		next = poll // to be said: nobody comes before that
	}
	p.log.Warn().Str("uidl", foreign.UIDL(uidl)).Int("attempt", attempts+1).Time("next", next).Err(cause).Msg("message not retrieved")
	return nil
}

// attempts returns how often a message failed before.
func (p *poll) attempts(ctx context.Context, e identity.Entry) (int, error) {
	before, err := p.failures(ctx, e)
	return before[e.Number].Attempts, err
}

// failures returns what is recorded of messages that failed before, by their numbers.
func (p *poll) failures(ctx context.Context, entries ...identity.Entry) (map[int]ledger.Record, error) {
	return p.matcher.Recorded(ctx, slices.DeleteFunc(slices.Clone(entries), identity.Entry.IsNameless))
}

// retryWait is the wait after an attempt that was no chance.
func retryWait(attempts int) time.Duration { return min(retryFirst<<min(attempts, 16), retryMax) }
