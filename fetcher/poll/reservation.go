package poll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
)

// promised is the room on the disk, in octets, that sessions were allotted and have not used
// yet. It counts for all accounts together, because their folders are on one disk as a rule:
// otherwise several sessions would count on the same room.
type promised struct {
	mu     sync.Mutex
	octets int64 // guarded by mu
}

// giveRoom gives back room of this session that is used by now, or not needed any more.
func (p *poll) giveRoom(octets int64) {
	octets = min(max(octets, 0), p.share.octets)
	p.share.octets -= octets
	promised := &p.poller.promised
	promised.mu.Lock()
	defer promised.mu.Unlock()
	promised.octets -= octets
}

// listed returns the octets of a message by LIST, 0 if they are not known.
func (p *poll) listed(e identity.Entry) int64 {
	if e.Size > p.Account.maxMessage() {
		return 0 // no message is that large: the server counts in its own way
	}
	return max(e.Size, 0)
}

// takes returns the octets that a message may take on the disk: those that stay, and those of a
// copy that is there while the message is read. There is one such copy at a time.
func (p *poll) takes(e identity.Entry) (stays, copied int64) {
	size, a := p.listed(e), p.Account
	switch oversize := a.MaxMessageSize > 0 && e.Size > a.MaxMessageSize; {
	case oversize:
		return size, 0
	case a.Copies == delivery.CopiesAlways:
		return 2 * size, 0
	case a.Copies == delivery.CopiesInDoubt:
		return size, size
	}
	return size, 0
}

// withoutRoom decides what becomes of a message that found no room on the disk while it was
// staged. Nothing of it is left there.
//
//   - The message was staged alone, and there is room for the octets that LIST says, and for a
//     copy if one is made: it is at fault, because a small message may unpack to any size, or
//     have no end. It is tried again later. After the last attempt it goes to quarantine, or
//     stays on the server if even that has no room.
//   - Otherwise nobody knows. The session ends behind the batch, so that earlier messages are
//     kept, and the next session begins with this message.
func (p *poll) withoutRoom(ctx context.Context, b *batch, e identity.Entry, cause error) error {
	free, err := p.delivery.Sink.Free(ctx)
	alone := len(b.staged) == 0 && p.delivery.Idle()
	stays, copied := p.takes(e)
	if err != nil || !alone || free-p.Account.MinFree <= stays+copied {
		if b.full == nil {
			b.full = errors.Join(fmt.Errorf("keep message %d (UIDL %q) of %s: %w", e.Number, p.uidl(e), p.Account.Addr, cause), err)
		}
		return nil
	}
	p.fetch.failed++
	cause = fmt.Errorf("message alone does not fit on the disk: %w", cause)
	attempts, err := p.attempts(ctx, e)
	if err != nil {
		return err
	}
	kept := slices.ContainsFunc(p.fetch.quarantine, func(q quarantined) bool { return q.entry.Number == e.Number })
	if attempts++; attempts >= p.Account.maxAttempts() && !kept && !e.IsNameless() {
		p.fetch.quarantine = append(p.fetch.quarantine, quarantined{e, fmt.Sprintf("%v (attempt %d)", cause, attempts)})
		return nil
	}
	p.fetch.unkept++
	return p.noteFailure(ctx, e, cause, retryWait)
}
