package fetcher

import (
	"context"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/pop3"
)

// A server that can't get at a message may send its beginning, or nothing, and end it as if that were
// all. LIST tells; but some servers have sizes of their own there (ten times too many octets, or
// attachments that RETR leaves out), so it is believed only of those that have been right before.

const (
	// exactAgain is how often it is noted that a server's sizes are right, exactLasts for how long that is
	// believed: the server may be another one some day.
	exactAgain = 24 * time.Hour
	exactLasts = 30 * 24 * time.Hour
	// shortLeast is how many octets must be missing: a message that is hardly there may be counted in many ways.
	shortLeast = 128
)

// noteSizes finds out whether the server's sizes mean something. Of an empty message nobody can tell.
func (p *poll) noteSizes(batch []received) {
	for _, r := range batch {
		if r.octets > 0 {
			p.exactly = p.exactly || r.octets == r.entry.size
			p.inexact = p.inexact || r.octets != r.entry.size
		}
	}
}

// tooShort reports whether a message has come in less than half the octets that LIST says, or none, and the
// server's sizes mean something. In quarantine goes whatever comes.
func (p *poll) tooShort(r received) bool {
	size := r.entry.size
	switch {
	case r.known != unknown, isRaw(r.message), size > p.maxMessage(), size-r.octets < shortLeast:
		return false
	case p.exact || p.exactly:
		return r.octets < size/2
	}
	return r.octets == 0 && !p.inexact
}

// maybeCut reports whether a message came shorter than listed where the attempt before fell out of step. What a
// mail has behind a lone dot may look like the replies to all that is asked then; its length does not. inexact
// says that others' sizes were wrong, too.
func (p *poll) maybeCut(r received, inexact bool) bool {
	return p.outOfStep && (p.exact || !inexact) && r.octets < r.entry.size && r.known == unknown && !isRaw(r.message)
}

// noteCut has a message read again as from a server that stuffs no dots.
func (p *poll) noteCut(ctx context.Context, l *listing, r received) error {
	p.failed++
	if !r.entry.nameless() {
		p.unkept++
	}
	return p.noteFailure(ctx, l, r.entry, fmt.Errorf("%d octets came of the %d that LIST says: it may have been %s", r.octets, r.entry.size, pop3.CutAtLoneDot), afterBreak)
}

// noteShort counts an attempt, and has the message kept as it is after the last. One without a UIDL is
// left on the server.
func (p *poll) noteShort(ctx context.Context, l *listing, r received) error {
	p.failed++
	cause := fmt.Errorf("%d octets came of the %d that LIST says", r.octets, r.entry.size)
	if r.entry.nameless() {
		return p.noteFailure(ctx, l, r.entry, cause, afterBreak)
	}
	attempts, err := p.attempts(ctx, l, r.entry)
	if err != nil {
		return err
	}
	if attempts++; attempts >= p.maxAttempts() {
		p.quarantine = append(p.quarantine, quarantined{r.entry, fmt.Sprintf("%v (attempt %d)", cause, attempts)})
		return nil
	}
	p.unkept++
	return p.noteFailure(ctx, l, r.entry, cause, afterBreak)
}
