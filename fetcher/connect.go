package fetcher

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/attachd/attachd/fetcher/session"
)

// connect opens the session.
func (p *poll) connect(ctx context.Context) error {
	s, err := p.account.Endpoint.Open(ctx, session.Options{
		WithoutCapa: p.simply.withoutCapa, Unpipelined: p.simply.unpipelined, Ask: p.questions(), Waiting: p.slot.waiting,
		Own: func(c *x509.Certificate) { p.noteCertificate("the account's own", c) }, Log: p.log,
	})
	p.step = step(s.Step)
	p.ahead, p.sizesAhead = s.Asked > session.AskNothing, s.Asked == session.AskSizes
	if err != nil {
		return err
	}
	p.mailbox = s
	p.loginDelay = s.Traits().LoginDelay
	p.noteExpiry(s.Expiry)
	p.noteCertificate("the server's", s.Certificate)
	p.log.Debug().Str("host", p.account.Addr).Str("mechanism", s.Mechanism).Str("tls", s.TLS).Bool("resumed", s.Resumed).Bool("pipelining", s.Traits().Window > 1).Msg("logged in")
	p.observe(LoggedIn{Account: p.account.Name, Addr: p.account.Addr, Mechanism: s.Mechanism, TLS: s.TLS})
	return nil
}

// questions are those that every poll begins with; and LIST where something is likely to be new, as in a mailbox
// that every poll empties.
func (p *poll) questions() session.Questions {
	switch {
	case p.simply.oneByOne, p.simply.withoutSizes:
		return session.AskStat
	case !p.visited, p.account.deletesAtOnce():
		return session.AskSizes
	}
	return session.AskKeys
}

// noteExpiry says, once for each account while the process lives, that the server keeps messages for a
// shorter time than the account is told to.
func (p *poll) noteExpiry(is session.Expiry) {
	days := int(is.Keeps / (24 * time.Hour))
	switch {
	case !is.Set, p.account.Delete && p.account.DeleteAfter <= is.Keeps:
		return
	case !p.said.first(p.account.Name):
		return
	case p.account.Delete:
		p.log.Warn().Int("days", days).Str("delete_after", p.account.DeleteAfter.String()).Msg("server announces to delete messages before delete_after does (CAPA EXPIRE)")
	default:
		p.log.Warn().Int("days", days).Msg("server announces to delete messages by itself, although after is keep (CAPA EXPIRE)")
	}
}
