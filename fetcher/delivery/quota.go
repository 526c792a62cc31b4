package delivery

import (
	"context"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// quota is the use of the account's quarantine.
type quota struct {
	bytes   int64 // in quarantine and promised to it; valid once counted
	counted bool
}

// Takes reports whether the quarantine has room for a message of this many octets under
// [Policy].QuarantineBytes. If so, it reserves the room.
func (d *Delivery) Takes(ctx context.Context, octets int64) (bool, error) {
	most := d.Policy.QuarantineBytes
	if most <= 0 {
		return true, nil
	}
	if !d.quota.counted {
		n, err := d.Ledger.QuarantineBytes(ctx, d.Account)
		if err != nil {
			return false, err
		}
		d.quota.bytes, d.quota.counted = n, true
	}
	const reason = 4 << 10 // for the file with the reason
	if octets = max(octets, reason) + reason; d.quota.bytes+octets > most {
		return false, nil
	}
	d.quota.bytes += octets
	return true, nil
}

// BoundCopies removes the quarantine copy from a message that is about to be delivered, if the
// quarantine has no room for it. The message then stays on the server. A later poll fetches it
// again for the copy.
func (d *Delivery) BoundCopies(ctx context.Context, uidl string, s *Staged) error {
	var copies, files []ledger.Attachment
	var octets int64
	for _, a := range s.Attachments {
		if a.Quarantine {
			copies = append(copies, a)
			octets += a.Size
		} else {
			files = append(files, a)
		}
	}
	if len(copies) == 0 {
		return nil
	}
	if takes, err := d.Takes(ctx, octets); takes || err != nil {
		return err
	}
	Show(s.Envelope).To(d.Log.Warn().Str("uidl", foreign.UIDL(uidl)).Str("reason", s.Reason)).Msg("no copy is kept of a message that could not be read right: it is " + ledger.ErrQuarantineFull.Error())
	s.Attachments, s.RawKept, s.Reason = files, false, ledger.WithoutCopy(s.Reason)
	return d.Discard(ctx, copies)
}

// ExpireQuarantine removes the messages that have been in quarantine for longer than
// [Policy].QuarantineAge. They are not deleted on the server.
func (d *Delivery) ExpireQuarantine(ctx context.Context) error {
	if d.Policy.QuarantineAge <= 0 {
		return nil
	}
	messages, err := d.Ledger.Quarantined(ctx, d.Account)
	if err != nil {
		return err
	}
	for _, m := range messages {
		age := d.Now().Sub(m.Delivered)
		if IsPiece(m) || m.Delivered.IsZero() || age < d.Policy.QuarantineAge {
			continue
		}
		for _, f := range m.Kept() {
			if err := d.Sink.RemoveFile(ctx, f.Path); err != nil {
				return err
			}
		}
		if err := d.Ledger.Expired(ctx, d.Account, m.Key); err != nil {
			return err
		}
		d.Log.Warn().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", m.Kept()[0].Path).Str("reason", m.Reason).Str("max_age", d.Policy.QuarantineAge.String()).Msg("message removed from quarantine for its age")
	}
	return nil
}
