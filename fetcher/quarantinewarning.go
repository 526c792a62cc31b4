package fetcher

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// warnAgain is how often it is said that messages are in quarantine.
const warnAgain = 24 * time.Hour

// warnOfQuarantine says of each account how many messages are in its quarantine, if any are.
func (s *Supervisor) warnOfQuarantine(ctx context.Context) {
	counts, err := s.Ledger.QuarantineCounts(ctx)
	if err != nil {
		s.Log.Warn().Err(err).Msg("messages in quarantine not counted")
		return
	}
	var names []string
	for name := range counts {
		if s.polled(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		s.Log.Warn().Str("account", name).Int("messages", counts[name]).Msg("messages are in quarantine: attachd quarantine list says which and why")
	}
}

// countQuarantine adds to a line of the log how many messages of the account are in quarantine.
func (l *loop) countQuarantine(e *zerolog.Event) *zerolog.Event {
	if !e.Enabled() {
		return e
	}
	counts, err := l.supervisor.Ledger.QuarantineCounts(context.Background())
	if err != nil {
		return e.AnErr("in_quarantine", err)
	}
	return e.Int("in_quarantine", counts[l.account.Name])
}
