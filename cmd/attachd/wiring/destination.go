package wiring

import (
	"context"

	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/extractor/sink"
	"github.com/attachd/attachd/fetcher/delivery"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// FindDestination looks at the output folder of an account, and makes nothing.
func FindDestination(ctx context.Context, a config.Account) (delivery.Destination, error) {
	i, err := sink.Inspect(a.Output).Identity(ctx)
	return delivery.Destination{Place: a.Output, ID: i.ID, Mark: i.Mark, Gone: i.Gone}, err
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
