package poll

import (
	"context"
	"maps"
	"slices"

	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
)

// mostStaying is how many messages that stay on the server a visit tells of one by one.
const mostStaying = 100

// Reasons why a message is not fetched, or not delivered.
const (
	whyOversized = "larger than max_message_size"
	whyPutBack   = "delivered before and deleted, and put back by somebody"
	whyBefore    = "on the server before the account's start"
)

// leaveOversized notes which of the new messages stay on the server for their size.
func (p *poll) leaveOversized() {
	for _, entries := range [][]identity.Entry{p.matcher.Difference.Unseen, p.matcher.Listing.Nameless} {
		for _, e := range entries {
			if !p.matcher.Account.Skips(e.Size) {
				continue
			}
			p.rest.oversized[p.uidl(e)] = e.Size
			p.rest.tooLarge++
			p.log.Debug().Str("uidl", foreign.UIDL(p.uidl(e))).Int64("octets", e.Size).Msg("message left on the server: larger than max_message_size")
		}
	}
}

// noteTooLarge records how many messages stay on the server for their size, and warns of them where
// the number has changed. A process that polls once has it from the one before.
func (p *poll) noteTooLarge(ctx context.Context) error {
	n := p.rest.tooLarge
	if n == p.rest.knownLarge {
		return nil
	}
	if n > 0 {
		some := slices.Sorted(maps.Keys(p.rest.oversized))
		for i, uidl := range some {
			some[i] = foreign.UIDL(uidl)
		}
		p.log.Warn().Int("messages", n).Strs("uidls", some[:min(len(some), 10)]).Int64("max_message_size", p.Account.MaxMessageSize).
			Msg("left messages on the server that are too large: raise max_message_size, and they are fetched")
	}
	return p.Ledger.SetTooLarge(ctx, p.Account.Name, n)
}

// tellOversized tells of the messages left on the server for their size, those that the visit
// before left apart.
func (v *visit) tellOversized(now map[string]int64) {
	if v.poller.Observe == nil {
		return
	}
	var fresh []string
	for _, uidl := range slices.Sorted(maps.Keys(now)) {
		if _, told := v.Past.oversized[uidl]; !told {
			fresh = append(fresh, uidl)
		}
	}
	told := fresh[:min(len(fresh), mostStaying)]
	for i, uidl := range told {
		e := event.LeftOut{
			Account: v.Account.Name, UIDL: uidl, Octets: now[uidl], Size: now[uidl], Why: whyOversized, Setting: "max_message_size", Stays: true,
		}
		if i == len(told)-1 {
			e.More = len(fresh) - len(told)
		}
		v.poller.observe(e)
	}
}
