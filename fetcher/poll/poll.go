package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// poll is one session of a visit, from connect to QUIT.
type poll struct {
	*visit
	fallback   fallback
	mailbox    mailbox.Mailbox
	matcher    *identity.Matcher
	delivery   *delivery.Delivery
	share      share // of what all visits have in common
	step       step
	loginDelay time.Duration
	// Questions were sent ahead of the replies before the mailbox was listed, LIST too.
	ahead, sizesAhead bool
	// outOfStep says that the attempt before fell out of step.
	outOfStep bool

	retrieval
	deletion
	remains
}

// retrieval is what a session fetches.
type retrieval struct {
	sizes      sizes
	header     identity.HeaderReader // of the message that is being retrieved
	retrieved  int
	failed     int
	unkept     int // retrieved and neither kept nor left out, for a reason that the log says of each
	quarantine []quarantined
	copying    map[int]uncopied // by number: messages that are fetched for their copies
	taken      allowance        // by the visit so far
}

// deletion is what a session deletes, and what it leaves for a reason.
type deletion struct {
	settled       map[int]bool // by number: messages that were retrieved and turned out to be delivered before
	brokeAt       *ledger.Key  // the message at whose DELE the line broke
	deleted       int
	deletedBefore int  // by an earlier visit, which was not told
	silent        bool // the server did not answer QUIT, where nothing hangs on that
	staying       staying
}

// remains is what a session leaves for the next one.
type remains struct {
	more      bool // something that another session can do at once
	throttled bool // the server refused a message as it wants to be asked for less
	left      int  // messages that max_messages and max_bytes leave for the next visit
	putOff    int  // messages that failed before and are not due yet
	// unfetchable says how many messages can't be fetched and why, "" when all can.
	unfetchable string
	oversized   map[string]int64 // messages left on the server for their size: octets by UIDL
}

// step is how far a session came, for what the next one should do otherwise.
type step int

// The first ones are those of package session.
const (
	stepConnect step = iota
	stepCapa
	stepLogin
	stepList
	stepRetrieve
	stepDelete
	stepQuit
)

func (v *visit) newPoll(with fallback, exact bool) *poll {
	p := &poll{visit: v, fallback: with, delivery: v.poller.Delivery(v.Account, v.Ledger, v.Sink)}
	p.sizes.exact = exact
	p.taken = v.takenBefore
	p.settled, p.oversized = make(map[int]bool), make(map[string]int64)
	if v.Account.deletesAtOnce() {
		p.delivery.Committed = func(m *ledger.Message) { v.Past.envelopes.remember(m.Key, delivery.Show(m.Envelope)) }
	}
	p.delivery.File = func(m *ledger.Message, a ledger.Attachment) {
		v.poller.observe(event.Delivered{Account: v.Account.Name, UIDL: m.UIDL, Attachment: a})
	}
	return p
}

// run makes the session. Whatever it returns, what was committed stays so.
func (p *poll) run(ctx context.Context) error {
	led, name := p.Ledger, p.Account.Name
	visited, err := p.visited(ctx)
	if err != nil {
		return err
	}
	if err := p.delivery.Recover(ctx); err != nil {
		return err
	}
	if err := errors.Join(p.delivery.AgePieces(ctx), p.delivery.ExpireQuarantine(ctx)); err != nil {
		return err
	}
	if err := p.connect(ctx, visited); err != nil {
		return err
	}
	// Closing without QUIT is what every early return wants: the server then
	// takes nothing as consumed and nothing as deleted (RFC 1939 section 6).
	defer p.mailbox.Close()
	defer func() { p.giveRoom(p.share.octets) }()
	defer p.giveListing()

	changed, err := led.SetOwner(ctx, name, p.Account.Owner())
	if err != nil {
		return err
	}
	if changed {
		p.log.Warn().Str("mailbox", p.Account.Owner()).Msg("account has another user or host than before: its messages are compared with those delivered")
	}
	if err := p.list(ctx); err != nil {
		return err
	}
	allotted, err := p.allot(ctx)
	if err != nil {
		return err
	}
	if err := p.retrieve(ctx, allotted.whole, allotted.raw); err != nil {
		return err
	}
	if err := p.delete(ctx); err != nil {
		return err
	}
	if err := p.noteMissed(ctx); err != nil {
		return err
	}
	stat := p.matcher.Stat
	if err := led.SetMailbox(ctx, name, stat.Messages, stat.Octets); err != nil {
		return fmt.Errorf("record the mailbox's size: %w", err)
	}
	return allotted.noRoom
}

// visited returns what the visit before recorded of the mailbox. It fails with an
// [*identity.RenamedError] if there was none under this name, and one under another.
func (p *poll) visited(ctx context.Context) (identity.Visited, error) {
	v, err := p.recorded(ctx)
	if err == nil && !v.Ever {
		err = identity.CheckName(ctx, p.Ledger, p.Account.Identity(), p.poller.polled)
	}
	return v, err
}

// recorded returns what is recorded of the mailbox.
func (p *poll) recorded(ctx context.Context) (v identity.Visited, err error) {
	if _, v.Octets, v.Ever, err = p.Ledger.Mailbox(ctx, p.Account.Name); err != nil {
		return v, fmt.Errorf("read the record of the mailbox: %w", err)
	}
	v.Oversized = p.Past.oversized
	return v, nil
}

// list asks what the mailbox holds and compares it with the ledger.
func (p *poll) list(ctx context.Context) error {
	p.step = stepList
	if err := p.matcher.List(ctx); err != nil {
		return err
	}
	l, d := p.matcher.Listing, &p.matcher.Difference
	p.unfetchable = l.WhyUnfetchable()
	p.more, p.putOff = p.matcher.More, d.Pending
	p.poller.observe(event.Listed{Account: p.Account.Name, Messages: l.Count(), New: len(d.Unseen) + len(l.Nameless), Octets: d.Octets})
	return p.matcher.Guard(ctx, d.Unseen)
}

// noteMissed records which messages are not listed any more, and says which of them an earlier session deleted.
func (p *poll) noteMissed(ctx context.Context) error {
	gone, err := p.matcher.NoteMissed(ctx, identity.Outcome{
		Committed: len(p.delivery.Tally.Committed), Deleted: p.deleted, Incomplete: p.failed+p.unkept > 0,
	})
	for _, k := range gone {
		p.deletedBefore++
		p.Past.envelopes.of(k).To(p.log.Info().Str("uidl", foreign.UIDL(k.UIDL))).Msg("message deleted on the server, as an earlier poll asked: the answer had not come")
	}
	return err
}

func (p *poll) uidl(e identity.Entry) string { return p.matcher.Listing.UIDL(e) }

func (p *poll) key(e identity.Entry) ledger.Key { return p.matcher.Listing.Key(e) }
