package poll

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// dueDeletion is a message to be deleted.
type dueDeletion struct {
	number int
	key    ledger.Key
}

// delete deletes what is due and ends the session.
func (p *poll) delete(ctx context.Context) error {
	d, copied := &p.matcher.Difference, p.delivery.Tally.Copied
	p.removal.staying.before, p.removal.staying.unread, p.removal.staying.noRoom = d.Staying, d.Unread-copied, len(d.Uncopied)-copied
	due, err := p.due(ctx, d.Expired)
	if err != nil {
		return err
	}
	return p.finish(ctx, due)
}

// due returns the messages to be deleted: the expired ones and, if the policy deletes at once,
// those that this session committed or found to be delivered before. Messages in quarantine
// stay, and so do those without a delivered file.
func (p *poll) due(ctx context.Context, expired []identity.Lookalike) ([]dueDeletion, error) {
	may, err := p.mayDelete(ctx)
	if err != nil {
		return nil, err
	}
	l := p.matcher.Listing
	due := make([]dueDeletion, 0, len(expired)+len(p.delivery.Tally.Committed))
	for _, e := range expired {
		due = append(due, dueDeletion{e.Entry.Number, e.Record.Key})
	}
	atOnce := p.Account.deletesAtOnce()
	committed := make(map[ledger.Key]bool, len(p.delivery.Tally.Committed))
	for _, k := range p.delivery.Tally.Committed {
		committed[k] = atOnce && !p.delivery.Tally.Staying[k]
	}
	for _, e := range slices.Concat(l.Entries, l.Nameless) {
		switch key := p.key(e); {
		case committed[key], atOnce && p.removal.settled[e.Number] && may[key]:
			due = append(due, dueDeletion{e.Number, key})
		case p.removal.settled[e.Number] && p.matcher.Overdue(e.Number):
			doubtful, _ := p.matcher.Doubtful(e.Number)
			due = append(due, dueDeletion{e.Number, doubtful})
		}
	}
	due = slices.DeleteFunc(due, func(d dueDeletion) bool { return p.isSpared(d.key) })
	if most := p.mostDeletions(); most > 0 && len(due) > most {
		due = due[:most]
		p.rest.more = true
	}
	return due, nil
}

// finish deletes what is due and ends the session with QUIT.
func (p *poll) finish(ctx context.Context, due []dueDeletion) error {
	p.step = stepDelete
	p.mailbox.Until(time.Time{}) // all the time that is left
	if len(due) == 0 {
		// Nothing depends on the answer to QUIT here: all is committed.
		if err := p.mailbox.Quit(); err != nil {
			p.removal.silent = true
			p.log.Debug().Err(err).Msg("server did not confirm QUIT")
		}
		return nil
	}
	sortForDeletion(due)
	keys := make([]ledger.Key, len(due))
	for i, d := range due {
		keys[i] = d.key
	}
	if err := p.Ledger.DeletePending(ctx, p.Account.Name, keys); err != nil {
		return fmt.Errorf("record deletions: %w", err)
	}
	confirmed := make([]ledger.Key, 0, len(due))
	i := 0
	refused := false // the last DELE: the line may break behind it
	p.fetch.stop.works.Store(true)
	err := p.mailbox.Delete(p.numbers(due), func(n int, err error) {
		key := keys[i]
		if i++; i == len(keys) {
			p.step = stepQuit
		}
		if refused = err != nil; refused {
			p.log.Warn().Str("uidl", foreign.UIDL(key.UIDL)).Err(err).Msg("server did not delete a message: it is asked again at the next poll")
			return
		}
		confirmed = append(confirmed, key)
	})
	switch {
	case err == nil:
		p.removal.late = len(keys) - i
	case refused:
		p.removal.brokeAt = &breach{keys[i-1], i - 1, len(keys)}
	case i < len(keys):
		p.removal.brokeAt = &breach{keys[i], i, len(keys)}
	}
	if err != nil && p.step == stepQuit {
		return fmt.Errorf("confirm %d deletions on %s: %w", len(confirmed), p.Account.Addr, err)
	}
	if err != nil {
		return fmt.Errorf("delete messages on %s: %w", p.Account.Addr, err)
	}
	if err := p.Ledger.Deleted(ctx, p.Account.Name, confirmed); err != nil {
		return fmt.Errorf("record deletions: %w", err)
	}
	if err := p.noteDeleted(ctx, confirmed); err != nil || p.removal.late == 0 {
		return err
	}
	return p.fetch.stop.err() // by which nothing more was deleted, or else there was no time
}

