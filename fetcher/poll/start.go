package poll

import (
	"context"
	"fmt"
	"io"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// applyStart leaves alone what was on the server before the account's start, and tells of it once.
func (p *poll) applyStart(ctx context.Context) error {
	found, err := p.matcher.ApplyStart(ctx)
	if err != nil {
		return err
	}
	p.fetch.skipped = found.Entries
	n := len(found.Entries) + max(found.Nameless-p.Past.nameless, 0)
	p.Past.nameless = max(p.Past.nameless, found.Nameless)
	if n == 0 {
		return nil
	}
	if found.First {
		p.log.Info().Int("messages", n).Msg("messages were on the server before the start and are not fetched; attachd state forget --skipped has them fetched after all")
	} else {
		p.log.Info().Int("messages", n).Msg("messages that were on the server before the start are listed otherwise now: they are not fetched")
	}
	left := event.LeftOut{Account: p.Account.Name, Size: -1, Why: whyBefore, Setting: "start", More: n - 1, Stays: true}
	if len(found.Entries) > 0 {
		left.UIDL, left.Size = p.uidl(found.Entries[0]), found.Entries[0].Size
	}
	p.poller.observe(left)
	return nil
}

// consume reads messages that were there before the start and keeps nothing of them, where the
// store lists further messages only once those were read (Gmail). A visit that was killed may have
// recorded them and not read them, so the first visit of each process reads what is listed.
func (p *poll) consume(ctx context.Context) error {
	if !p.mailbox.Traits().Batches || p.deletesOnly {
		return nil
	}
	entries := p.fetch.skipped
	if !p.Past.consumed {
		var err error
		if entries, err = p.matcher.ListedSkipped(ctx); err != nil {
			return err
		}
	}
	if len(entries) == 0 {
		return nil
	}
	p.step = stepRetrieve
	byNumber := make(map[int]identity.Entry, len(entries))
	for _, e := range entries {
		byNumber[e.Number] = e
	}
	err := p.mailbox.Retrieve(identity.Numbers(entries), nil, func(n int, body io.Reader, err error) error {
		e, asked := byNumber[n]
		switch _, refused := mailbox.Refused(err); {
		case !asked:
			return &mailbox.StepError{Detail: fmt.Sprintf("message %d came, which was not asked for", n)}
		case refused:
			p.log.Debug().Str("uidl", foreign.UIDL(p.uidl(e))).Err(err).Msg("server did not send a message that is not to be kept")
			return nil
		case err != nil:
			return err
		}
		p.fetch.consumed++
		_, err = io.Copy(io.Discard, p.bounded(e, body))
		return err
	})
	if err != nil {
		return fmt.Errorf("read past the messages of %s that were there before the start: %w", p.Account.Addr, err)
	}
	return nil
}
