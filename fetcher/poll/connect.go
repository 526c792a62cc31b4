package poll

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/event"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/session"
)

// connect opens the session and notes what the server announced.
func (p *poll) connect(ctx context.Context, visited identity.Visited) error {
	s, err := p.Account.openSession(ctx, session.Options{
		WithoutCapa: p.fallback.withoutCapa, Unpipelined: p.fallback.unpipelined, LoginAlone: p.fallback.loginAlone,
		Ask: p.questions(visited.Ever), Waiting: p.Waiting,
		Known: p.takesTogether, Since: p.since,
		Own: func(c *x509.Certificate) { p.noteCertificate(true, c) }, Log: p.log,
	})
	p.step = step(s.Step)
	p.ahead, p.sizesAhead = s.Asked > session.AskNothing, s.Asked == session.AskSizes
	p.together, p.known, p.greeting = s.Together, s.Known, s.Greeting
	if err != nil {
		return err
	}
	p.mailbox = s
	p.loginDelay = s.Traits().LoginDelay
	p.matcher = p.newMatcher(visited)
	p.noteExpiry(s.Expiry)
	p.noteCertificate(false, s.Certificate)
	p.log.Debug().Str("host", p.Account.Addr).Str("mechanism", s.Mechanism).Str("tls", s.TLS).Bool("resumed", s.Resumed).Bool("pipelining", s.Traits().Window > 1).Msg("logged in")
	in := event.LoggedIn{
		Account: p.Account.Name, Addr: p.Account.Addr, Mechanism: s.Mechanism, TLS: s.TLS,
		Pipelining: s.Traits().Window > 1, LoginDelay: p.loginDelay,
	}
	if s.Certificate != nil {
		in.NotAfter = s.Certificate.NotAfter
	}
	p.poller.observe(in)
	return nil
}

func (p *poll) newMatcher(visited identity.Visited) *identity.Matcher {
	account := p.Account.Identity()
	account.MostDeletions = p.mostDeletions()
	return &identity.Matcher{
		Account: account, Ledger: p.Ledger, Mailbox: p.mailbox, Visited: visited, Log: p.log, Now: p.poller.now,
		Manner: identity.Manner{
			OneByOne: p.fallback.oneByOne, Muted: p.muted, WithoutSizes: p.fallback.withoutSizes, WithoutHeaders: p.fallback.withoutTop,
			SizesAsked: p.sizesAhead,
		},
		Hold: p.holdListing, Spared: p.isSpared, Envelopes: seen{p.visit},
	}
}

// seen remembers the envelopes of the headers that the comparison reads.
type seen struct{ *visit }

// Header remembers the envelope of a message.
func (s seen) Header(k ledger.Key, header []byte) {
	s.Past.envelopes.remember(k, delivery.Show(s.poller.envelope(header)))
}

// Rename moves what is remembered of one key to another.
func (s seen) Rename(from, to ledger.Key) { s.Past.envelopes.rename(from, to) }

// questions returns what to ask ahead of the replies. LIST is one of them where new messages
// are likely: at the first visit, and in a mailbox that every visit empties.
func (p *poll) questions(visited bool) session.Questions {
	switch {
	case p.fallback.oneByOne, p.fallback.withoutSizes:
		return session.AskStat
	case !visited, p.Account.deletesAtOnce():
		return session.AskSizes
	}
	return session.AskKeys
}

// noteExpiry warns, once for each account and process, that the server deletes messages earlier
// than the account does (CAPA EXPIRE, RFC 2449 section 6.7).
func (p *poll) noteExpiry(is session.Expiry) {
	days := int(is.Keeps / (24 * time.Hour))
	switch {
	case !is.Set, p.Account.Delete && p.Account.DeleteAfter <= is.Keeps:
		return
	case !p.poller.expiry.first(p.Account.Name):
		return
	case p.Account.Delete:
		p.log.Warn().Int("days", days).Str("delete_after", p.Account.DeleteAfter.String()).Msg("server announces to delete messages before delete_after does (CAPA EXPIRE)")
	default:
		p.log.Warn().Int("days", days).Msg("server announces to delete messages by itself, although after is keep (CAPA EXPIRE)")
	}
}
