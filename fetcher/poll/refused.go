package poll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/identity"
)

// mostMisplaced is how many messages in a row may find no place for a file. If there are more, a
// template most likely sends all of them there: the session ends with the error before it has read
// a whole mailbox in vain.
const mostMisplaced = 3

// refusedByDisk decides what becomes of a message whose files could not be staged. Nothing of it is
// left on the disk. It returns cause if the session is to end.
//
//   - The file system refuses a file of this message ([delivery.FileFault]): it is tried again
//     later. After the last attempt it goes to quarantine, or stays on the server if that refuses
//     it, too. The session goes on with the messages behind it.
//   - There is no room: see withoutRoom.
//   - Otherwise any message would fail.
func (p *poll) refusedByDisk(ctx context.Context, b *batch, e identity.Entry, cause error) error {
	if DiskFull(cause) {
		return p.withoutRoom(ctx, b, e, cause)
	}
	fault, advice := delivery.FaultOf(cause)
	if fault != delivery.FileFault {
		return cause
	}
	if !errors.Is(cause, syscall.EFBIG) {
		p.fetch.misplaced++
	}
	advised := fmt.Errorf("%w: %s", cause, advice)
	p.fetch.refused = cmp.Or(p.fetch.refused, advised)
	err := p.tryLater(ctx, e, advised)
	if err == nil && p.fetch.misplaced > mostMisplaced {
		err = cause
	}
	return err
}

// withoutRoom decides what becomes of a message that found no room on the disk while it was
// staged.
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
	return p.tryLater(ctx, e, fmt.Errorf("message alone does not fit on the disk: %w", cause))
}

// tryLater records that a message can't be kept, or notes it for quarantine after its last attempt.
func (p *poll) tryLater(ctx context.Context, e identity.Entry, cause error) error {
	p.fetch.failed++
	attempts, err := p.attempts(ctx, e)
	if err != nil {
		return err
	}
	kept := slices.ContainsFunc(p.fetch.quarantine, func(q quarantined) bool { return q.entry.Number == e.Number })
	_, delivered := p.fetch.copying[e.Number]
	if attempts++; attempts >= p.Account.maxAttempts() && !kept && !delivered && !e.IsNameless() {
		p.fetch.quarantine = append(p.fetch.quarantine, quarantined{e, fmt.Sprintf("%v (attempt %d)", cause, attempts)})
		return nil
	}
	p.fetch.unkept++
	return p.noteFailure(ctx, e, cause, retryWait)
}
