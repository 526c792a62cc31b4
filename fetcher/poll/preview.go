package poll

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
	"github.com/attachd/attachd/fetcher/session"
)

// Outlook is what the next poll of an account would find.
type Outlook struct {
	// Messages is how many messages are on the server.
	Messages int
	// New is how many messages were never delivered.
	New int
	// Due is how many messages will be deleted.
	Due int
	// Staying is how many messages would be deleted if a file of them had been delivered.
	Staying int
	// Unread is how many messages would be deleted if all of them could have been read right,
	// or a copy were kept.
	Unread int
	// NoRoom is how many of the unread messages found no room in quarantine for a copy.
	NoRoom int
	// Pending is how many messages failed before and wait for their next attempt.
	Pending int
	// Suspects is how many messages are listed although they were deleted. A poll compares them
	// before anything else.
	Suspects int
	// Unfinished is how many messages were staged when a process was killed. A poll delivers
	// them before it fetches any.
	Unfinished int
	// Nameless is how many new messages have no UIDL. Only fetching them tells whether they
	// were delivered before.
	Nameless int
	// Moved is how many messages are new while delivered ones are missing from the listing.
	// Only fetching them tells whether they are the missing ones.
	Moved int
	// BeforeStart is how many messages a poll would leave alone from now on, as they were on the
	// server before the account's start.
	BeforeStart int
	// Unfetchable says how many messages can't be fetched and why, "" if all can.
	Unfetchable string
}

// Foreseen is a message on the server.
type Foreseen struct {
	UIDL   string // safe to print
	Octets int64  // -1 if unknown
	delivery.Envelope
}

// Preview is told what a poll would do.
type Preview interface {
	// Found is called first.
	Found(Outlook)
	// Fetch is given a message that would be fetched, and must read its body to the end unless
	// it fails. body is nil for a message that would be kept as it is because of its size.
	Fetch(m Foreseen, body io.Reader) error
	// SeenBefore is called after Fetch if the message has the header of one that was delivered.
	// A poll compares the two.
	SeenBefore(m Foreseen)
	// Leave is given a message that stays on the server, and why.
	Leave(m Foreseen, why string)
	// Delete is given a message that was delivered before and would be deleted.
	Delete(m Foreseen)
}

// DryRun tells v what the next poll of an account would do. led may be open for reading only,
// and nil if it was not made yet. read reads the sender and the subject from a header.
//
// Nothing is written or deleted. The messages to be fetched are retrieved, because only that
// tells what is in them. Then the connection is closed without QUIT, so that no server takes
// them as read or consumed (Gmail does).
//
// The mailbox is listed as by a poll. These things are not foreseen:
//
//   - a message that has the UIDL of another one;
//   - a message that was delivered under another UIDL, or was deleted and put back;
//   - a disk without room: min_free is not looked at.
//
// DryRun returns the errors of v, of the ledger and of the server, and an
// [*identity.UIDLsChangedError] or [*identity.RenamedError] where a poll would.
func DryRun(ctx context.Context, a Account, led Ledger, read func(header []byte) ledger.Envelope, v Preview, log zerolog.Logger) error {
	p := foreseer(&a, led, log)
	p.poller.ReadEnvelope = read
	var o Outlook
	var visited identity.Visited
	if led != nil {
		unfinished, err := led.Unfinished(ctx, a.Name)
		if err != nil {
			return err
		}
		o.Unfinished = len(unfinished)
		if visited, err = p.visited(ctx); err != nil {
			return err
		}
	}
	s, err := a.openEither(ctx, session.Options{Log: log})
	if err != nil {
		return err
	}
	defer s.Close()
	f, err := p.foresee(ctx, s, visited)
	if err != nil {
		return err
	}
	o.Messages, o.New, o.Due, o.Staying, o.Pending, o.Suspects = f.Messages, len(f.Unseen), len(f.Due), f.Staying, f.Pending, f.Suspects
	o.Unread, o.NoRoom, o.BeforeStart = f.Unread, f.NoRoom, f.BeforeStart
	l := p.matcher.Listing
	o.Unfetchable = l.WhyUnfetchable()
	if visited.Ever {
		o.Nameless = len(l.Nameless)
	}
	if f.Moved {
		o.Moved = len(f.Unseen)
	}
	v.Found(o)
	if led != nil {
		if err := p.matcher.Guard(ctx, f.Unseen); err != nil {
			return err
		}
	}
	if err := p.foreseeDeletions(f, v); err != nil {
		return err
	}
	for _, e := range f.Skipped {
		v.Leave(p.foreseen(e), "larger than max_message_size, and oversize: skip")
	}
	return p.foreseeFetches(ctx, f, v)
}

