package history

import (
	"context"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Ledger is the state, as far as a history asks it: for the files that no event told of. That is so
// after a crash, when the history was lost or could not be written, and when another process
// delivers.
type Ledger interface {
	// Rows returns the rows of up to limit messages behind after, in their order.
	Rows(ctx context.Context, after int64, limit int) ([]ledger.Row, error)
	// RowsOf returns those of the rows that are there, in their order.
	RowsOf(ctx context.Context, ids []int64) ([]ledger.Row, error)
	// Filed returns the messages of some rows with the files that stand under their names.
	Filed(ctx context.Context, ids []int64) ([]ledger.Filed, error)
}
