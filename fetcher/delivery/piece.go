package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
)

// PartialFolder is the folder below the account's for pieces of messages that wait for the other
// pieces (message/partial, RFC 2046 section 5.2.2). A message that is such a piece counts as in
// quarantine, so it stays on the server until the whole is delivered.
const PartialFolder = ".partial"

// pieceAge is how long a piece waits for the others before it goes to quarantine.
const pieceAge = 30 * 24 * time.Hour

// IsPiece reports whether a message is a piece of a larger one and waits for the other pieces.
func IsPiece(m *ledger.Message) bool {
	kept := m.Kept()
	return m.State == ledger.Quarantined && len(kept) > 0 && strings.HasPrefix(kept[0].Path, PartialFolder+"/")
}

// IsRaw reports whether a message was not delivered and is in quarantine as it came.
func IsRaw(m *ledger.Message) bool { return m.State == ledger.Quarantined && !IsPiece(m) }

// isInternal reports whether an attachment of a record was not delivered: it is in quarantine, or
// names a folder of pieces.
func isInternal(a ledger.Attachment) bool {
	return a.Quarantine || strings.HasSuffix(a.Path, ledger.JoinedMark)
}

// WaitsOrJoins records in m what staging found out about pieces: m is itself a piece and waits, or
// m was joined from the pieces in some folders.
func (s *Staged) WaitsOrJoins(m *ledger.Message) {
	if s.Waits != "" {
		m.State, m.Reason, m.Unread = ledger.Quarantined, s.Waits, false
		m.Attachments[0].Quarantine = true
	}
	for _, folder := range s.Joined {
		m.Attachments = append(m.Attachments, ledger.Attachment{Path: folder + ledger.JoinedMark})
	}
}

// IsJoined reports whether a message was joined from others.
func IsJoined(m *ledger.Message) bool {
	return slices.ContainsFunc(m.Attachments, func(a ledger.Attachment) bool { return strings.HasSuffix(a.Path, ledger.JoinedMark) })
}

// removeJoined removes the pieces from which messages of a published group were joined. It may run
// again after a crash.
func (d *Delivery) removeJoined(ctx context.Context, group []*ledger.Message) error {
	for _, m := range group {
		for _, a := range m.Attachments {
			if folder, ok := strings.CutSuffix(a.Path, ledger.JoinedMark); ok {
				if err := d.Sink.RemovePieces(ctx, folder); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// AgePieces moves pieces from PartialFolder to QuarantineFolder when they have waited for 30 days.
func (d *Delivery) AgePieces(ctx context.Context) error {
	any, err := d.Sink.HasPieces(ctx)
	if err != nil || !any {
		return err
	}
	messages, err := d.Ledger.Quarantined(ctx, d.Account)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if !IsPiece(m) || d.Now().Sub(m.Delivered) < pieceAge {
			continue
		}
		if err := d.agePiece(ctx, m); err != nil {
			return fmt.Errorf("move %s into quarantine: %w", m.Attachments[0].Path, err)
		}
	}
	return nil
}

// agePiece moves one piece. A crash before the last step leaves the old file, and no record names
// it.
func (d *Delivery) agePiece(ctx context.Context, m *ledger.Message) error {
	piece := m.Kept()[0]
	raw, err := d.Sink.OpenFile(ctx, piece.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // attachd state check reports it
	}
	if err != nil {
		return err
	}
	defer raw.Close()
	reason := m.Reason + "; they have not come within 30 days"
	files, err := d.StageQuarantined(ctx, m.UIDL, reason, raw)
	if err != nil {
		return err
	}
	aged := &ledger.Message{
		Key: m.Key, State: ledger.Quarantined, Header: m.Header, MessageID: m.MessageID, Envelope: m.Envelope, Retried: true,
		Reason: reason, Attachments: append(files, m.NotKept()...),
	}
	if err := d.Commit(ctx, []*ledger.Message{aged}); err != nil {
		return err
	}
	return d.remove(ctx, piece.Path)
}
