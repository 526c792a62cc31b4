package poll

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// A server that can't get at a message may send its beginning, or nothing, and end it as if it
// were complete. Such a message is called truncated here; one that ended at an unstuffed dot is
// called cut. LIST tells, as far as its sizes mean something (see sizes). A truncated message
// is asked for again:
//
//   - Where the sizes are known to be right, it goes to quarantine in the end.
//   - Where nothing is known of them, it is delivered, because the server may count in its own
//     way. It is never deleted on the server.

// isTruncated reports whether a message is truncated, as far as LIST can tell. For quarantine,
// any length will do, and for a store that says with each message how long it is.
func (p *poll) isTruncated(r received) bool {
	return p.mailbox.Traits().Cut != "" && r.known == identity.Unknown && !delivery.IsRaw(r.message) && r.entry.Size <= p.Account.maxMessage() && p.fetch.sizes.truncated(r)
}

// maybeCut reports whether a message may have ended at an unstuffed dot: it came shorter than
// listed, and the session before fell out of step. The text behind the dot may look like the
// replies to whatever is asked then, and only the length gives it away. differ says that other
// messages had wrong sizes, too.
func (p *poll) maybeCut(r received, differ bool) bool {
	return p.mailbox.Traits().Cut != "" && p.outOfStep && (p.fetch.sizes.exact || !differ) && r.octets < r.entry.Size && r.known == identity.Unknown && !delivery.IsRaw(r.message)
}

// wholeOctets returns the octets of a message that was cut before, 0 for any other.
func (p *poll) wholeOctets(number int) int64 { return p.matcher.Difference.Unstuffed[number] }

// noteCut has a message read again, as from a server that stuffs no dots.
func (p *poll) noteCut(ctx context.Context, r received) error {
	p.fetch.failed++
	if !r.entry.IsNameless() {
		p.fetch.unkept++
	}
	return p.noteFailure(ctx, r.entry, fmt.Errorf("%w: it may have been %s", ledger.CameShort(r.octets, r.entry.Size), p.mailbox.Traits().Cut), afterBreak)
}

// noteTruncated records an attempt at a truncated message. deliver says that it was the last
// one, and the message is delivered as it is, to stay on the server. Where the sizes are known
// to be right, the message goes to quarantine instead; one without a UIDL is left on the
// server.
func (p *poll) noteTruncated(ctx context.Context, r received) (deliver bool, err error) {
	p.fetch.failed++
	cause := ledger.CameShort(r.octets, r.entry.Size)
	exact := p.fetch.sizes.known() || r.octets == 0
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
		p.fetch.quarantine = append(p.fetch.quarantine, quarantined{r.entry, fmt.Sprintf("%v (attempt %d)", cause, attempts)})
		return false, nil
	case !exact && !delivery.IsPiece(r.message) && (attempts >= p.Account.maxAttempts() || before.Reason == cause.Error()):
		p.leaveTruncated(r)
		return true, nil
	}
	p.fetch.unkept++
	return false, p.noteFailure(ctx, r.entry, cause, afterBreak)
}

// leaveTruncated has a message stay on the server after its delivery, whatever the policy
// deletes, and warns of it.
func (p *poll) leaveTruncated(r received) {
	r.message.Unread = true
	if r.message.Reason == "" {
		r.message.Reason = ledger.CameShort(r.octets, r.entry.Size).Error()
	}
	delivery.Show(r.message.Envelope).To(p.log.Warn().Str("uidl", foreign.UIDL(p.uidl(r.entry))).Int64("received", r.octets).Int64("listed", r.entry.Size)).
		Msg("message delivered as it came, shorter than LIST says: it may have been cut, and is never deleted on the server; look at it there with another program")
}
