package delivery

import (
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Tally counts what one visit delivered.
type Tally struct {
	// Committed lists the messages that were delivered.
	Committed []ledger.Key
	// Delivered counts the attachments that were delivered, without their sidecars.
	Delivered int
	// LeftOut counts the attachments that a setting left out, as include, exclude, inline_images or
	// noise do, without those of ReceivedBefore.
	LeftOut int
	// ReceivedBefore counts the attachments that were not written, as the account received them
	// before.
	ReceivedBefore int
	// Copies counts the delivered messages with a copy in quarantine.
	Copies int
	// Copied counts those of Copies that an earlier visit had delivered without the copy.
	Copied int
	// Staying holds those of Committed that stay on the server although the account deletes. A
	// message is deleted only if a file of it was delivered: a mistaken rule that leaves out every
	// attachment would otherwise empty a mailbox and save nothing.
	Staying map[ledger.Key]bool
	// Unread counts those of Staying that could not be read right and are kept nowhere else.
	Unread int
	// NoRoom counts those of Unread that have no copy because the quarantine is full.
	NoRoom int
}

// note logs and counts what a group brought.
func (d *Delivery) note(group []*ledger.Message) {
	for _, m := range group {
		envelope := Show(m.Envelope)
		switch {
		case IsRaw(m):
			envelope.To(d.Log.Error().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", m.Attachments[0].Path).Str("reason", m.Reason)).Msg("message quarantined")
			d.noteKept(m)
			continue
		case IsPiece(m):
			envelope.To(d.Log.Warn().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", m.Attachments[0].Path).Str("reason", m.Reason)).Msg("piece of a message kept until the others come")
		default:
			d.Tally.Committed = append(d.Tally.Committed, m.Key)
			if d.Committed != nil {
				d.Committed(m)
			}
			d.noteStaying(m)
			d.noteCopy(m)
		}
		d.noteFiles(m, envelope)
		d.noteLeftOut(m, envelope)
		d.leftOut(m)
	}
}

func (d *Delivery) noteKept(m *ledger.Message) {
	if d.Kept != nil {
		d.Kept(m)
	}
}

// noteFiles logs and counts the attachments of a message that was just committed.
func (d *Delivery) noteFiles(m *ledger.Message, envelope Envelope) {
	for _, a := range m.Attachments {
		switch {
		case isInternal(a), a.Sidecar, a.StagingID == "" && !a.LeftOut:
			// It is no attachment, or an earlier poll delivered it.
		case a.LeftOut:
			d.Tally.ReceivedBefore++
			envelope.To(d.Log.Info().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", a.Path).Int64("size", a.Size)).Msg("attachment left out, received before")
		default:
			d.Tally.Delivered++
			envelope.To(d.Log.Info().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", a.Path).Int64("size", a.Size).Str("media_type", a.MediaType)).Msg("attachment delivered")
			if d.File != nil {
				d.File(m, a)
			}
		}
	}
}

// deletable reports whether a delivered message may be deleted on the server.
func (d *Delivery) deletable(m *ledger.Message) bool {
	return (ledger.Record{Files: m.Files(), Unread: m.Unread}).Deletable(d.Policy.Empty)
}

// noteStaying logs and counts a message that was just delivered, if it stays on the server although
// the account deletes.
func (d *Delivery) noteStaying(m *ledger.Message) {
	t := &d.Tally
	if !d.Policy.Delete || d.deletable(m) {
		return
	}
	if t.Staying == nil {
		t.Staying = make(map[ledger.Key]bool)
	}
	t.Staying[m.Key] = true
	if ledger.WasShort(m.Reason) {
		return // the poll has logged that already
	}
	why := "message stays on the server: no file of it was delivered (delete: with_files)"
	if m.Unread {
		t.Unread++
		why = "message stays on the server: something of it could not be read right, and it is kept nowhere else"
		if _, full := ledger.IsWithoutCopy(m.Reason); full {
			t.NoRoom++
			why = "message stays on the server: something of it could not be read right, and the quarantine has no room for it"
		}
	}
	Show(m.Envelope).To(d.Log.Info().Str("uidl", foreign.UIDL(m.UIDL))).Msg(why)
}

// noteCopy logs and counts a message that was just delivered, if a copy of it went to quarantine.
func (d *Delivery) noteCopy(m *ledger.Message) {
	kept := m.Kept()
	if len(kept) == 0 || kept[0].StagingID == "" {
		return
	}
	d.noteKept(m)
	d.Tally.Copies++
	if m.Retried {
		d.Tally.Copied++
	}
	Show(m.Envelope).To(d.Log.Warn().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", kept[0].Path).Str("reason", m.Reason)).
		Msg("message delivered and kept in quarantine, as something of it could not be read right")
}
