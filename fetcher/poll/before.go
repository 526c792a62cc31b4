package poll

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/foreign"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
)

// cameBefore reports whether a message was delivered before, so that it is not delivered again.
// The copy that quarantine lacks of a delivered message is none.
func (r *received) cameBefore() bool {
	return r.known == identity.Settled || r.known == identity.PutBack || r.message.Before > 0 && !r.message.Retried
}

// findPutBack marks the messages about to be delivered that were delivered and deleted before.
func (p *poll) findPutBack(ctx context.Context, staged []received) error {
	var messages []*ledger.Message
	undated := make(map[*ledger.Message]bool)
	for _, r := range staged {
		if r.known == identity.Unknown {
			messages = append(messages, r.message)
			undated[r.message] = r.undated
		}
	}
	back, err := p.matcher.FindPutBack(ctx, messages, func(m *ledger.Message) bool { return undated[m] })
	for i, r := range staged {
		if back[r.message] {
			staged[i].known = identity.PutBack
		}
	}
	return err
}

// tellPutBack tells of a message that was delivered and deleted before, and is not delivered
// again.
func (p *poll) tellPutBack(m *ledger.Message) {
	p.poller.observe(leftOut(p.Account.Name, m, ledger.LeftOut{Size: m.Size, Why: whyPutBack}, false))
}

// noteSettled logs that a message came again and is not delivered again. One that is deleted may
// have been sent once more, byte for byte, and so is worth a line. One that stays, or that the
// server does not delete, comes at every poll.
func (p *poll) noteSettled(k ledger.Key, goes bool) {
	level, text := zerolog.DebugLevel, "message was delivered before: it is not delivered again"
	if goes {
		level, text = zerolog.InfoLevel, text+", and is to be deleted on the server"
	}
	p.Past.envelopes.of(k).To(p.log.WithLevel(level).Str("uidl", foreign.UIDL(k.UIDL))).Msg(text)
}
