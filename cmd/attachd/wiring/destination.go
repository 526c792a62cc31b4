package wiring

import (
	"context"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// Inspect answers questions about the output folder of an account, and makes nothing.
func Inspect(a config.Account) sink.Inspector { return sink.Inspect(a.Output) }

// FindDestination says which folder the output folder of an account is.
func FindDestination(ctx context.Context, a config.Account) (delivery.Destination, error) {
	folder := Inspect(a)
	is, err := folder.Identity(ctx)
	return delivery.Destination{Place: folder.Place(), ID: is.ID, Mark: is.Mark, Gone: is.Gone}, err
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
