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
	"github.com/attachd/attachd/fetcher/session"
)

// poll is one session of a visit, from connect to QUIT.
type poll struct {
	*visit
	fallback   fallback
	mailbox    mailbox.Mailbox
	matcher    *identity.Matcher
	delivery   *delivery.Delivery
	share      share // what it has claimed of what all visits share
	step       step
	loginDelay time.Duration
	// ahead says that questions were sent before the listing was begun, together that they were
	// sent with the login, and known that the server was known to take them there.
	ahead, together, known bool
	// greeting is what all greetings of the server have in common.
	greeting string
	// sizesAhead says that LIST was one of them.
	sizesAhead bool
	// since is when the session before began, if this one shares its time: it broke, and is made
	// again. Zero is a session that has all of [session.Endpoint]'s time.
	since time.Time
	// deletesOnly says that nothing is fetched: the session before had no time left to delete.
	deletesOnly bool
	// outOfStep says that the server fell out of step in the session before.
	outOfStep bool

	fetch   retrieval
	removal deletion
	rest    remains
}

// retrieval is what a session fetches.
type retrieval struct {
	sizes      sizes
	header     identity.HeaderReader // of the message that is being retrieved
	begun      int                   // messages that began to come
	retrieved  int
	failed     int
	unkept     int   // messages retrieved and not kept; the log has a reason for each
	misplaced  int   // messages in a row whose files found no place
	refused    error // why the file system took no file of a message, the first time
	quarantine []quarantined
	copying    map[int]uncopied // by number: messages fetched for their copies in quarantine
	taken      allowance        // by the visit so far
	start      before
	askUntil   time.Time // see reserve; zero if nothing is to be deleted
	unasked    int       // messages that were left for want of time
	again      int       // messages retrieved and not proven whole: they are retrieved again
	before     int       // messages retrieved that were delivered before, and are not again
	stop       stop
}

// before is what a session found out to have been on the server before the account's start.
type before struct {
	skipped  []identity.Entry // by the listing
	late     []identity.Entry // by retrieving them, see passOver
	nameless int              // by the listing, without a UIDL
	consumed int              // messages read and not kept, see consume
}

// deletion is what a session deletes, and what it leaves on the server.
type deletion struct {
	settled       map[int]bool // by number: messages retrieved that were delivered before
	brokeAt       *breach      // where the line broke among DELE
	blamed        time.Time    // until when that message is not to be deleted, zero if it is
	late          int          // messages for whose DELE the time did not suffice
	deleted       int
	deletedBefore int  // messages deleted by an earlier session, whose QUIT got no answer
	silent        bool // the server did not answer a QUIT that deletes nothing
	staying       staying
}

// remains is what a session leaves for the next one.
type remains struct {
	more        bool // another session can go on at once
	deleteFirst bool // and it fetches what this one did not, see deletesFirst
	throttled   bool // the server asked for fewer requests
	left        int  // messages beyond max_messages and max_bytes
	putOff      int  // messages that failed before and wait for their next attempt
	// unfetchable says how many messages can't be fetched and why, "" if all can.
	unfetchable string
	oversized   map[string]int64 // octets by UIDL of messages left because of their size
	tooLarge    int              // how many these are, those without a UIDL included
	knownLarge  int              // how many the ledger has, of the session before
}

// step is how far a session came. It decides what the next one does without.
type step int

// The steps before stepList are those of package session.
const (
	stepConnect = step(session.Connecting)
	stepCapa    = step(session.AskingCapabilities)
	stepLogin   = step(session.LoggingIn)
)

// The steps of an open session.
const (
	stepList = stepLogin + 1 + iota
	stepRetrieve
	stepDelete
	stepQuit
)

