package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// ErrStillDoubtful reports that something of a message still can't be read right, so that the
// message stays in quarantine.
var ErrStillDoubtful = errors.New("still can't be read right")

// Retry takes a message in quarantine apart again and delivers it by the five steps. It returns the
// message with the files that were delivered now and before, nil if no file is new. The cases are:
//
//   - The message is at fault as before: it stays in quarantine, with the error as its reason.
//   - It was not delivered, and can be read now: it is delivered and leaves the quarantine.
//   - It was delivered, and its copy can be read now: the files that differ from those delivered
//     are delivered too, and the copy leaves the quarantine.
//   - Something of it still can't be read right, and it was delivered or the account deletes: the
//     new files are delivered, the message stays, and the error is [ErrStillDoubtful].
//   - It is a piece of a larger message: it waits in PartialFolder, and the error says for what.
//
// After a crash before the ledger knows the files, the message is in quarantine as before. After a
// later one, the next poll or OpenQuarantine completes the delivery. The quarantine's file is
// removed last. A crash just before that leaves the file, and no record names it.
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
	if fault, _ := FaultOf(err); err != nil && ctx.Err() == nil && fault != DiskFault {
		return nil, errors.Join(err, q.delivery.Ledger.StillQuarantined(ctx, q.delivery.Account, m.Key, foreign.FirstLine(err.Error())))
	}
	if err != nil {
		return nil, err
	}
	if staged.Waits != "" {
		return nil, q.keepPiece(ctx, m, staged)
	}
	added, copied, err := q.notDelivered(ctx, m, staged.Attachments)
	if err != nil {
		return nil, err
	}
	was := m.State == ledger.Quarantined
	doubtful := staged.Doubtful && (copied || !staged.RawKept)
	stays := doubtful && (q.delivery.Policy.Delete || !was)
	if len(added) == 0 && !was {
		return q.nothingNew(ctx, m, staged.Reason, stays)
	}
	again := &ledger.Message{Key: m.Key, State: ledger.Delivered, Header: m.Header, MessageID: staged.MessageID, Envelope: staged.Envelope, Retried: true, Reason: staged.Reason, Unread: doubtful && !stays || ledger.WasShort(m.Reason)}
	again.Attachments = append(m.NotKept(), added...)
	if was {
		again.LeftOut = staged.LeftOut
	}
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

// keepPiece ends the retry of a piece when other pieces are missing. It moves the piece to
// PartialFolder.
func (q *Quarantine) keepPiece(ctx context.Context, m *ledger.Message, staged Staged) error {
	cause := errors.New(staged.Waits)
	if IsPiece(m) || m.State != ledger.Quarantined { // it is there already, or was
		return errors.Join(cause, q.delivery.Discard(ctx, staged.Attachments), q.delivery.Ledger.StillQuarantined(ctx, q.delivery.Account, m.Key, staged.Waits))
	}
	again := &ledger.Message{Key: m.Key, State: ledger.Delivered, Header: m.Header, MessageID: staged.MessageID, Envelope: staged.Envelope, Attachments: staged.Attachments, Retried: true}
	staged.WaitsOrJoins(again)
	if err := q.delivery.Commit(ctx, []*ledger.Message{again}); err != nil {
		return err
	}
	return errors.Join(cause, q.remove(ctx, m))
}

// nothingNew ends the retry of a message that was delivered before and has no further file.
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

// notDelivered returns the staged files that the message was not delivered with, and discards the
// others. copied reports whether the sink staged another copy for quarantine.
func (q *Quarantine) notDelivered(ctx context.Context, m *ledger.Message, staged []ledger.Attachment) (added []ledger.Attachment, copied bool, err error) {
	before := m.NotKept()
	var known []ledger.Attachment
	for i := 0; i < len(staged); i++ {
		first := i
		if staged[i].Sidecar && i+1 < len(staged) {
			i++ // the attachment behind a sidecar decides
		}
		was := slices.IndexFunc(before, func(b ledger.Attachment) bool { return b.Size == staged[i].Size && b.Digests.Same(&staged[i].Digests) })
		switch {
		case staged[i].Quarantine:
			copied = true
			known = append(known, staged[i])
		case was >= 0:
			before = slices.Delete(before, was, was+1)
			known = append(known, staged[first:i+1]...)
		default:
			added = append(added, staged[first:i+1]...)
		}
	}
	if err := q.delivery.Discard(ctx, known); err != nil {
		q.delivery.Discard(ctx, added)
		return nil, false, fmt.Errorf("discard what was delivered before: %w", err)
	}
	return added, copied, nil
}

// WhenLost returns advice for the operator when the file of a message in quarantine is damaged or
// gone.
func WhenLost(account string, m *ledger.Message) string {
	if m.State != ledger.Quarantined {
		return fmt.Sprintf("what came out of it was delivered: attachd quarantine drop %s %s gives the rest up", account, QuarantineID(m))
	}
	return fmt.Sprintf("attachd state forget --uidl '%s' %s has it fetched again", foreign.UIDL(m.UIDL), account)
}
