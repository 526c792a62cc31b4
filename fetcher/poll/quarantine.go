package poll

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

type quarantined struct {
	entry  identity.Entry
	reason string
}

// retrieveQuarantined fetches the messages for quarantine once more and keeps them as they are.
func (p *poll) retrieveQuarantined(ctx context.Context) error {
	admitted, err := p.admitted(ctx)
	if err != nil {
		return err
	}
	entries := make([]identity.Entry, len(admitted))
	reasons := make(map[int]string, len(admitted))
	for i, q := range admitted {
		entries[i], reasons[q.entry.Number] = q.entry, q.reason
	}
	return p.retrieveEach(ctx, entries, func(ctx context.Context, e identity.Entry, bounded *boundedReader) (*ledger.Message, error) {
		uidl, reason := p.uidl(e), reasons[e.Number]
		files, err := p.delivery.StageQuarantined(ctx, uidl, reason, bounded)
		if err != nil {
			return nil, p.blame(ctx, e, bounded, err)
		}
		return &ledger.Message{Key: p.key(e), State: ledger.Quarantined, Reason: foreign.FirstLine(reason), Attachments: files, Envelope: p.poller.envelope(p.fetch.header.Header())}, nil
	})
}

// admitted returns the messages that find room in quarantine. The others stay on the server and
// are tried again later.
func (p *poll) admitted(ctx context.Context) ([]quarantined, error) {
	var admitted []quarantined
	for _, q := range p.fetch.quarantine {
		takes, err := p.delivery.Takes(ctx, q.entry.Size)
		if err != nil {
			return nil, err
		}
		if takes {
			admitted = append(admitted, q)
			continue
		}
		p.fetch.failed++
		p.fetch.unkept++
		if err := p.noteFailure(ctx, q.entry, fmt.Errorf("%s; %w", foreign.FirstLine(q.reason), ledger.ErrQuarantineFull), retryWait); err != nil {
			return nil, err
		}
	}
	return admitted, nil
}
