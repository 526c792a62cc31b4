package poll

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// applyStart leaves alone what was on the server before the account's start, and tells of it once.
func (p *poll) applyStart(ctx context.Context) error {
	found, err := p.matcher.ApplyStart(ctx)
	if err != nil {
		return err
	}
	p.fetch.start = before{skipped: found.Entries, nameless: found.Nameless}
	text := "messages that were on the server before the start are listed otherwise now: they are not fetched"
	if found.First {
		text = "messages were on the server before the start and are not fetched; attachd state forget --skipped has them fetched after all"
	}
	p.tellBefore(found.Entries, found.Nameless, text)
	if found.Undated > 0 {
		p.log.Info().Int("messages", found.Undated).Msg("server does not give the headers of messages (TOP), or no date in them: these are retrieved to learn whether they were there before the start")
	}
	return nil
}

// tellBefore tells of messages that were there before the start. Those without a UIDL, nameless in
// number, are found out by each session and told once.
func (p *poll) tellBefore(entries []identity.Entry, nameless int, text string) {
	n := len(entries) + max(nameless-p.Past.nameless, 0)
	p.Past.nameless = max(p.Past.nameless, nameless)
	if n == 0 {
		return
	}
	p.log.Info().Int("messages", n).Msg(text)
	left := event.LeftOut{Account: p.Account.Name, Size: -1, Why: whyBefore, Setting: "start", More: n - 1, Stays: true}
	if len(entries) > 0 {
		left.UIDL, left.Size = p.uidl(entries[0]), entries[0].Size
	}
	p.poller.observe(left)
}

// tellLate is tellBefore for the messages that had to be retrieved.
func (p *poll) tellLate() {
	late := p.fetch.start.late
	named := slices.DeleteFunc(slices.Clone(late), identity.Entry.IsNameless)
	p.tellBefore(named, p.fetch.start.nameless+len(late)-len(named), "messages were on the server before the start, as their dates say: they were retrieved to learn these, and are neither delivered nor deleted; "+
		"attachd state forget --skipped has them fetched after all")
}

// byHeader looks at the header of a message where it decides what becomes of the message, and the
// server did not give it ahead. body is to be read instead of the one given.
func (p *poll) byHeader(e identity.Entry, from io.Reader) (body io.Reader, is identity.Standing) {
	if !p.matcher.NeedsHeader(e.Number) {
		return from, identity.Unknown
	}
	var header identity.HeaderReader
	begun := bufio.NewReaderSize(from, identity.HeaderMost)
	start, _ := begun.Peek(identity.HeaderMost) // an error comes again to who reads on
	header.Write(start)
	return begun, p.matcher.ByHeader(e.Number, header.Header())
}

// passOver is the stage of a message whose header decides: nothing of it is kept.
func (p *poll) passOver(ctx context.Context, e identity.Entry, body *boundedReader) (*ledger.Message, error) {
	if _, err := io.Copy(io.Discard, body); err != nil {
		return nil, p.blame(ctx, e, body, err)
	}
	return &ledger.Message{Key: p.key(e), State: ledger.Delivered, Envelope: p.poller.envelope(p.fetch.header.Header())}, nil
}

// noteBefore records messages that turned out to be from before the start.
func (p *poll) noteBefore(ctx context.Context, entries []identity.Entry) error {
	p.fetch.start.late = append(p.fetch.start.late, entries...)
	p.fetch.start.consumed += len(entries)
	return p.matcher.NoteBefore(ctx, entries)
}

// consume reads messages that were there before the start and keeps nothing of them, where the
// store lists further messages only once those were read (Gmail). A visit that was killed may have
// recorded them and not read them, so the first visit of each process reads what is listed.
func (p *poll) consume(ctx context.Context) error {
	if !p.mailbox.Traits().Batches || p.deletesOnly {
		return nil
	}
	entries := p.fetch.start.skipped
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
		p.fetch.start.consumed++
		_, err = io.Copy(io.Discard, p.bounded(e, body))
		return err
	})
	if err != nil {
		return fmt.Errorf("read past the messages of %s that were there before the start: %w", p.Account.Addr, err)
	}
	return nil
}
