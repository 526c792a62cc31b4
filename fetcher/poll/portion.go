package poll

import (
	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/ledger"
)

// breach is where the line broke among the DELE of a session.
type breach struct {
	key      ledger.Key // the first message without an answer, or the last one that was refused
	answered int        // how many DELE were answered before
	of       int        // how many were to be sent
}

// portion is how many messages a session deletes. It is comparable.
//
// Deletions last only once QUIT is answered, so a line that breaks among DELE has deleted nothing.
// A server may break it after some number of commands, or at one message. The next session deletes
// no more than were answered, and half as many at most. What goes well doubles the number, unless
// the line broke at the same number twice. A message is blamed that breaks the line alone.
type portion struct {
	most     int  // 0 for all
	answered int  // before the line broke last
	fixed    bool // it broke there twice
}

// after returns the portion of the session after one that broke.
func (n portion) after(b breach) portion {
	return portion{most: max(1, min(b.of/2, b.answered)), answered: b.answered, fixed: b.answered > 0 && b.answered == n.answered}
}

// grown returns the portion of the session after one that went well.
func (n portion) grown() portion {
	if !n.fixed {
		n.most *= 2
	}
	return n
}

// mostDeletions returns how many messages the session may delete, 0 for no limit.
func (p *poll) mostDeletions() int {
	most, fewer := p.Account.CommitDeletions, p.fallback.removal.most
	if most <= 0 || fewer > 0 && fewer < most {
		return fewer
	}
	return most
}

// fewerDeletions returns the fallback after a session that broke among its DELE. A message that
// broke it alone stays on the server for a day.
func (p *poll) fewerDeletions(err error) fallback {
	more, at := p.fallback, p.removal.brokeAt
	switch {
	case at.of > 1:
		more.removal = more.removal.after(*at)
		p.log.Info().Int("answered", at.answered).Int("messages", more.removal.most).Err(err).Msg("connection broke among deletions: fewer messages are deleted in each session")
	case more.spared < mostSpared:
		p.removal.blamed = p.poller.now().Add(fallbackLasts)
		p.Past.spared[at.key] = p.removal.blamed
		p.log.Warn().Str("uidl", foreign.UIDL(at.key.UIDL)).Time("until", p.removal.blamed).Err(err).Msg("message stays on the server for a day: the connection breaks at its DELE")
		more.spared++
		more.removal.fixed = false // it was this message, and no number
	}
	return more
}
