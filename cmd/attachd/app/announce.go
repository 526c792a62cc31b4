package app

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher"
)

// announceDeletions logs how many delivered messages the next poll will delete, for accounts about
// to be polled. changed says that they are new, or have changed, since polls began.
//
// An account that deletes messages as it delivers them has none to announce, unless they were to be
// kept until now or a deletion failed.
func (app *App) announceDeletions(ctx context.Context, changed bool, accounts ...fetcher.Account) {
	for _, a := range accounts {
		if a.Delete {
			app.announceDeletionsOf(ctx, changed, a)
		}
	}
}

func (app *App) announceDeletionsOf(ctx context.Context, changed bool, a fetcher.Account) {
	log := app.options.Log
	due, err := app.ledger.Due(ctx, a.Name, time.Now().Add(-a.DeleteAfter), a.DeleteEmpty)
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
