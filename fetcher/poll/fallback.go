package poll

import (
	"context"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// fallback are ways in which a server is spoken to more simply, because a poll broke
// where pipelining or CAPA may have been the reason. Without pipelining, messages are also
// committed one by one. Without TOP, less is known of UIDLs that are used again; a line that breaks there is given
// another chance first. Some messages are spared DELE.
type fallback struct {
	unpipelined, withoutCapa, topAgain, withoutTop bool
	spared                                         int
	// See fallbackFromEndless.
	oneByOne, withoutSizes bool
	muted                  int
}

// mostSpared is how many messages a poll finds out, at a session each, at whose DELE the line breaks. A server that breaks at
// every one is not asked without end.
const mostSpared = 3

// A server is spared for a day what it broke by and did well without. A line may break by
// chance, so it takes two times, unless what came was out of step.
const (
	fallbackLasts = 24 * time.Hour
	fallbackLeast = 2
)

// brokenBy is what a server broke by.
type brokenBy struct {
	addr string
	fallback
}

// fallbackAfter returns how the server is to be spoken to after a poll that ended with err: more
// simply when the line broke (an -ERR does not break it) where a server's bug is a
// likely reason, and there is something left to try.
func (p *poll) fallbackAfter(err error) fallback {
	more := p.fallback
	if !mailbox.Broken(err) || mailbox.EndlessList(err) && p.step != stepCapa {
		return more
	}
	switch {
	case p.matcher != nil && p.matcher.Endless != identity.Endless{}:
		return p.fallbackFromEndless(more)
	case p.step == stepList && p.matcher.AtHeaders:
		more.topAgain, more.withoutTop = true, more.topAgain
	case p.ahead && p.step <= stepList:
		more.unpipelined = true
	case p.step == stepCapa:
		more.withoutCapa = true
	case p.step == stepRetrieve, p.step >= stepDelete && p.mailbox.Traits().Window > 1:
		more.unpipelined = true
	case p.brokeAt != nil && more.spared < mostSpared:
		p.Past.spared[*p.brokeAt] = p.poller.now().Add(fallbackLasts)
		p.log.Warn().Str("uidl", foreign.UIDL(p.brokeAt.UIDL)).Time("until", p.Past.spared[*p.brokeAt]).Err(err).Msg("message is left on the server, which breaks at its DELE")
		more.spared++
	}
	return more
}

// fallbackFromEndless has the mailbox listed otherwise, up to a few times.
func (p *poll) fallbackFromEndless(more fallback) fallback {
	switch where := p.matcher.Endless; {
	case where.List == "LIST":
		more.withoutSizes = true
	case !more.oneByOne:
		more.oneByOne = true
	case more.muted < mostSpared:
		p.muted[where.Message] = true
		more.muted++
	}
	return more
}

// recordedFallback returns what is still to be recordedFallback to a server.
func recordedFallback(known ledger.Host, now time.Time) fallback {
	return fallback{unpipelined: now.Before(known.Unpipelined), withoutCapa: now.Before(known.WithoutCapa)}
}

// recordFallback notes that a poll went well with fallback and not without, as it ended with
// broke then.
func (r *Poller) recordFallback(ctx context.Context, hosts Hosts, addr string, made fallback, broke error, now time.Time) error {
	made.oneByOne, made.withoutSizes, made.muted = false, false, 0 // which cost little
	if made.topAgain, made.withoutTop, made.spared = false, false, 0; made == (fallback{}) {
		return nil // what breaks at TOP is asked again in the same poll, and TOP is not asked for often
	}
	times := fallbackLeast
	if !mailbox.OutOfStep(broke) {
		r.mu.Lock()
		if r.broke == nil {
			r.broke = make(map[brokenBy]int)
		}
		r.broke[brokenBy{addr, made}]++
		times = r.broke[brokenBy{addr, made}]
		r.mu.Unlock()
	}
	if times < fallbackLeast {
		return nil
	}
	var known ledger.Host
	if made.unpipelined {
		known.Unpipelined = now.Add(fallbackLasts)
	}
	if made.withoutCapa {
		known.WithoutCapa = now.Add(fallbackLasts)
	}
	r.Log.Warn().Str("host", addr).Bool("capa", !made.withoutCapa).Bool("pipelining", !made.unpipelined).Time("until", now.Add(fallbackLasts)).AnErr("broke", broke).Msg("server is spoken to more simply")
	if err := hosts.SetHost(ctx, addr, known); err != nil {
		return fmt.Errorf("record what is known of %s: %w", addr, err)
	}
	return nil
}