// numbers yields what is to be deleted, until the visit is to end: the account may have other
// settings by then.
func (p *poll) numbers(due []dueDeletion) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, d := range due {
			if p.fetch.stop.err() != nil || !yield(d.number) {
				return
			}
		}
	}
}

// deletionChunk is how many UIDLs one question to the ledger names.
const deletionChunk = 500

// undeletedAfter is how often messages must be listed again after their deletion before the
// server is said not to delete. Once, it may be late with it, or somebody may have put them
// back.
const undeletedAfter = 2

// sortForDeletion orders the DELE from the highest number down. Numbers stay the same during a
// session (RFC 1939 section 5), but some servers numbered the rest anew at each DELE, and the
// next DELE would have deleted another message.
func sortForDeletion(due []dueDeletion) {
	slices.SortFunc(due, func(a, b dueDeletion) int { return cmp.Compare(b.number, a.number) })
}

// noteDeleted logs and counts the deleted messages. Messages that come back each time are not
// counted: for them it warns, once for each account and process, that the server confirms
// deletions without deleting.
func (p *poll) noteDeleted(ctx context.Context, confirmed []ledger.Key) error {
	undeleted, err := p.findUndeleted(ctx)
	if err != nil {
		return err
	}
	for _, k := range confirmed {
		if undeleted[k] {
			p.log.Debug().Str("uidl", foreign.UIDL(k.UIDL)).Msg("server confirmed once more that it deletes a message")
			continue
		}
		p.removal.deleted++
		p.Past.envelopes.of(k).To(p.log.Info().Str("uidl", foreign.UIDL(k.UIDL))).Msg("message deleted on the server")
	}
	if p.removal.deleted > 0 {
		p.poller.observe(event.Deleted{Account: p.Account.Name, Messages: p.removal.deleted})
	}
	if len(undeleted) > 0 && p.poller.undeleted.first(p.Account.Name) {
		p.log.Warn().Int("messages", len(undeleted)).Msg("server does not delete: it confirms the deletion of these messages at every poll, and lists them again; " +
			"see whether its settings for POP3 have DELE archive messages, or the mailbox is read-only")
	}
	return nil
}

// findUndeleted returns the messages listed again that were deleted in vain before.
func (p *poll) findUndeleted(ctx context.Context) (map[ledger.Key]bool, error) {
	undeleted := make(map[ledger.Key]bool)
	for chunk := range slices.Chunk(p.matcher.ListedAgain(), deletionChunk) {
		uidls := make([]string, len(chunk))
		again := make(map[ledger.Key]bool, len(chunk))
		for i, k := range chunk {
			uidls[i], again[k] = k.UIDL, true
		}
		records, err := p.Ledger.Lookup(ctx, p.Account.Name, uidls)
		if err != nil {
			return nil, fmt.Errorf("read the record of deletions: %w", err)
		}
		for _, r := range records {
			if again[r.Key] && r.State == ledger.Deleted && r.Attempts >= undeletedAfter {
				undeleted[r.Key] = true
			}
		}
	}
	return undeleted, nil
}

// isSpared reports whether a message is not to be deleted for now, because the line broke at
// its DELE.
func (v *visit) isSpared(k ledger.Key) bool { return v.poller.now().Before(v.Past.spared[k]) }
