package app

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/console"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// announceDeletions says how many messages that were delivered the next poll will delete: of accounts that are new or changed, and
// before the first poll of all of them (before is nil then). Where messages are deleted as they are delivered, there are
// none, unless they were to be kept until now or a deletion failed.
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
		log.WithLevel(level).Str("account", a.Name).Int("messages", due.Deleted).Msg(console.Count(due.Deleted, "delivered message") + " will be deleted at the next poll")
	}
	if staying := due.Empty + due.Unread; staying > 0 && changed {
		log.Info().Str("account", a.Name).Int("messages", staying).Int("without_file", due.Empty).Msg(fmt.Sprintf("%s before will stay on the server: no file of them was delivered, or something of them could not be read right", console.Count(staying, "message")+" delivered"))
	}
}
