package fetcher

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Oversize is what becomes of a message beyond Account.MaxMessageSize.
type Oversize int

const (
	// OversizeSkip leaves it on the server, neither fetched nor recorded, so that
	// it comes once the limit is raised.
	OversizeSkip Oversize = iota
	// OversizeRaw saves it as it is, without taking it apart.
	OversizeRaw
)

// drainAgain is how many messages a poll of Gmail must have brought for another one to
// follow at once: it lists only the oldest 250 or so, and further ones when those
// have been fetched. Elsewhere a listing is whole, and that poll would find nothing.
const drainAgain = 200

// NoRoomError says that the disk has no room for a message, nor for any smaller one that is there, so that it was
// not asked for. The account goes on by itself when there is.
type NoRoomError struct {
	Free, Keep int64 // bytes that are free, and that are to stay so
	Promised   int64 // octets that other accounts are fetching just now
	Need       int64 // octets of the message
	UIDL       string
}

// Error says how much room is missing.
func (e *NoRoomError) Error() string {
	others := ""
	if e.Promised > 0 {
		others = fmt.Sprintf(", %d are what other accounts are fetching", e.Promised)
	}
	return fmt.Sprintf("no room for message '%s' of %d bytes: %d are free%s, and %d are to stay free (min_free); it is fetched when there is room, and left alone with a lower max_message_size", e.UIDL, e.Need, e.Free, others, e.Keep)
}

// diskFull reports whether a poll ended for want of room, known before or found out
// while writing.
func diskFull(err error) bool {
	_, ok := errors.AsType[*NoRoomError](err)
	return ok || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// allotment is what of the new messages a poll is to fetch.
type allotment struct {
	whole []entry // to be taken apart
	raw   []entry // to be kept as they are
	more  bool    // something is left for another session, which may come at once
	// noRoom, unless nil, is why nothing is to be fetched. What else a poll does, it does.
	noRoom error
}

// allowance counts what is fetched against MaxMessages and MaxBytes.
type allowance struct {
	messages int
	octets   int64
}

// allows tells whether one more message may be fetched: always one, however large.
func (a *Account) allows(taken allowance, size int64) bool {
	return (a.MaxMessages <= 0 || taken.messages < a.MaxMessages) && (a.MaxBytes <= 0 || taken.messages == 0 || taken.octets+size <= a.MaxBytes)
}

// allot applies the account's policies to the messages that are new: their size,
// the most that one poll is to fetch, and the room on the disk.
func (p *poll) allot(ctx context.Context, l *listing, unseen []entry) (allotment, error) {
	a := p.account
	var out allotment
	room := int64(-1) // no limit
	free := int64(0)
	promised := &p.common.promised
	promised.mu.Lock()
	defer promised.mu.Unlock()
	if a.MinFree > 0 && len(unseen) > 0 {
		var err error
		if free, err = p.delivery.Sink.Free(ctx); diskFull(err) {
			out.noRoom = err
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("ask for the room on the disk: %w", err)
		}
		room = max(free-a.MinFree-promised.octets, 0)
	}
	var octets int64
	var short *NoRoomError // for the first message that has none
	for i, e := range unseen {
		size := max(e.size, 0)
		oversize := a.MaxMessageSize > 0 && size > a.MaxMessageSize
		if a.skips(size) {
			p.oversized[l.uidl(e)] = size
			p.log.Debug().Str("uidl", foreign.UIDL(l.uidl(e))).Int64("octets", size).Msg("message left on the server: larger than max_message_size")
			continue
		}
		if !a.allows(p.taken, size) {
			for _, e := range unseen[i:] {
				if !a.skips(e.size) {
					p.left++
				} else {
					p.oversized[l.uidl(e)] = e.size
				}
			}
			break
		}
		if size > p.maxMessage() {
			size = 0 // nobody has such messages: the server counts in ways of its own
		}
		if room >= 0 && octets+size > room {
			// Smaller ones behind it may have room.
			if short == nil {
				short = &NoRoomError{Free: free, Keep: a.MinFree, Promised: promised.octets, Need: size, UIDL: foreign.UIDL(l.uidl(e))}
			}
			continue
		}
		octets += size
		p.taken.messages++
		p.taken.octets += size
		if oversize {
			out.raw = append(out.raw, e)
		} else {
			out.whole = append(out.whole, e)
		}
	}
	if short != nil {
		if out.more = len(out.whole)+len(out.raw) > 0; !out.more {
			out.noRoom = short
		}
	}
	p.mine.octets = octets
	promised.octets += octets
	return out, nil
}

// skips reports whether a message of this size is left on the server, unknown to the ledger.
func (a *Account) skips(size int64) bool {
	return a.MaxMessageSize > 0 && size > a.MaxMessageSize && a.Oversize == OversizeSkip
}

// stageRaw keeps a message as it is, as a file of its own in the account's folder.
func (p *poll) stageRaw(ctx context.Context, l *listing, e entry, body *boundedReader) (*ledger.Message, error) {
	uidl := l.uidl(e)
	raw, err := p.delivery.Sink.StageRaw(ctx, body, "", "message-"+delivery.QuarantineName(uidl, p.now())+".eml")
	if err != nil {
		return nil, p.blame(ctx, l, e, body, err)
	}
	p.retrieved++
	envelope := p.envelope(p.header.header)
	envelope.To(p.log.Info().Str("uidl", foreign.UIDL(uidl)).Int64("octets", body.n)).Msg("message kept as it is: larger than max_message_size")
	p.observe(Retrieved{Account: p.account.Name, UIDL: uidl, Octets: body.n, Attachments: 1})
	return &ledger.Message{Key: l.key(e), State: ledger.Delivered, Attachments: []ledger.Attachment{raw}, From: envelope.From, Subject: envelope.Subject}, nil
}

// again reports whether another poll should follow at once: one that got something
// done and leaves more to do, or that may have seen only the beginning of a mailbox; but not to a server that has just
// wanted to be asked for less.
func (p *poll) again() bool {
	if p.throttled {
		return false
	}
	return p.more && p.retrieved+len(p.delivery.Tally.Committed)+p.deleted > 0 || p.mailbox.Traits().Batches && p.retrieved >= drainAgain && p.left == 0
}
