package state

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/cmd/attachd/app"
	"github.com/attachd/attachd/cmd/attachd/wiring"
	"github.com/attachd/attachd/config"
	"github.com/attachd/attachd/fetcher"
	"github.com/attachd/attachd/fetcher/identity"
	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/ledger/sqlite"
)

// adoptTimeout bounds the listing of one account, whatever its server does.
const adoptTimeout = 10 * time.Minute

// Rebuild is the state file in the hands of one process, to be made anew from what the servers
// list.
type Rebuild struct {
	// Replaced, unless nil, says what became of a damaged file.
	Replaced *sqlite.Replaced

	config     *config.Config
	ledger     *sqlite.Ledger
	supervisor *fetcher.Supervisor
	release    func() error
}

// OpenRebuild opens the state file, which no other process may have open. One that is damaged is
// kept beside the new one that takes its place.
func OpenRebuild(ctx context.Context, c *config.Config) (*Rebuild, error) {
	release, err := sqlite.Own(c.State)
	if err != nil {
		return nil, err
	}
	r := &Rebuild{config: c, release: release}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, release())
	}
	r.supervisor = app.NewSupervisor(app.Options{Config: c}, r.ledger)
	return r, nil
}

// open opens the ledger, a new one if it is not sound.
func (r *Rebuild) open(ctx context.Context) error {
	path := r.config.State
	led, err := sqlite.Open(ctx, path)
	if err == nil {
		if err = led.Check(ctx); err == nil {
			r.ledger = led
			return nil
		}
		err = errors.Join(err, led.Close())
	}
	if !errors.Is(err, ledger.ErrDamaged) {
		return err
	}
	led, replaced, err := sqlite.Replace(ctx, path, time.Now())
	r.ledger, r.Replaced = led, &replaced
	return err
}

// Close closes the state file and lets other processes have it.
func (r *Rebuild) Close() error { return errors.Join(r.ledger.Close(), r.release()) }

// Forgo records nothing of an account: whatever the state does not know is fetched again. The
// account is polled from then on even if its folder has had more deliveries than the state knows.
func (r *Rebuild) Forgo(ctx context.Context, a config.Account) error {
	folder, err := wiring.FindDestination(ctx, a)
	if err != nil {
		return err
	}
	return r.ledger.CatchUp(ctx, a.Name, folder.Mark)
}

// Adoption says how [Rebuild.Adopt] records messages.
type Adoption struct {
	// Delete lets an account with after: delete delete what is recorded, delete_after from now.
	Delete bool
	// Newer leaves messages to be fetched that came after all that the state knows.
	Newer bool
}

// Adopted is what recording the messages of an account came to.
type Adopted struct {
	identity.Adopted
	// Since is until when the state knew of all messages, zero if it never knew any. Unknown are
	// then those that it did not know.
	Since   time.Time
	Unknown []Unknown
}

// Adopt asks the server of an account what it holds, and records each message that the state does
// not know as delivered, without downloading any. The account is polled from then on.
func (r *Rebuild) Adopt(ctx context.Context, a config.Account, o Adoption) (*Adopted, error) {
	folder, err := wiring.FindDestination(ctx, a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	generation, err := r.ledger.Generation(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	how := identity.Adoption{UpToDate: r.Replaced == nil && generation >= folder.Mark}
	if o.Delete {
		how.Delivered = time.Now()
	}
	since, err := r.ledger.KnownUntil(ctx, a.Name)
	if err == nil && o.Newer && since.IsZero() {
		err = errors.New("the state knows nothing at all, so that no message is newer than it; put the backup in its place, or leave --newer-than-backup out")
	}
	if err != nil {
		return nil, err
	}
	unknown := &unknownMessages{since: since, newer: o.Newer}
	if !since.IsZero() { // or it is no backup, and has nothing to list
		how.Look, how.Again = unknown.look, o.Newer
	}
	adopted, err := r.supervisor.Adopt(ctx, wiring.Account(r.config, a, nil), how, zerolog.Nop())
	if err != nil {
		return nil, err
	}
	return &Adopted{adopted, since, unknown.found}, r.ledger.CatchUp(ctx, a.Name, folder.Mark)
}
