package delivery

import (
	"context"
	"fmt"
)

// StaleError says that the account's folder has deliveries that the ledger does not
// know of: it was lost, or is an older copy. To go on would deliver them again.
type StaleError struct {
	Mark, Generation int64 // how far the folder is, and the ledger
}

// Error says what happened and what to do.
func (e *StaleError) Error() string {
	return fmt.Sprintf("the state file is older than this account's folder, or was lost and made anew: the folder had %d groups delivered, the state knows %d. "+
		"Put the newest state file back; if there is none, attachd state rebuild records what is on the server as delivered", e.Mark, e.Generation)
}

// CheckMark returns a [*StaleError] for a ledger that is behind an account's folder, whose mark is given; nil is a ledger that is not there.
func CheckMark(ctx context.Context, led Generations, account string, mark int64) error {
	var generation int64
	if led != nil {
		var err error
		if generation, err = led.Generation(ctx, account); err != nil {
			return err
		}
	}
	if mark > generation {
		return &StaleError{mark, generation}
	}
	return nil
}

// checkMark returns a [*StaleError] for a ledger that is behind the folder.
func (d *Delivery) checkMark(ctx context.Context) error {
	mark, err := d.Sink.Mark(ctx)
	if err != nil {
		return err
	}
	return CheckMark(ctx, d.Ledger, d.Account, mark)
}

// Recover finishes what an earlier visit staged and could not complete, before
// anything new is staged, and removes the staging files that the ledger never came
// to know. It fails with a [*StaleError] where the ledger is behind the folder.
func (d *Delivery) Recover(ctx context.Context) error {
	if err := d.checkMark(ctx); err != nil {
		return err
	}
	group, err := d.Ledger.Unfinished(ctx, d.Account)
	if err != nil {
		return fmt.Errorf("read unfinished deliveries: %w", err)
	}
	if len(group) > 0 {
		if err := d.publish(ctx, group); err != nil {
			return fmt.Errorf("finish an interrupted delivery: %w", err)
		}
		d.note(group)
		d.Log.Warn().Int("messages", len(group)).Msg("finished an interrupted delivery")
	}
	swept, err := d.Sink.Sweep(ctx)
	if err != nil {
		return fmt.Errorf("remove unfinished files: %w", err)
	}
	if swept > 0 {
		d.Log.Warn().Int("files", swept).Msg("removed unfinished files of an interrupted poll, to be fetched again")
	}
	d.Tally.Committed = nil // the listing will say which of them to delete
	return nil
}
