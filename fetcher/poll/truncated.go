package poll

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// A server that can't get at a message may send its beginning, or nothing, and end it as if that were all. LIST tells, as far as
// its sizes mean something (see sizes): such a message is asked for again, and never deleted while it stays as short. Where the
// sizes are known to be right, it goes to quarantine in the end. Where nothing is known of them, it is delivered, as they may be
// the server's own.

// isTruncated reports whether a message has been cut, as far as LIST can tell. In quarantine goes whatever comes.
func (p *poll) isTruncated(r received) bool {
	return r.known == identity.Unknown && !delivery.IsRaw(r.message) && r.entry.Size <= p.Account.maxMessage() && p.sizes.truncated(r)
}

// maybeCut reports whether a message came shorter than listed where the attempt before fell out of step. What a
// mail has behind a lone dot may look like the replies to all that is asked then; its length does not. differ
// says that others' sizes were wrong, too.
func (p *poll) maybeCut(r received, differ bool) bool {
	return p.outOfStep && (p.sizes.exact || !differ) && r.octets < r.entry.Size && r.known == identity.Unknown && !delivery.IsRaw(r.message)
}

// wholeOctets is how many octets a message has that was cut before, 0 for one that was not.
func (p *poll) wholeOctets(number int) int64 { return p.matcher.Difference.Unstuffed[number] }

// noteCut has a message read again as from a server that stuffs no dots.
func (p *poll) noteCut(ctx context.Context, r received) error {
	p.failed++
	if !r.entry.IsNameless() {
		p.unkept++
	}
	return p.noteFailure(ctx, r.entry, fmt.Errorf("%w: it may have been %s", ledger.CameShort(r.octets, r.entry.Size), p.mailbox.Traits().Cut), afterBreak)
}

// noteTruncated counts an attempt, and reports whether the message is delivered as it is after the last, to stay on the server. Where
// the sizes are known to be right it is quarantined then, and one without a UIDL is left on the server.
func (p *poll) noteTruncated(ctx context.Context, r received) (deliver bool, err error) {
	p.failed++
	cause := ledger.CameShort(r.octets, r.entry.Size)
	exact := p.sizes.known() || r.octets == 0
	if r.entry.IsNameless() {
		if !exact {
			p.leaveTruncated(r)
			return true, nil
		}
		return false, p.noteFailure(ctx, r.entry, cause, afterBreak)
	}
	failures, err := p.failures(ctx, r.entry)
	if err != nil {
		return false, err
	}
	before := failures[r.entry.Number]
	switch attempts := before.Attempts + 1; {
	case exact && attempts >= p.Account.maxAttempts(), delivery.IsPiece(r.message) && attempts >= p.Account.maxAttempts():
		p.quarantine = append(p.quarantine, quarantined{r.entry, fmt.Sprintf("%v (attempt %d)", cause, attempts)})
		return false, nil
	case !exact && !delivery.IsPiece(r.message) && (attempts >= p.Account.maxAttempts() || before.Reason == cause.Error()):
		p.leaveTruncated(r)
		return true, nil
	}
	p.unkept++
	return false, p.noteFailure(ctx, r.entry, cause, afterBreak)
}

// leaveTruncated has a message stay on the server, whatever is to be deleted, and says so.
func (p *poll) leaveTruncated(r received) {
	r.message.Unread = true
	if r.message.Reason == "" {
		r.message.Reason = ledger.CameShort(r.octets, r.entry.Size).Error()
	}
	delivery.Show(r.message.Envelope).To(p.log.Warn().Str("uidl", foreign.UIDL(p.uidl(r.entry))).Int64("received", r.octets).Int64("listed", r.entry.Size)).
		Msg("message delivered as it came, shorter than LIST says: it may have been cut, and is never deleted on the server; look at it there with another program")
}
