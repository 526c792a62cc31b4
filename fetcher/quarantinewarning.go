package fetcher

import (
	"context"
	"slices"
	"time"
)

// warnAgain is the time between two warnings about messages in quarantine.
const warnAgain = 24 * time.Hour

// warnOfQuarantine logs for each account how many messages are in its quarantine, if any are.
func (s *Supervisor) warnOfQuarantine(ctx context.Context) {
	counts, err := s.Ledger.QuarantineCounts(ctx)
	if err != nil {
		s.Log.Warn().Err(err).Msg("messages in quarantine could not be counted")
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
