package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/mailbox"
)

// fallback is what the next session does without, because one broke where a server's bug may be
// the reason. It must be comparable.
type fallback struct {
	// unpipelined sends one request at a time, and commits messages one by one.
	unpipelined bool
	// loginAlone sends nothing with the login, and its commands one by one.
	loginAlone bool
	// withoutCapa asks no CAPA.
	withoutCapa bool
	// topAgain means that the line broke at TOP once. TOP gets another chance.
	topAgain bool
	// withoutTop asks no TOP, so that less is known of UIDLs used again.
	withoutTop bool
	// oneByOne asks for the UIDL of each message alone.
	oneByOne bool
	// withoutSizes asks no LIST.
	withoutSizes bool
	// removal is how many messages are deleted at a time.
	removal portion
	// spared is how many messages were found to break the line at DELE, and muted at UIDL.
	spared, muted int
}

// mostSpared is how many messages a visit leaves alone because the line breaks at them, at the
// price of a session each. A server that breaks at every message is not asked without end.
const mostSpared = 3

// A fallback that helped is used for a day. A line may break by chance, so it must have helped
// twice, unless the server fell out of step.
const (
	fallbackLasts = ledger.LongestWait
	fallbackLeast = 2
)

// brokenBy is a server and a fallback that helped there.
type brokenBy struct {
	addr string
	fallback
}

// fallbackAfter returns the fallback for the session after one that ended with err. It adds to
// the last one if the line broke where a server's bug is a likely reason, and something is left
// to try. A reply -ERR does not break the line, and a session that took all its time leaves none
// for another.
func (p *poll) fallbackAfter(err error) fallback {
	more := p.fallback
	if !mailbox.Broken(err) || overtime(err) || mailbox.EndlessList(err) && p.step != stepCapa {
		return more
	}
	switch {
	case p.matcher != nil && p.matcher.Endless != identity.Endless{}:
		return p.fallbackFromEndless(more)
	case p.step == stepList && p.matcher.AtHeaders:
		more.topAgain, more.withoutTop = true, more.topAgain
	case p.together && p.step == stepCapa:
		more.loginAlone = true // CAPA was the first command behind the login
	case p.together && p.step == stepLogin:
		// A reply that makes no sense may be a refusal, and two of them lock an account.
		if _, fault := errors.AsType[mailbox.Fault](err); !fault {
			more.loginAlone, more.unpipelined = true, true
		}
	case p.ahead && p.step <= stepList:
		more.unpipelined = true
	case p.step == stepCapa:
		more.withoutCapa = true
	case p.step == stepRetrieve, p.step >= stepDelete && p.mailbox.Traits().Window > 1:
		more.unpipelined = true
		if p.removal.brokeAt != nil {
			more.removal.answered = p.removal.brokeAt.answered
		}
	case p.removal.brokeAt != nil:
		more = p.fewerDeletions(err)
	}
	return more
}

// fallbackFromEndless returns the fallback after a reply that did not end: the mailbox is
// listed without sizes, or message by message, or without the messages whose UIDL does not end.
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

// recordedFallback returns the fallback that the ledger has of a server.
func recordedFallback(known ledger.Host, now time.Time) fallback {
	return fallback{
		unpipelined: ledger.Waits(now, known.Unpipelined), withoutCapa: ledger.Waits(now, known.WithoutCapa), loginAlone: ledger.Waits(now, known.LoginAlone),
	}
}

// recordFallback records that a visit went well with a fallback, and not without, or with what
// was remembered: its first session ended with broke. A server whose login is sent alone broke
// before, when more was sent with it.
func (r *Poller) recordFallback(ctx context.Context, hosts Hosts, addr string, made, remembered fallback, broke error, now time.Time) error {
	made.oneByOne, made.withoutSizes, made.muted = false, false, 0 // these cost little
	if made.removal.most > 0 {
		made.unpipelined = remembered.unpipelined // it did not help, fewer deletions did
	}
	made.removal = portion{}
	if made.topAgain, made.withoutTop, made.spared = false, false, 0; made == (fallback{}) {
		return nil // TOP is asked for rarely, and a break there costs one session
	}
	times := fallbackLeast
	if !mailbox.OutOfStep(broke) && !(remembered.loginAlone && !remembered.unpipelined && made.unpipelined) {
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
	if made.loginAlone {
		known.LoginAlone = now.Add(fallbackLasts)
	}
	r.Log.Warn().Str("host", addr).Bool("capa", !made.withoutCapa).Bool("pipelining", !made.unpipelined).Bool("with_login", !made.loginAlone).Time("until", now.Add(fallbackLasts)).AnErr("broke", broke).Msg("server compatibility mode: polls do without CAPA or pipelining, or without commands sent with the login, for a day, as sessions broke there")
	if err := hosts.SetHost(ctx, addr, known); err != nil {
		return fmt.Errorf("record what is known of %s: %w", addr, err)
	}
	return nil
}
