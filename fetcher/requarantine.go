package fetcher

import (
	"context"
	"fmt"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

type quarantined struct {
	entry  entry
	reason string
}

// retrieveQuarantined fetches the messages that could not be taken apart once
// more and keeps them as they are.
func (p *poll) retrieveQuarantined(ctx context.Context, l *listing) error {
	admitted, err := p.admitted(ctx, l)
	if err != nil {
		return err
	}
	entries := make([]entry, len(admitted))
	reasons := make(map[int]string, len(admitted))
	for i, q := range admitted {
		entries[i], reasons[q.entry.number] = q.entry, q.reason
	}
	return p.retrieveEach(ctx, l, entries, func(ctx context.Context, l *listing, e entry, bounded *boundedReader) (*ledger.Message, error) {
		uidl, reason := l.uidl(e), reasons[e.number]
		files, err := p.delivery.StageQuarantined(ctx, uidl, reason, bounded)
		if err != nil {
			return nil, p.blame(ctx, l, e, bounded, err)
		}
		is := p.envelope(p.header.header)
		return &ledger.Message{Key: l.key(e), State: ledger.Quarantined, Reason: foreign.FirstLine(reason), Attachments: files, From: is.From, Subject: is.Subject}, nil
	})
}

// admitted returns the messages that go to quarantine. Where that is full, a message is left on the server, and tried again later.
func (p *poll) admitted(ctx context.Context, l *listing) ([]quarantined, error) {
	var admitted []quarantined
	for _, q := range p.quarantine {
		takes, err := p.delivery.Takes(ctx, q.entry.size)
		if err != nil {
			return nil, err
		}
		if takes {
			admitted = append(admitted, q)
			continue
		}
		p.failed++
		p.unkept++
		if err := p.noteFailure(ctx, l, q.entry, fmt.Errorf("%s; %w", foreign.FirstLine(q.reason), delivery.ErrQuarantineFull), retryWait); err != nil {
			return nil, err
		}
	}
	return admitted, nil
}
