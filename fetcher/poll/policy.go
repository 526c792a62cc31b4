package poll

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// drainAgain is how many messages a visit to Gmail must have brought for another session to
// follow at once. Gmail lists only the oldest 250 or so, and further ones once those have been
// fetched. Elsewhere a listing is whole, and that session would find nothing.
const drainAgain = 200

// NoRoomError means that the disk has no room for a message, nor for any smaller new one. None
// was fetched. The account goes on by itself when there is room.
type NoRoomError struct {
	Free, Keep int64 // free bytes, and bytes that must stay free
	Promised   int64 // octets that other accounts are fetching now
	Need       int64 // octets of the message
	Copied     bool  // as many are needed for a copy of it
	UIDL       string
}

// Error says how much room is missing, and what to do.
func (e *NoRoomError) Error() string {
	others := ""
	if e.Promised > 0 {
		others = fmt.Sprintf(", %d are what other accounts are fetching", e.Promised)
	}
	what := fmt.Sprintf("message '%s' of %d bytes", e.UIDL, e.Need)
	if e.Copied {
		what += " and a copy of it (raw, or after: delete)"
	}
	return fmt.Sprintf("no room for %s: %d are free%s, and %d are to stay free (min_free); it is fetched when there is room, and left alone with a lower max_message_size", what, e.Free, others, e.Keep)
}

// DiskFull reports whether a visit ended because the disk had no room, found out before or
// while it wrote.
func DiskFull(err error) bool {
	_, ok := errors.AsType[*NoRoomError](err)
	return ok || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// allotment is the part of the new messages that a session is to fetch.
type allotment struct {
	whole []identity.Entry // to be taken apart
	raw   []identity.Entry // to be kept as they are
	// noRoom, unless nil, is why nothing is to be fetched. The session does everything else.
	noRoom error
}

// allowance counts what is fetched against MaxMessages and MaxBytes.
type allowance struct {
	messages int
	octets   int64
}

// allows reports whether one more message may be fetched. The first one always may, however
// large.
func (l *Limits) allows(taken allowance, size int64) bool {
	return (l.MaxMessages <= 0 || taken.messages < l.MaxMessages) && (l.MaxBytes <= 0 || taken.messages == 0 || taken.octets+size <= l.MaxBytes)
}

// allot applies the account's policies to the new messages: their size, how many one visit
// fetches, and the room on the disk.
func (p *poll) allot(ctx context.Context) (allotment, error) {
	a, unseen := p.Account, append(p.matcher.Difference.Unseen, identity.Turns(p.matcher.Listing.Nameless)...)
	var out allotment
	room := int64(-1) // no limit
	free := int64(0)
	promised := &p.poller.promised
	promised.mu.Lock()
	defer promised.mu.Unlock()
	if a.MinFree > 0 && len(unseen) > 0 {
		var err error
		if free, err = p.delivery.Sink.Free(ctx); DiskFull(err) {
			out.noRoom = err
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("ask for the room on the disk: %w", err)
		}
		room = max(free-a.MinFree-promised.octets, 0)
	}
	var octets, copied int64 // of what stays, and of the largest copy that may not
	var noRoom *NoRoomError  // of the first message without room
	for i, e := range unseen {
		size := max(e.Size, 0)
		oversize := a.MaxMessageSize > 0 && size > a.MaxMessageSize
		if p.matcher.Account.Skips(size) {
			continue
		}
		if !a.allows(p.fetch.taken, size) {
			for _, e := range unseen[i:] {
				if !p.matcher.Account.Skips(e.Size) {
					p.rest.left++
				}
			}
			break
		}
		size = p.listed(e)
		stays, copies := p.takes(e)
		if room >= 0 && octets+stays+max(copied, copies) > room {
			// A smaller one behind it may find room.
			if noRoom == nil {
				noRoom = &NoRoomError{Free: free, Keep: a.MinFree, Promised: promised.octets, Need: size, Copied: stays+copies > size, UIDL: foreign.UIDL(p.uidl(e))}
			}
			continue
		}
		octets, copied = octets+stays, max(copied, copies)
		p.fetch.taken.messages++
		p.fetch.taken.octets += size
		if oversize {
			out.raw = append(out.raw, e)
		} else {
			out.whole = append(out.whole, e)
		}
	}
	if noRoom != nil {
		if len(out.whole)+len(out.raw) > 0 {
			p.rest.more = true
		} else {
			out.noRoom = noRoom
		}
	}
	p.share.octets = octets + copied
	promised.octets += p.share.octets
	return out, nil
}

// stageRaw keeps a message as it is, as one file in the account's folder.
func (p *poll) stageRaw(ctx context.Context, e identity.Entry, body *boundedReader) (*ledger.Message, error) {
	uidl := p.uidl(e)
	raw, err := p.delivery.Sink.StageRaw(ctx, body, "", "message-"+delivery.QuarantineName(uidl, p.poller.now())+".eml")
	if err != nil {
		return nil, p.blame(ctx, e, body, err)
	}
	p.fetch.retrieved++
	envelope := p.poller.envelope(p.fetch.header.Header())
	delivery.Show(envelope).To(p.log.Info().Str("uidl", foreign.UIDL(uidl)).Int64("octets", body.n)).Msg("message kept as it is: larger than max_message_size")
	p.poller.observe(event.Retrieved{Account: p.Account.Name, UIDL: uidl, Octets: body.n, Attachments: 1})
	return &ledger.Message{Key: p.key(e), State: ledger.Delivered, Attachments: []ledger.Attachment{raw}, Envelope: envelope}, nil
}

// deletesFirst reports whether the session is to delete what is due and fetch nothing, and another
// one follows that fetches: a disk that fills up ends a session before it deletes. With MinFree,
// allot sees that coming by itself. Without, the disk may say of itself what is not so: hence the
// other session fetches whatever it says.
func (p *poll) deletesFirst(ctx context.Context) bool {
	d := &p.matcher.Difference
	if p.Account.MinFree > 0 || p.deletedFirst || p.loginDelay > 0 || len(d.Expired) == 0 || len(d.Unseen) == 0 {
		return false
	}
	need := int64(0)
	for _, e := range d.Unseen {
		if !p.matcher.Account.Skips(e.Size) {
			need += p.listed(e)
		}
	}
	if p.Account.MaxBytes > 0 {
		need = min(need, p.Account.MaxBytes)
	}
	free, err := p.delivery.Sink.Free(ctx)
	p.deletedFirst = DiskFull(err) || err == nil && free < need
	return p.deletedFirst
}

// again reports whether another session should follow at once: this one got something done and
// leaves more, or it may have seen only the beginning of the mailbox. None follows at a server
// that has just asked for fewer requests.
func (p *poll) again() bool {
	if p.rest.throttled {
		return false
	}
	return p.rest.deleteFirst || p.rest.more && p.fetch.retrieved+len(p.delivery.Tally.Committed)+p.removal.deleted > 0 || p.mailbox.Traits().Batches && p.fetch.retrieved+p.fetch.start.consumed >= drainAgain && p.rest.left == 0
}
