package poll

import (
	"context"
	"fmt"
	"io"
	"iter"
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
	// Messages are on the server. New of them were never delivered, Due will be deleted, and Staying would be if a file
	// of them had been delivered. Pending failed before and are put off; Suspects are listed although they were
	// deleted, and are compared before anything else.
	Messages, New, Due, Staying, Pending, Suspects int
	Unread, NoRoom                                 int // as in [Probe]
	// Unfinished were staged as a process was killed: they are completed before anything is fetched.
	Unfinished int
	// Nameless are new messages without a UIDL, and Moved new ones while others that were delivered are not listed any more: whether
	// they were delivered before is told when they are fetched.
	Nameless, Moved int
	// Unfetchable says how many can't be fetched and why, "" when all can.
	Unfetchable string
}

// Foreseen is a message on the server.
type Foreseen struct {
	UIDL   string // safe to print
	Octets int64  // -1 when not known
	delivery.Envelope
}

// Preview is told what a poll would do.
type Preview interface {
	// Found comes first.
	Found(Outlook)
	// Fetch reads a message that would be fetched, to its end unless it fails. It is given no body of one that would be kept
	// as it is for its size.
	Fetch(m Foreseen, body io.Reader) error
	// SeenBefore is told, behind Fetch, that a message has the header of one that was delivered: a poll compares the two.
	SeenBefore(m Foreseen)
	// Leave is told of a message that is left on the server, and why.
	Leave(m Foreseen, why string)
	// Delete is told of a message that was delivered before and would be deleted.
	Delete(m Foreseen)
}

// DryRun tells v what the next poll of an account would do, by what the ledger knows; nil is one that was not made yet. The
// ledger may be one to look into only. Nothing is written or deleted. The messages to be fetched are retrieved, as
// only that tells what is in them; then the line is dropped, without QUIT, so that no server takes them as consumed
// (Gmail does), or as read.
//
// The mailbox is listed as a poll does it. What a poll finds out by comparing messages is not foreseen: that a UIDL was used again, or
// that a message was delivered under another one, or deleted and put back. min_free is not looked at.
func DryRun(ctx context.Context, a Account, led Ledger, read func(header []byte) ledger.Envelope, v Preview, log zerolog.Logger) error {
	p := foreseer(&a, led, log)
	p.poller.ReadEnvelope = read
	var o Outlook
	if led != nil {
		unfinished, err := led.Unfinished(ctx, a.Name)
		if err != nil {
			return err
		}
		o.Unfinished = len(unfinished)
	}
	visited, err := p.foreseeMailbox(ctx)
	if err == nil && led != nil {
		_, err = p.visited(ctx)
	}
	if err != nil {
		return err
	}
	s, err := a.OpenEither(ctx, session.Options{Log: log})
	if err != nil {
		return err
	}
	defer s.Close()
	f, err := p.foresee(ctx, s, visited)
	if err != nil {
		return err
	}
	o.Messages, o.New, o.Due, o.Staying, o.Pending, o.Suspects = f.Messages, len(f.Unseen), len(f.Due), f.Staying, f.Pending, f.Suspects
	o.Unread, o.NoRoom = f.Unread, f.NoRoom
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

// foreseer is a poll that only looks: nothing is retrieved by it, and nothing written down. led is nil for a ledger that was not made yet.
func foreseer(a *Account, led Ledger, log zerolog.Logger) *poll {
	return &poll{visit: &visit{Visit: &Visit{Account: a, Past: new(Past), Ledger: led}, poller: &Poller{Log: log}, log: log}}
}

// foreseeMailbox returns what is recorded of the mailbox.
func (p *poll) foreseeMailbox(ctx context.Context) (identity.Visited, error) {
	if p.Ledger == nil {
		return identity.Visited{}, nil
	}
	return p.recorded(ctx)
}

// foresee lists the mailbox as a poll does.
func (p *poll) foresee(ctx context.Context, box mailbox.Mailbox, visited identity.Visited) (*identity.Forecast, error) {
	p.mailbox = box
	p.matcher = p.newMatcher(visited)
	defer p.giveListing()
	return p.matcher.Foresee(ctx)
}

// foreseen is a message as it is listed.
func (p *poll) foreseen(e identity.Entry) Foreseen {
	if e.IsNameless() {
		return Foreseen{UIDL: fmt.Sprintf("number %d, without UIDL", e.Number), Octets: e.Size}
	}
	return Foreseen{UIDL: foreign.UIDL(p.uidl(e)), Octets: e.Size}
}

// foreseenHeaders is how many headers are asked for at once.
const foreseenHeaders = 500

// foreseeDeletions tells what would be deleted, with sender and subject where the server knows TOP.
func (p *poll) foreseeDeletions(f *identity.Forecast, v Preview) error {
	for chunk := range slices.Chunk(f.Due, foreseenHeaders) {
		seen := make(map[int]delivery.Envelope)
		_, _, err := identity.ShowHeaders(p.mailbox, numbersOf(chunk), func(n int, header []byte) { seen[n] = delivery.Show(p.poller.envelope(header)) })
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

// foreseeFetches retrieves what would be fetched, in the order and up to the bounds of a poll.
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
	next := 0
	err := p.mailbox.Retrieve(numbersOf(whole), nil, func(_ int, body io.Reader, err error) error {
		e := whole[next]
		m := p.foreseen(e)
		next++
		if reply, ok := mailbox.Refused(err); ok {
			v.Leave(m, reply.Error())
			return nil
		}
		if err != nil {
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

// seenBefore reports whether the message that was read last has the header of one that was delivered, as it does where UIDLs have
// changed, or somebody put it back.
func (p *poll) seenBefore(ctx context.Context) (bool, error) {
	id := identity.Identify(p.header.Header())
	if p.Ledger == nil || p.Account.FetchChangedUIDLs || id.Header == [32]byte{} {
		return false, nil
	}
	known, err := p.Ledger.Known(ctx, p.Account.Name, []ledger.Identity{{Header: id.Header}})
	return known.Headers[id.Header], err
}

func numbersOf(entries []identity.Entry) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, e := range entries {
			if !yield(e.Number) {
				return
			}
		}
	}
}
