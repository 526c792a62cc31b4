package fetcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// poll is one visit to one mailbox, from connect to QUIT.
type poll struct {
	account  Account
	slot     *slot
	ledger   *sqlite.Ledger
	delivery *delivery.Delivery
	log      zerolog.Logger
	observe  func(Event)
	now      func() time.Time
	// certificates and common are shared by all polls.
	certificates *certificateWarnings
	common       *common
	mine         share                     // of what is in common
	said         *reminders                // by account: that the server deletes by itself
	undeleted    *reminders                // by account: that it does not delete
	polled       func(account string) bool // reports whether one of this name is polled, too
	simply       concessions
	sizes        sizes
	outOfStep    bool // the attempt before fell out of step

	mailbox mailbox.Mailbox
	step    step
	// loginDelay is the least time between two logins that the server announces.
	loginDelay time.Duration
	// unstuffed are the octets, by number, of messages that were cut at a lone dot before.
	unstuffed map[int]int64
	// Questions were sent ahead of the replies before the mailbox was listed, LIST too.
	ahead, sizesAhead bool
	// moved says that messages which should still be there are not listed; byBytes, that some of them had no UIDL.
	moved, byBytes bool
	renamed        []ledger.Key // of these, as they were called before they had a UIDL
	// What the last visit recorded of the mailbox, if there was one.
	visited bool
	octets  int64

	settled map[int]bool   // by number: messages that were retrieved and turned out to be delivered before
	twins   map[string]int // how many without a UIDL have the same digest

	header     headerReader // of the message that is being retrieved
	retrieved  int
	quarantine []quarantined // retrieved, and to be kept as they are
	failed     int
	unkept     int // retrieved and neither kept nor left out, for a reason that the log says of each
	// doubtful are messages, by number, that may be the ones recorded.
	doubtful map[int]ledger.Key
	// examined were looked at; overdue are to be deleted if they are the ones recorded.
	examined, overdue map[int]bool
	endless           endless
	muted             map[int]bool             // of the visit: the numbers of messages for which the reply to UIDL has no end
	listedAgain       []ledger.Key             // although they were deleted, as far as is known
	renumbered        bool                     // another message has the UIDL of one that was delivered
	noTop             bool                     // the server was not asked for headers, or refused
	spared            map[ledger.Key]time.Time // of the account's loop: until when these are not deleted
	brokeAt           *ledger.Key              // the message at whose DELE the line broke
	deleted           int
	deletedBefore     int // by an earlier poll, which was not told
	envelopes         *envelopes
	readEnvelope      func(header []byte) delivery.Envelope
	staying           staying
	uncopied          []lookalike      // delivered and due, and not to be deleted without a copy in quarantine
	copying           map[int]uncopied // of these, by number, those whose copies are fetched
	silent            bool             // the server did not answer QUIT, where nothing hangs on that
	more              bool             // something is left that another session can do at once
	throttled         bool             // the server refused a message as it wants to be asked for less
	// What sessions have fetched since the poll's first, of what max_messages and max_bytes allow, and how many messages
	// those leave for the next poll.
	taken allowance
	left  int
	// putOff are the messages that failed before and are not due yet.
	putOff int
	// unfetchable says how many messages can't be fetched and why, "" when all can.
	unfetchable string
	// Messages left on the server for their size, octets by UIDL; and those that the poll before left.
	oversized, knownOversized map[string]int64
}

// step is how far a poll came, for what the next one should do otherwise.
type step int

const (
	stepConnect step = iota
	stepCapa
	stepLogin
	stepList
	stepTop
	stepRetrieve
	stepDelete
	stepQuit
)