func (v *visit) newPoll(with fallback, exact bool) *poll {
	p := &poll{visit: v, fallback: with, delivery: v.poller.Delivery(v.Account, v.Ledger, v.Sink)}
	p.fetch.sizes.exact, p.fetch.stop.leaving = exact, v.Leaving
	p.fetch.taken = v.takenBefore
	p.removal.settled, p.rest.oversized = make(map[int]bool), make(map[string]int64)
	if v.Account.deletesAtOnce() {
		p.delivery.Committed = func(m *ledger.Message) { v.Past.envelopes.remember(m.Key, delivery.Show(m.Envelope)) }
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
	ctx, hangUp := p.fetch.stop.linger(ctx)
	defer hangUp()
	if err := p.connect(ctx, visited); err != nil {
		return err
	}
	// An early return closes the connection without QUIT: the server then deletes nothing and
	// takes nothing as consumed (RFC 1939 section 6).
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
	noRoom, err := p.fetchNew(ctx)
	if err != nil {
		return err
	}
	if left := p.fetch.stop.err(); left != nil {
		return errors.Join(left, p.finish(ctx, nil))
	}
	if err := p.consume(ctx); err != nil {
		return err
	}
	if err := p.delete(ctx); err != nil {
		return err
	}
	if err := p.noteMissed(ctx); err != nil {
		return err
	}
	stat := p.matcher.Stat
	if err := p.noteTooLarge(ctx); err != nil {
		return err
	}
	if err := led.SetMailbox(ctx, name, stat.Messages, stat.Octets); err != nil {
		return fmt.Errorf("record the mailbox's size: %w", err)
	}
	return errors.Join(noRoom, p.overtime())
}

// fetchNew fetches what is new. noRoom, unless nil, is why it fetched nothing while the session
// goes on.
func (p *poll) fetchNew(ctx context.Context) (noRoom, err error) {
	if p.deletesOnly {
		return nil, nil
	}
	if p.rest.deleteFirst = p.deletesFirst(ctx); p.rest.deleteFirst {
		return nil, nil
	}
	allotted, err := p.allot(ctx)
	if err != nil {
		return nil, err
	}
	if len(p.matcher.Difference.Expired) > 0 {
		p.reserve()
	}
	err = p.retrieve(ctx, allotted.whole, allotted.raw)
	p.tellLate()
	return allotted.noRoom, err
}

// visited returns what the visit before recorded of the mailbox. It fails with an
// [*identity.RenamedError] if there was none under this name and one under another.
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
	p.rest.knownLarge, err = p.Ledger.TooLarge(ctx, p.Account.Name)
	return v, err
}

// list asks what the mailbox holds and compares it with the ledger.
func (p *poll) list(ctx context.Context) error {
	p.step = stepList
	if err := p.matcher.List(ctx); err != nil {
		return err
	}
	if err := p.applyStart(ctx); err != nil {
		return err
	}
	l, d := p.matcher.Listing, &p.matcher.Difference
	p.leaveOversized()
	p.rest.unfetchable = l.WhyUnfetchable()
	p.rest.more, p.rest.putOff = p.matcher.More, d.Pending
	p.poller.observe(event.Listed{Account: p.Account.Name, Messages: l.Count(), New: len(d.Unseen) + len(l.Nameless), Octets: d.Octets, Size: p.matcher.Stat.Octets, Unfetchable: p.rest.unfetchable})
	return p.matcher.Guard(ctx, d.Unseen)
}

// noteMissed records which messages are not listed any more, and logs those deleted by an
// earlier session.
func (p *poll) noteMissed(ctx context.Context) error {
	gone, err := p.matcher.NoteMissed(ctx, identity.Outcome{
		Committed: len(p.delivery.Tally.Committed), Deleted: p.removal.deleted, Incomplete: p.fetch.failed+p.fetch.unkept > 0,
	})
	for _, k := range gone {
		p.removal.deletedBefore++
		p.Past.envelopes.of(k).To(p.log.Info().Str("uidl", foreign.UIDL(k.UIDL))).Msg("message deleted on the server, as an earlier poll asked: the answer had not come")
	}
	return err
}

func (p *poll) uidl(e identity.Entry) string { return p.matcher.Listing.UIDL(e) }

func (p *poll) key(e identity.Entry) ledger.Key { return p.matcher.Listing.Key(e) }
