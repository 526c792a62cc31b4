package delivery

import (
	"context"
	"fmt"
)

// StaleError reports that the account's folder has received groups that the ledger does not know:
// the ledger was lost, or is an older copy. A poll would deliver them again.
type StaleError struct {
	// Mark is how many groups the folder has received.
	Mark int64
	// Generation is how many groups the ledger knows.
	Generation int64
}

// Error says what happened and what to do.
func (e *StaleError) Error() string {
	return fmt.Sprintf("the state file is older than this account's folder, or was lost and made anew: the folder has received %d groups, and the state knows %d. "+
		"Put the newest state file back; if there is none, attachd state rebuild records what is on the server as delivered", e.Mark, e.Generation)
}

// CheckMark returns a [*StaleError] if the ledger is behind the mark of an account's folder. A nil
// ledger is one that does not exist, and knows no groups.
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

// checkMark is CheckMark for the delivery's own ledger and sink.
func (d *Delivery) checkMark(ctx context.Context) error {
	mark, err := d.Sink.Mark(ctx)
	if err != nil {
		return err
	}
	return CheckMark(ctx, d.Ledger, d.Account, mark)
}

// Recover publishes what an earlier visit staged and did not finish, and removes the staging files
// that the ledger does not know. It must run before anything new is staged. It fails with a
// [*StaleError] if the ledger is behind the folder.
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
	d.Tally.Committed = nil // they are deleted when a listing has them
	return nil
}
