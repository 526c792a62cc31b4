package delivery

import (
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Tally counts what one visit delivered.
type Tally struct {
	// Committed are the messages that were delivered.
	Committed []ledger.Key
	// Delivered attachments stand under their names, and LeftOut ones were received before.
	Delivered, LeftOut int
	// Copies of messages that were delivered were put in quarantine; Copied of these
	// messages had been delivered without.
	Copies, Copied int
	// Staying are those of Committed that are left on the server all the same: a message
	// is deleted only if something of it was delivered, as rules that leave everything
	// out, by a slip of the pen, would empty a mailbox of which nothing was saved.
	// Something of Unread could not be read right, and they are kept nowhere else; the
	// quarantine had no room for a copy of NoRoom of these.
	Staying        map[ledger.Key]bool
	Unread, NoRoom int
}

// note says in the log what a group brought, and counts it.
func (d *Delivery) note(group []*ledger.Message) {
	for _, m := range group {
		envelope := Show(m.Envelope)
		switch {
		case IsRaw(m):
			envelope.To(d.Log.Error().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", m.Attachments[0].Path).Str("reason", m.Reason)).Msg("message quarantined")
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
	}
}

func (d *Delivery) noteFiles(m *ledger.Message, envelope Envelope) {
	for _, a := range m.Attachments {
		switch {
		case isOurs(a), a.StagingID == "" && !a.LeftOut, a.LeftOut && a.Sidecar: // no attachment, or by an earlier poll
		case a.LeftOut:
			d.Tally.LeftOut++
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

// noteStaying says of a message that was just delivered that it stays on the server, if that is so.
func (d *Delivery) noteStaying(m *ledger.Message) {
	t := &d.Tally
	if !d.Policy.Delete || (ledger.Record{Files: m.Files(), Unread: m.Unread}).Deletable(d.Policy.Empty) {
		return
	}
	if t.Staying == nil {
		t.Staying = make(map[ledger.Key]bool)
	}
	t.Staying[m.Key] = true
	if ledger.WasShort(m.Reason) {
		return // as has been said
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

// noteCopy says of a message that was just delivered that it lies in quarantine as well, if that is so.
func (d *Delivery) noteCopy(m *ledger.Message) {
	kept := m.Kept()
	if len(kept) == 0 || kept[0].StagingID == "" {
		return
	}
	d.Tally.Copies++
	if m.Retried {
		d.Tally.Copied++
	}
	Show(m.Envelope).To(d.Log.Warn().Str("uidl", foreign.UIDL(m.UIDL)).Str("file", kept[0].Path).Str("reason", m.Reason)).
		Msg("message delivered and kept in quarantine, as something of it could not be read right")
}