// foreseer returns a poll that retrieves and records nothing. led is nil for a ledger that was
// not made yet.
func foreseer(a *Account, led Ledger, log zerolog.Logger) *poll {
	return &poll{visit: &visit{Visit: &Visit{Account: a, Past: new(Past), Ledger: led}, poller: &Poller{Log: log}, log: log}}
}

// foresee lists the mailbox as a poll does.
func (p *poll) foresee(ctx context.Context, box mailbox.Mailbox, visited identity.Visited) (*identity.Forecast, error) {
	p.mailbox = box
	p.matcher = p.newMatcher(visited)
	defer p.giveListing()
	return p.matcher.Foresee(ctx)
}

// foreseen returns a message as it is listed.
func (p *poll) foreseen(e identity.Entry) Foreseen {
	if e.IsNameless() {
		return Foreseen{UIDL: fmt.Sprintf("number %d, without UIDL", e.Number), Octets: e.Size}
	}
	return Foreseen{UIDL: foreign.UIDL(p.uidl(e)), Octets: e.Size}
}

// foreseenHeaders is how many headers are asked for at once.
const foreseenHeaders = 500

// foreseeDeletions tells v what would be deleted, with sender and subject where the server
// knows TOP.
func (p *poll) foreseeDeletions(f *identity.Forecast, v Preview) error {
	for chunk := range slices.Chunk(f.Due, foreseenHeaders) {
		seen := make(map[int]delivery.Envelope)
		_, _, err := identity.ShowHeaders(p.mailbox, identity.Numbers(chunk), func(n int, header []byte) { seen[n] = delivery.Show(p.poller.envelope(header)) })
		if err != nil {
			return fmt.Errorf("read the headers of what would be deleted on %s: %w", p.Account.Addr, err)
		}
		for _, e := range chunk {
			m := p.foreseen(e)
			m.Envelope = seen[e.Number]
			v.Delete(m)
		}
	}
	return nil
}

// foreseeFetches retrieves what a poll would fetch, in its order and up to its bounds.
func (p *poll) foreseeFetches(ctx context.Context, f *identity.Forecast, v Preview) error {
	var taken allowance
	n := slices.IndexFunc(f.Unseen, func(e identity.Entry) bool {
		size := max(e.Size, 0)
		if !p.Account.allows(taken, size) {
			return true
		}
		taken.messages++
		taken.octets += size
		return false
	})
	if n < 0 {
		n = len(f.Unseen)
	}
	var whole []identity.Entry
	for _, e := range f.Unseen[:n] {
		if p.Account.MaxMessageSize <= 0 || e.Size <= p.Account.MaxMessageSize {
			whole = append(whole, e)
		} else if err := v.Fetch(p.foreseen(e), nil); err != nil {
			return err
		}
	}
	byNumber := make(map[int]identity.Entry, len(whole))
	for _, e := range whole {
		byNumber[e.Number] = e
	}
	err := p.mailbox.Retrieve(identity.Numbers(whole), p.wholeOctets, func(number int, body io.Reader, err error) error {
		e, asked := byNumber[number]
		if !asked {
			return &mailbox.StepError{Detail: fmt.Sprintf("message %d came, which was not asked for", number)}
		}
		m := p.foreseen(e)
		if reply, ok := mailbox.Refused(err); ok {
			v.Leave(m, reply.Error())
			return nil
		}
		if err != nil {
			return err
		}
		body, is := p.byHeader(e, body)
		if is == identity.BeforeStart {
			v.Leave(m, whyBefore)
			_, err := io.Copy(io.Discard, p.bounded(e, body))
			return err
		}
		if err := v.Fetch(m, p.bounded(e, body)); err != nil {
			return err
		}
		seen, err := p.seenBefore(ctx)
		if err == nil && seen {
			v.SeenBefore(m)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("retrieve messages of %s: %w", p.Account.Addr, err)
	}
	for _, e := range f.Unseen[n:] {
		v.Leave(p.foreseen(e), "max_messages or max_bytes leaves it for the poll after that")
	}
	return nil
}

// seenBefore reports whether the message read last has the header of one that was delivered.
// That happens if UIDLs have changed, or if somebody put the message back.
func (p *poll) seenBefore(ctx context.Context) (bool, error) {
	id := identity.Identify(p.fetch.header.Header())
	if p.Ledger == nil || p.Account.FetchChangedUIDLs || id.Header == [32]byte{} {
		return false, nil
	}
	known, err := p.Ledger.Known(ctx, p.Account.Name, []ledger.Identity{{Header: id.Header}})
	return known.Headers[id.Header], err
}
