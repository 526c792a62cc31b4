package poll

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// ErrNotKept ends a visit to a server that takes what was retrieved as consumed, when messages
// could not be kept.
var ErrNotKept = errors.New("see the log for each")

// retrieve fetches the messages and commits them in groups: entries are taken apart, and
// oversize kept as they are. It returns nil only if every retrieved message is committed, so
// that QUIT is safe.
func (p *poll) retrieve(ctx context.Context, entries, oversize []identity.Entry) error {
	if len(entries)+len(oversize)+len(p.matcher.Difference.Uncopied) == 0 {
		return nil
	}
	if err := p.delivery.Ready(ctx); err != nil {
		return err
	}
	p.step = stepRetrieve
	p.delivery.Start(ctx)
	err := p.retrieveNew(ctx, entries, p.stageMessage)
	if err == nil {
		err = p.retrieveNew(ctx, oversize, p.stageRaw)
	}
	if err == nil && len(p.fetch.quarantine) > 0 {
		refused := p.fetch.failed
		err = p.retrieveQuarantined(ctx)
		if n := p.fetch.failed - refused; err == nil && n > 0 && p.mailbox.Traits().Consumes {
			// They were retrieved once: after QUIT, Gmail would take them as consumed.
			err = p.notKept(fmt.Sprintf("retrieve %d messages again, for quarantine, from %s: refused, or without room there", n, p.Account.Addr))
		}
	}
	if err == nil {
		err = p.retrieveUncopied(ctx)
	}
	if err == nil && p.fetch.unkept > 0 {
		if p.rest.more = true; p.mailbox.Traits().Consumes {
			err = p.notKept(fmt.Sprintf("retrieve %d messages from %s: they could not be kept", p.fetch.unkept, p.Account.Addr))
		}
	}
	if failed := p.delivery.Finish(); failed != nil {
		// The committer failed, and not the line, whatever became of that.
		return failed
	}
	return err
}

// notKept returns an [ErrNotKept], with the first reason that the file system gave.
func (p *poll) notKept(what string) error {
	if p.fetch.refused != nil {
		return fmt.Errorf("%s; %w; the first: %w", what, ErrNotKept, p.fetch.refused)
	}
	return fmt.Errorf("%s; %w", what, ErrNotKept)
}

// stage turns one message into what the ledger records, or returns nil to skip it.
type stage func(ctx context.Context, e identity.Entry, body *boundedReader) (*ledger.Message, error)

// stageMessage takes a message apart. One that the sink cannot handle is noted for quarantine.
func (p *poll) stageMessage(ctx context.Context, e identity.Entry, counted *boundedReader) (*ledger.Message, error) {
	staged, err := p.delivery.Stage(ctx, p.uidl(e), counted)
	if unprocessable, ok := errors.AsType[*delivery.UnprocessableError](err); ok {
		p.fetch.quarantine = append(p.fetch.quarantine, quarantined{e, unprocessable.Error()})
		return nil, nil
	}
	// What the file system says is sorted for all kinds of stages, see [poll.stage].
	if fault, _ := delivery.FaultOf(err); err != nil && counted.err == nil && ctx.Err() == nil && fault == delivery.NoFault {
		attempts, lookupErr := p.attempts(ctx, e)
		if lookupErr != nil {
			return nil, errors.Join(err, lookupErr)
		}
		if attempts++; attempts >= p.Account.maxAttempts() {
			p.fetch.quarantine = append(p.fetch.quarantine, quarantined{e, fmt.Sprintf("%v (attempt %d)", err, attempts)})
			return nil, nil
		}
	}
	if err != nil {
		return nil, p.blame(ctx, e, counted, err)
	}
	uidl := p.uidl(e)
	if staged.Waits == "" {
		if err := p.delivery.BoundCopies(ctx, uidl, &staged); err != nil {
			p.delivery.Discard(ctx, staged.Attachments)
			return nil, err
		}
	}
	if len(staged.Problems) > 0 {
		level := zerolog.DebugLevel
		if staged.Doubtful {
			level = zerolog.InfoLevel
		}
		delivery.Show(staged.Envelope).To(p.log.WithLevel(level).Str("uidl", foreign.UIDL(uidl)).Strs("problems", staged.Problems)).Msg("message repaired")
	}
	p.fetch.retrieved++
	p.poller.observe(event.Retrieved{Account: p.Account.Name, UIDL: uidl, Octets: counted.n, Attachments: countFiles(staged.Attachments)})
	m := &ledger.Message{
		Key: p.key(e), State: ledger.Delivered, MessageID: staged.MessageID, Attachments: staged.Attachments,
		Unread: staged.Doubtful && !staged.RawKept, Reason: staged.Reason, Envelope: staged.Envelope, LeftOut: staged.LeftOut,
	}
	staged.WaitsOrJoins(m)
	return m, nil
}

// countFiles counts attachments without sidecars and files in quarantine.
func countFiles(files []ledger.Attachment) int {
	n := 0
	for _, f := range files {
		if !f.Sidecar && !f.Quarantine {
			n++
		}
	}
	return n
}
