package state

import (
	"context"
	"fmt"
	"slices"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/quarantine"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Forgotten says which messages of an account to forget. One of the fields is set.
type Forgotten struct {
	// UIDLs names single messages.
	UIDLs []string
	// Staged are those with a file in a staging folder that is gone.
	Staged bool
	// Skipped are those that were on the server before the account's start.
	Skipped bool
	// All are all.
	All bool
}

// Forget removes what the state knows of messages, and returns how many they were, and of those
// that UIDLs names how many had been delivered. The next poll fetches them again if they are still
// on the server. Forget fails while the account is being
// polled. It also fails for a message in quarantine, as its file would be forgotten, too.
func Forget(ctx context.Context, a *app.App, account config.Account, what Forgotten) (messages, delivered int, err error) {
	records, err := a.Ledger().Quarantined(ctx, account.Name)
	if err != nil {
		return 0, 0, err
	}
	for _, r := range records {
		m := quarantine.Message{Account: account, Record: r}
		if (what.All || slices.Contains(what.UIDLs, r.UIDL)) && m.Verify(ctx) == nil {
			return 0, 0, fmt.Errorf("message %s is in quarantine, and its file would be forgotten: first attachd quarantine retry, or drop, it", m.ID())
		}
	}
	switch {
	case what.All:
		messages, err = a.Supervisor().ForgetAll(ctx, account.Name)
		return messages, 0, err
	case what.Skipped:
		messages, err = a.Supervisor().ForgetSkipped(ctx, account.Name)
		return messages, 0, err
	}
	messages, err = a.Supervisor().Forget(ctx, account.Name, func(ctx context.Context) ([]ledger.Key, error) {
		if what.Staged {
			return StagedElsewhere(ctx, a.Ledger(), account)
		}
		records, err := a.Ledger().Lookup(ctx, account.Name, what.UIDLs)
		keys := make([]ledger.Key, len(records))
		for i, r := range records {
			keys[i] = r.Key
			if !r.Delivered.IsZero() {
				delivered++
			}
		}
		return keys, err
	})
	return messages, delivered, err
}

// StagedElsewhere lists the messages with a file in a staging folder that is gone.
func StagedElsewhere(ctx context.Context, led *sqlite.Ledger, a config.Account) ([]ledger.Key, error) {
	folder, err := wiring.Inspect(a).Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	messages, err := led.Unfinished(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	var keys []ledger.Key
	for _, m := range messages {
		if slices.ContainsFunc(m.Attachments, func(f ledger.Attachment) bool {
			return f.StagingID != "" && folder.Fate(f.StagingID) == sink.Elsewhere
		}) {
			keys = append(keys, m.Key)
		}
	}
	return keys, nil
}
