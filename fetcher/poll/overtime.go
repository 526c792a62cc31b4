package poll

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/identity"
)

// A session that has something to delete keeps a part of its time for that: otherwise it would
// retrieve messages until its time is over, and delete nothing, poll after poll. The mailbox knows
// how much time there is.
//
//   - After askFor, no more messages are asked for. Those that were asked for still come.
//   - After readFor, none is waited for. If some are still to come, the connection is dropped, as
//     the server answers nothing else before, and another session deletes.
const (
	askFor, readFor = 4, 5
	timeParts       = 8
)

// timeLeft returns how much time the session has left.
func (p *poll) timeLeft() time.Duration {
	if ends := p.mailbox.Ends(); !ends.IsZero() {
		return time.Until(ends)
	}
	return math.MaxInt64
}

// reserve keeps time for deletions from now on.
func (p *poll) reserve() {
	ends := p.mailbox.Ends()
	if ends.IsZero() || p.reserves() {
		return
	}
	now := time.Now()
	part := ends.Sub(now) / timeParts
	p.fetch.askUntil = now.Add(askFor * part)
	p.mailbox.Until(now.Add(readFor * part))
}

// reserves reports whether time is kept for deletions.
func (p *poll) reserves() bool { return !p.fetch.askUntil.IsZero() }

// asksNoMore reports whether no more messages are to be asked for, for want of time.
func (p *poll) asksNoMore() bool { return p.reserves() && time.Now().After(p.fetch.askUntil) }

// retrieveNew is retrieveEach for messages that can wait for the next poll. They do when the
// session's time comes to its end.
func (p *poll) retrieveNew(ctx context.Context, entries []identity.Entry, stage stage) error {
	return p.retrieveUnless(ctx, p.asksNoMore, entries, stage)
}

// owesDeletions reports whether a session had to drop the connection and kept time for deletions,
// which another one is to make.
func (p *poll) owesDeletions(err error) bool {
	return overtime(err) && p.step == stepRetrieve && p.reserves() && p.loginDelay == 0
}

// OvertimeError ends a visit that went well, and whose session had not enough time for all that
// there is to do. The next visit goes on with the rest.
type OvertimeError struct {
	// Addr is the server's address.
	Addr string
	// Unasked is how many messages are still to be retrieved, and Undeleted how many to be deleted.
	Unasked, Undeleted int
}

// Error says what is left.
func (e *OvertimeError) Error() string {
	var left []string
	if e.Unasked > 0 {
		left = append(left, fmt.Sprintf("%d messages to fetch", e.Unasked))
	}
	if e.Undeleted > 0 {
		left = append(left, fmt.Sprintf("%d messages to delete", e.Undeleted))
	}
	return fmt.Sprintf("poll %s: %s are left for the next poll, as the session's time is over (timeouts.session)", e.Addr, strings.Join(left, " and "))
}

// Limit returns "session": [session.Timeouts].Session is too short for the visit.
func (e *OvertimeError) Limit() string { return "session" }

// overtime returns what the session left because of its time, nil for nothing.
func (p *poll) overtime() error {
	if p.fetch.unasked+p.removal.late == 0 {
		return nil
	}
	return &OvertimeError{p.Account.Addr, p.fetch.unasked, p.removal.late}
}

// overtime reports whether a session ended because it took all the time that it may. That is
// nobody's fault, and the next visit goes on with the rest. A visit that got nothing done in all
// that time must not be repeated for ever: in a short session the first message is a batch of its
// own, and it is charged an attempt if it does not come.
func overtime(err error) bool {
	limited, ok := errors.AsType[interface {
		error
		Limit() string
	}](err)
	return ok && limited.Limit() == "session"
}
