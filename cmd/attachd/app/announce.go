package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// announceDeletions logs how many delivered messages the next poll will delete, for each account
// that is new or changed between two configurations. Before the first poll, before is nil and all
// are new.
//
// An account that deletes messages as it delivers them has none to announce, unless they were to be
// kept until now or a deletion failed.
func announceDeletions(ctx context.Context, led *sqlite.Ledger, log zerolog.Logger, before, now *config.Config) {
	added, _, changed := config.Diff(before, now)
	affected := make(map[string]bool)
	for _, a := range append(added, changed...) {
		affected[a.Name] = true
	}
	for _, a := range wiring.Accounts(now, nil) {
		if affected[a.Name] && a.Delete {
			announceDeletionsOf(ctx, led, log, a, before != nil)
		}
	}
}

func announceDeletionsOf(ctx context.Context, led *sqlite.Ledger, log zerolog.Logger, a fetcher.Account, changed bool) {
	due, err := led.Due(ctx, a.Name, time.Now().Add(-a.DeleteAfter), a.DeleteEmpty)
	if err != nil {
		log.Warn().Str("account", a.Name).Err(err).Msg("deletions of the next poll not counted")
		return
	}
	level := zerolog.InfoLevel
	if changed || a.DeleteAfter == 0 {
		level = zerolog.WarnLevel
	}
	if due.Deleted > 0 {
		log.WithLevel(level).Str("account", a.Name).Int("messages", due.Deleted).Msg("delivered messages will be deleted at the next poll")
	}
	if staying := due.Empty + due.Unread; staying > 0 && changed {
		log.Info().Str("account", a.Name).Int("messages", staying).Int("without_file", due.Empty).Msg("delivered messages stay on the server: no file of them was delivered, or something of them could not be read right")
	}
}
