package wiring

import (
	"context"
	"errors"
	"io/fs"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Inspect answers questions about the output folder of an account, and makes nothing.
func Inspect(a config.Account) sink.Inspector { return sink.Inspect(a.Output) }

// InspectState opens the state to read it alone. It returns nil for a state that was not made yet.
func InspectState(ctx context.Context, c *config.Config) (*sqlite.Ledger, error) {
	led, err := sqlite.Inspect(ctx, c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return led, err
}

// FindDestination says which folder the output folder of an account is.
func FindDestination(ctx context.Context, a config.Account) (delivery.Destination, error) {
	return findDestination(ctx, Inspect(a))
}

func findDestination(ctx context.Context, folder sink.Inspector) (delivery.Destination, error) {
	is, err := folder.Identity(ctx)
	return delivery.Destination{Place: folder.Place(), ID: is.ID, Mark: is.Mark, Gone: is.Gone, Tidy: is.Tidy}, err
}

// CheckFolder fails where a poll would, before it asks the server. The folder of an account may be
// gone, or another one than before, or ahead of the state ([delivery.StaleError]). led is nil where
// no state was made yet.
func CheckFolder(ctx context.Context, led *sqlite.Ledger, a config.Account) error {
	found, err := FindDestination(ctx, a)
	if err != nil {
		return err
	}
	if led == nil {
		return delivery.CheckMark(ctx, nil, a.Name, found.Mark)
	}
	if _, err := delivery.CheckDestination(ctx, led, a.Name, found); err != nil {
		return err
	}
	return delivery.CheckMark(ctx, led, a.Name, found.Mark)
}

// CheckDestination returns a [*delivery.DestinationError] if an account delivered to another folder
// than the one that is there.
func CheckDestination(ctx context.Context, led *sqlite.Ledger, a config.Account) error {
	found, err := FindDestination(ctx, a)
	if err == nil {
		_, err = delivery.CheckDestination(ctx, led, a.Name, found)
	}
	return err
}
