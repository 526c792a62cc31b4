package poll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/attachd/attachd/fetcher/identity"
)

// promised is the room on the disk that polls were allotted and have not used yet. It counts for all accounts
// together, as their folders are on one disk as a rule: each for itself would take the same room for its own.
type promised struct {
	mu     sync.Mutex
	octets int64 // guarded by mu
}

// use gives back what of a poll's room is on the disk by now, or is not wanted any more.
func (p *poll) giveRoom(octets int64) {
	octets = min(max(octets, 0), p.share.octets)
	p.share.octets -= octets
	promised := &p.poller.promised
	promised.mu.Lock()
	defer promised.mu.Unlock()
	promised.octets -= octets
}

// withoutRoom settles what becomes of a message that the disk had no room for while it was staged, of which nothing is left
// there. Where it was alone, and there is room for what LIST says, the message is at fault, as a small one may unpack to any size, or
// have no end: it is tried again later, and kept as it is after the last attempt, or left on the server where even that
// finds no room. Else nobody knows, and the poll ends behind the batch, so that what came before is kept: at the next one, the message
// comes first.
func (p *poll) withoutRoom(ctx context.Context, b *batch, e identity.Entry, cause error) error {
	free, err := p.delivery.Sink.Free(ctx)
	alone := len(b.staged) == 0 && p.delivery.Idle()
	if err != nil || !alone || free-p.Account.MinFree <= max(e.Size, 0) {
		if b.full == nil {
			b.full = errors.Join(fmt.Errorf("keep message %d (UIDL %q) of %s: %w", e.Number, p.uidl(e), p.Account.Addr, cause), err)
		}
		return nil
	}
	p.failed++
	cause = fmt.Errorf("message alone does not fit on the disk: %w", cause)
	attempts, err := p.attempts(ctx, e)
	if err != nil {
		return err
	}
	kept := slices.ContainsFunc(p.quarantine, func(q quarantined) bool { return q.entry.Number == e.Number })
	if attempts++; attempts >= p.Account.maxAttempts() && !kept && !e.IsNameless() {
		p.quarantine = append(p.quarantine, quarantined{e, fmt.Sprintf("%v (attempt %d)", cause, attempts)})
		return nil
	}
	p.unkept++
	return p.noteFailure(ctx, e, cause, retryWait)
}
