package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// ErrStillDoubtful: what is in quarantine still can't be read right, so that it stays there.
var ErrStillDoubtful = errors.New("still can't be read right")

// Retry takes a message in quarantine apart again and delivers it by the five steps that a
// fetched one goes through. It returns what was delivered, with the files that were delivered before; nil if nothing was. When the message
// is still at fault, it stays where it is, with the error as its reason.
//
// Of a message that was delivered, and is in quarantine as something of it could not be read right, only those files are
// delivered that were not before, byte for byte. It leaves the quarantine when all of it can be read, and else fails with an
// [ErrStillDoubtful], whatever was delivered. So does one of an account that will delete it on the server.
//
// Killed before the ledger knows its files, it is in quarantine as before; afterwards, the next
// poll or OpenQuarantine completes the delivery. The raw message is removed last: after a
// crash right then it stays, known to nobody.
func (q *Quarantine) Retry(ctx context.Context, m *ledger.Message) (*ledger.Message, error) {
	if len(m.Kept()) == 0 {
		return nil, fmt.Errorf("the state knows of no file that message %q is kept in", m.UIDL)
	}
	raw, err := OpenQuarantined(ctx, q.delivery.Sink.OpenFile, m)
	if err != nil {
		return nil, fmt.Errorf("read the message in quarantine: %w; %s", err, WhenLost(q.delivery.Account, m))
	}
	defer raw.Close()
	staged, err := q.delivery.Stage(ctx, m.UIDL, raw)
	if err != nil && ctx.Err() == nil && !DiskFault(err) {
		return nil, errors.Join(err, q.delivery.Ledger.StillQuarantined(ctx, q.delivery.Account, m.Key, foreign.FirstLine(err.Error())))
	}
	if err != nil {
		return nil, err
	}
	if staged.Waits != "" {
		return nil, q.waits(ctx, m, staged)
	}
	fresh, copied, err := q.fresh(ctx, m, staged.Attachments)
	if err != nil {
		return nil, err
	}
	was := m.State == ledger.Quarantined
	doubtful := staged.Doubtful && (copied || !staged.RawKept)
	stays := doubtful && (q.delivery.Policy.Delete || !was)
	if len(fresh) == 0 && !was {
		return q.nothingNew(ctx, m, staged.Reason, stays)
	}
	again := &ledger.Message{Key: m.Key, State: ledger.Delivered, Header: m.Header, MessageID: staged.MessageID, Envelope: staged.Envelope, Retried: true, Reason: staged.Reason, Unread: doubtful && !stays || ledger.WasShort(m.Reason)}
	again.Attachments = slices.Concat(delivered(m), fresh)
	staged.WaitsOrJoins(again)
	if stays {
		again.Attachments = append(again.Attachments, m.Kept()...)
	}
	if err := q.delivery.Commit(ctx, []*ledger.Message{again}); err != nil {
		return nil, err
	}
	if stays {
		return again, fmt.Errorf("%w, and stays in quarantine: %s", ErrStillDoubtful, staged.Reason)
	}
	return again, q.remove(ctx, m)
}

// waits ends the retry of a message that is a piece of another one, which is not whole yet. It goes to where pieces wait.
func (q *Quarantine) waits(ctx context.Context, m *ledger.Message, staged Staged) error {
	cause := errors.New(staged.Waits)
	if IsPiece(m) || m.State != ledger.Quarantined { // it has its place already, or had it
		return errors.Join(cause, q.delivery.Discard(ctx, staged.Attachments), q.delivery.Ledger.StillQuarantined(ctx, q.delivery.Account, m.Key, staged.Waits))
	}
	again := &ledger.Message{Key: m.Key, State: ledger.Delivered, Header: m.Header, MessageID: staged.MessageID, Envelope: staged.Envelope, Attachments: staged.Attachments, Retried: true}
	staged.WaitsOrJoins(again)
	if err := q.delivery.Commit(ctx, []*ledger.Message{again}); err != nil {
		return err
	}
	return errors.Join(cause, q.remove(ctx, m))
}

// nothingNew ends the retry of a message that was delivered, of which no other file came.
func (q *Quarantine) nothingNew(ctx context.Context, m *ledger.Message, reason string, stays bool) (*ledger.Message, error) {
	if !stays {
		if err := q.delivery.Ledger.Dropped(ctx, q.delivery.Account, m.Key, q.delivery.Now()); err != nil {
			return nil, err
		}
		return m, q.remove(ctx, m)
	}
	err := fmt.Errorf("%w, and nothing came of it that was not delivered before: %s; once you have looked at it, attachd quarantine drop removes it", ErrStillDoubtful, reason)
	return nil, errors.Join(err, q.delivery.Ledger.StillQuarantined(ctx, q.delivery.Account, m.Key, reason))
}

// delivered are the files of a message that do not lie in quarantine.
func delivered(m *ledger.Message) []ledger.Attachment {
	return slices.DeleteFunc(slices.Clone(m.Attachments), func(a ledger.Attachment) bool { return a.Quarantine })
}

// fresh returns those of the files staged that the message was not delivered with, and whether it was staged for
// quarantine once more. It discards the others.
func (q *Quarantine) fresh(ctx context.Context, m *ledger.Message, staged []ledger.Attachment) (fresh []ledger.Attachment, copied bool, err error) {
	type content struct {
		sum  [32]byte
		size int64
	}
	before := make(map[content]int)
	for _, a := range delivered(m) {
		before[content{a.SHA256, a.Size}]++
	}
	var known []ledger.Attachment
	for i := 0; i < len(staged); i++ {
		first := i
		if staged[i].Sidecar && i+1 < len(staged) {
			i++ // it goes the way of the attachment behind it
		}
		is := content{staged[i].SHA256, staged[i].Size}
		switch {
		case staged[i].Quarantine:
			copied = true
			known = append(known, staged[i])
		case before[is] > 0:
			before[is]--
			known = append(known, staged[first:i+1]...)
		default:
			fresh = append(fresh, staged[first:i+1]...)
		}
	}
	if err := q.delivery.Discard(ctx, known); err != nil {
		q.delivery.Discard(ctx, fresh)
		return nil, false, fmt.Errorf("discard what was delivered before: %w", err)
	}
	return fresh, copied, nil
}

// WhenLost says what to do about a message whose file in quarantine is not what was fetched.
func WhenLost(account string, m *ledger.Message) string {
	if m.State != ledger.Quarantined {
		return fmt.Sprintf("what came out of it was delivered: attachd quarantine drop %s %s gives the rest up", account, QuarantineID(m))
	}
	return fmt.Sprintf("attachd state forget --uidl '%s' %s has it fetched again", foreign.UIDL(m.UIDL), account)
}
