package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Destination is what stands where an account's files go to.
type Destination struct {
	Place string // the folder's path
	ID    string // tells the folder from another one in its place, as [Sink] leaves it there; "" for none
	Mark  int64  // see [Sink]
	Gone  bool   // nothing stands there
}

// DestinationError says that files were delivered to a folder that is not there now: its disk is not mounted, or somebody removed
// it. Whoever runs as root, or may write to the empty mount point, would fill the wrong disk, and nobody would look there.
type DestinationError struct {
	Account, Place string
	Gone           bool // the folder, and not only its mark
}

// Error says what happened and what to do.
func (e *DestinationError) Error() string {
	what := "is not the folder that files were delivered to before, as it lacks that one's mark (.staging/folder-id)"
	if e.Gone {
		what = "is gone, and files were delivered there before"
	}
	return fmt.Sprintf("%s %s: is its disk mounted? Mount it, and the account goes on. If files are to go to what is there now: attachd state accept %s", e.Place, what, e.Account)
}

// CheckDestination returns a [*DestinationError] if the account delivered to a folder and found is another one. One that the operator
// moved, by naming another place, is as good as the one before.
//
// An account that delivered before the ledger kept a folder's ID is known by the mark of its folder: consumers who take all files away leave that.
func CheckDestination(ctx context.Context, led Destinations, account string, found Destination) (known ledger.Destination, err error) {
	known, err = led.Destination(ctx, account)
	switch {
	case err != nil:
	case known.Folder == "" && (known.Generation == 0 || found.Mark > 0):
	case known.Folder != "" && (known.Folder == found.ID || known.Place != found.Place):
	default:
		err = &DestinationError{Account: account, Place: found.Place, Gone: found.Gone}
	}
	return known, err
}

// Place opens where an account's files go, if that is where they went before. find looks at the folder without making anything, nil
// for a sink that stands nowhere; open opens it.
func Place(ctx context.Context, account string, led Destinations, find func() (Destination, error), open func(context.Context) (Sink, error), log zerolog.Logger) (Sink, error) {
	if find == nil {
		return open(ctx)
	}
	found, err := find()
	if err != nil {
		return nil, err
	}
	known, err := CheckDestination(ctx, led, account, found)
	if err != nil {
		return nil, err
	}
	sink, err := open(ctx)
	if err != nil {
		return nil, err
	}
	placed := &placedSink{Sink: sink, ledger: led, account: account}
	if placed.at, err = find(); err != nil {
		return nil, errors.Join(err, sink.Close())
	}
	switch is := placed.at; {
	case known.Folder == is.ID && known.Place == is.Place:
		placed.noted = true
	case known.Folder != "":
		log.Warn().Str("before", known.Place).Str("now", is.Place).Msg("account's files go to another folder than before, as the configuration says")
		fallthrough
	case known.Generation > 0: // delivered before the ledger kept it
		if err := placed.note(ctx); err != nil {
			return nil, errors.Join(err, sink.Close())
		}
	}
	return placed, nil
}

// placedSink notes in the ledger where it is before the first of its files are recorded there. An account that has delivered nothing is
// bound to no folder: a disk may be mounted after its first polls.
type placedSink struct {
	Sink
	ledger  Destinations
	account string
	at      Destination
	noted   bool
}

// Sync is where each group of files begins to be committed.
func (p *placedSink) Sync(ctx context.Context, files []ledger.Attachment) error {
	if err := p.note(ctx); err != nil {
		return err
	}
	return p.Sink.Sync(ctx, files)
}

func (p *placedSink) note(ctx context.Context) error {
	if p.noted {
		return nil
	}
	if err := p.ledger.SetDestination(ctx, p.account, p.at.Place, p.at.ID); err != nil {
		return err
	}
	p.noted = true
	return nil
}
