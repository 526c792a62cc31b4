package fetcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/attachd/attachd/fetcher/ledger"
)

// quarantineTakes reports whether there is room in quarantine for so many bytes more, and takes it.
func (p *poll) quarantineTakes(ctx context.Context, octets int64) (bool, error) {
	most := p.account.QuarantineBytes
	if most <= 0 {
		return true, nil
	}
	if !p.mine.counted {
		n, err := p.ledger.QuarantineBytes(ctx, p.account.Name)
		if err != nil {
			return false, err
		}
		p.mine.quarantine, p.mine.counted = n, true
	}
	const reason = 4 << 10 // the file beside it
	if octets = max(octets, reason) + reason; p.mine.quarantine+octets > most {
		return false, nil
	}
	p.mine.quarantine += octets
	return true, nil
}

// errQuarantineFull says why a message is left on the server that could not be handled.
var errQuarantineFull = errors.New("left on the server, as the quarantine is full (quarantine.max_bytes): attachd quarantine list says what is in it")

// admitted returns the messages that go to quarantine. Where that is full, a message is left on the server, and tried again later.
func (p *poll) admitted(ctx context.Context, l *listing) ([]quarantined, error) {
	var admitted []quarantined
	for _, q := range p.quarantine {
		takes, err := p.quarantineTakes(ctx, q.entry.size)
		if err != nil {
			return nil, err
		}
		if takes {
			admitted = append(admitted, q)
			continue
		}
		p.failed++
		p.unkept++
		if err := p.noteFailure(ctx, l, q.entry, fmt.Errorf("%s; %w", firstLine(q.reason), errQuarantineFull), retryWait); err != nil {
			return nil, err
		}
	}
	return admitted, nil
}

// boundCopies takes the copy for quarantine from a message that is delivered, if there is no room for it: it then stays on the server, and is fetched again for the copy.
func (p *poll) boundCopies(ctx context.Context, uidl string, s *Staged) error {
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
	if takes, err := p.quarantineTakes(ctx, octets); takes || err != nil {
		return err
	}
	s.Envelope.to(p.log.Warn().Str("uidl", printable(uidl)).Str("reason", s.Reason)).Msg("no copy is kept of a message of which something could not be read right: it is " + errQuarantineFull.Error())
	s.Attachments, s.RawKept, s.Reason = files, false, withoutCopy(s.Reason)
	return p.sink.Discard(copies)
}

// expireQuarantine removes what has been in quarantine for too long. It stays on the server, if it is still there.
func (p *poll) expireQuarantine(ctx context.Context) error {
	if p.account.QuarantineAge <= 0 {
		return nil
	}
	messages, err := p.ledger.Quarantined(ctx, p.account.Name)
	if err != nil {
		return err
	}
	for _, m := range messages {
		age := p.now().Sub(m.Delivered)
		if isPiece(m) || m.Delivered.IsZero() || age < p.account.QuarantineAge {
			continue
		}
		for _, f := range m.Kept() {
			if err := p.sink.RemoveFile(f.Path); err != nil {
				return err
			}
		}
		if err := p.ledger.Expired(ctx, p.account.Name, m.Key); err != nil {
			return err
		}
		p.log.Warn().Str("uidl", printable(m.UIDL)).Str("file", m.Kept()[0].Path).Str("reason", m.Reason).Str("max_age", p.account.QuarantineAge.String()).Msg("message removed from quarantine for its age")
	}
	return nil
}