// run makes the visit. Whatever it returns, what was committed stays so.
func (p *poll) run(ctx context.Context) error {
	var err error
	if _, p.octets, p.visited, err = p.ledger.Mailbox(ctx, p.account.Name); err != nil {
		return fmt.Errorf("read the record of the mailbox: %w", err)
	}
	if err := p.guardName(ctx); err != nil {
		return err
	}
	if err := p.delivery.Recover(ctx); err != nil {
		return err
	}
	if err := errors.Join(p.delivery.AgePieces(ctx), p.delivery.ExpireQuarantine(ctx)); err != nil {
		return err
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	// Closing without QUIT is what every early return wants: the server then
	// takes nothing as consumed and nothing as deleted (RFC 1939 section 6).
	defer p.mailbox.Close()
	defer func() { p.use(p.mine.octets) }()
	defer p.giveListing()

	changed, err := p.ledger.SetOwner(ctx, p.account.Name, p.account.Owner())
	if err != nil {
		return err
	}
	if changed {
		p.log.Warn().Str("mailbox", p.account.Owner()).Msg("account has another user or host than before: its messages are compared with those delivered")
	}
	l, diff, stat, err := p.list(ctx)
	if err != nil {
		return err
	}
	p.unfetchable = l.whyUnfetchable()
	p.observe(Listed{Account: p.account.Name, Messages: l.messages() + l.uncounted, New: len(diff.unseen) + len(l.nameless), Octets: diff.octets})
	if err := p.guardUIDLs(ctx, l, diff.unseen); err != nil {
		return err
	}
	allotted, err := p.allot(ctx, l, append(diff.unseen, turns(l.nameless)...))
	if err != nil {
		return err
	}
	p.more = p.more || allotted.more
	p.putOff = diff.pending
	p.unstuffed = diff.unstuffed
	p.uncopied = diff.uncopied
	if err := p.retrieve(ctx, l, allotted.whole, allotted.raw); err != nil {
		return err
	}
	p.staying.before, p.staying.unread, p.staying.noRoom = diff.staying, diff.unread-p.delivery.Tally.Copied, len(diff.uncopied)-p.delivery.Tally.Copied
	due, err := p.due(ctx, l, diff.expired)
	if err != nil {
		return err
	}
	if err := p.finish(ctx, due); err != nil {
		return err
	}
	if err := p.noteMissed(ctx, l, diff); err != nil {
		return err
	}
	if err := p.ledger.SetMailbox(ctx, p.account.Name, stat.count, stat.octets); err != nil {
		return fmt.Errorf("record the mailbox's size: %w", err)
	}
	return allotted.noRoom
}

// list asks what the mailbox holds and compares it with the ledger.
func (p *poll) list(ctx context.Context) (*listing, difference, stat, error) {
	p.step = stepList
	s, err := p.takeStock(ctx)
	fail := func(err error) (*listing, difference, stat, error) { return nil, s.difference, s.stat, err }
	if err != nil {
		return fail(err)
	}
	if s.whole() && !p.sizesAhead {
		if err := p.checkNumbers(ctx, s.difference); err != nil {
			return fail(p.notListed("look at a UIDL that may have been used again", err))
		}
		if !p.renumbered {
			return s.listing, s.difference, s.stat, nil
		}
	}
	// Something is new, or the octets say that a known UIDL may stand for another
	// message now: the sizes tell.
	refused, err := p.completeStock(ctx, &s)
	if err != nil {
		return fail(err)
	}
	if refused != nil {
		return s.listing, s.difference, s.stat, nil
	}
	if !p.renumbered {
		if err := p.checkNumbers(ctx, s.difference); err != nil {
			return fail(p.notListed("look at a UIDL that may have been used again", err))
		}
	}
	d, err := p.examine(ctx, s.listing, s.difference)
	if err != nil {
		return fail(p.notListed("look at UIDLs that may have been used again", err))
	}
	if err := p.noteMoved(ctx, s.listing, d); err != nil {
		return fail(p.notListed("read the record", err))
	}
	return s.listing, d, s.stat, nil
}

// deletion is a message that is to be deleted.
type deletion struct {
	number int
	key    ledger.Key
}

// due returns what is to be deleted: what is expired and, as the policy says, what this poll has committed or
// found to be committed; but for what is in quarantine, and what stays as nothing of it was delivered.
func (p *poll) due(ctx context.Context, l *listing, expired []lookalike) ([]deletion, error) {
	may, err := p.mayDelete(ctx, l)
	if err != nil {
		return nil, err
	}
	due := make([]deletion, 0, len(expired)+len(p.delivery.Tally.Committed))
	for _, e := range expired {
		due = append(due, deletion{e.entry.number, e.record.Key})
	}
	atOnce := p.account.deletesAtOnce()
	committed := make(map[ledger.Key]bool, len(p.delivery.Tally.Committed))
	for _, k := range p.delivery.Tally.Committed {
		committed[k] = atOnce && !p.delivery.Tally.Staying[k]
	}
	for _, e := range slices.Concat(l.entries, l.nameless) {
		switch key := l.key(e); {
		case committed[key], atOnce && p.settled[e.number] && may[key]:
			due = append(due, deletion{e.number, key})
		case p.settled[e.number] && p.overdue[e.number]:
			due = append(due, deletion{e.number, p.doubtful[e.number]})
		}
	}
	due = slices.DeleteFunc(due, func(d deletion) bool { return p.isSpared(d.key) })
	if most := p.account.CommitDeletions; most > 0 && len(due) > most {
		due = due[:most]
		p.more = true
	}
	return due, nil
}

// isSpared reports whether a message is not to be deleted for the time being, as the line broke at that.
func (p *poll) isSpared(k ledger.Key) bool { return p.now().Before(p.spared[k]) }

// finish deletes what is due and ends the session with QUIT.
func (p *poll) finish(ctx context.Context, due []deletion) error {
	p.step = stepDelete
	if len(due) == 0 {
		// The answer to QUIT changes nothing here: all is committed.
		if err := p.mailbox.Quit(); err != nil {
			p.silent = true
			p.log.Debug().Err(err).Msg("server did not confirm QUIT")
		}
		return nil
	}
	sortForDeletion(due)
	keys := make([]ledger.Key, len(due))
	for i, d := range due {
		keys[i] = d.key
	}
	if err := p.ledger.DeletePending(ctx, p.account.Name, keys); err != nil {
		return fmt.Errorf("record deletions: %w", err)
	}
	confirmed := make([]ledger.Key, 0, len(due))
	i := 0
	refused := false // the last one: the line may break behind that
	err := p.mailbox.Delete(numbers(due), func(n int, err error) {
		key := keys[i]
		if i++; i == len(keys) {
			p.step = stepQuit
		}
		if refused = err != nil; refused {
			p.log.Warn().Str("uidl", foreign.UIDL(key.UIDL)).Err(err).Msg("server did not delete a message")
			return
		}
		confirmed = append(confirmed, key)
	})
	switch {
	case err == nil:
	case refused:
		p.brokeAt = &keys[i-1]
	case i < len(keys):
		p.brokeAt = &keys[i]
	}
	if err != nil && p.step == stepQuit {
		return fmt.Errorf("confirm %d deletions on %s: %w", len(confirmed), p.account.Addr, err)
	}
	if err != nil {
		return fmt.Errorf("delete messages on %s: %w", p.account.Addr, err)
	}
	if err := p.ledger.Deleted(ctx, p.account.Name, confirmed); err != nil {
		return fmt.Errorf("record deletions: %w", err)
	}
	return p.noteDeleted(ctx, confirmed)
}
