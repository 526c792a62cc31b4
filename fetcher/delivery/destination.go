package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/attachd/attachd/fetcher/ledger"
)

// Output is where the attachments of one account go.
type Output struct {
	// OpenSink opens the sink for one visit, which closes it.
	OpenSink func(ctx context.Context) (Sink, error)
	// FindDestination, unless nil, looks at what stands there and makes nothing. An
	// account whose destination is not the one that it delivered to is not polled, see
	// [CheckDestination].
	FindDestination func(ctx context.Context) (Destination, error)
	// MinFree is how many bytes are to stay free where the sink writes. A message that
	// would not leave them is not asked for.
	MinFree int64
}

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

// Open opens where an account's files go, if that is where they went before. It
// fails with a [*DestinationError] otherwise.
func (o *Output) Open(ctx context.Context, account string, led Destinations, log zerolog.Logger) (Sink, error) {
	if o.FindDestination == nil {
		return o.OpenSink(ctx)
	}
	found, err := o.FindDestination(ctx)
	if err != nil {
		return nil, err
	}
	known, err := CheckDestination(ctx, led, account, found)
	if err != nil {
		return nil, err
	}
	sink, err := o.OpenSink(ctx)
	if err != nil {
		return nil, err
	}
	placed := &placedSink{Sink: sink, ledger: led, account: account}
	if placed.at, err = o.FindDestination(ctx); err != nil {
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

// Accept has an account go on with what stands there now, which is made if it is
// missing.
func (o *Output) Accept(ctx context.Context, account string, led Destinations) (at Destination, err error) {
	sink, err := o.OpenSink(ctx)
	if err != nil {
		return at, fmt.Errorf("open output: %w", err)
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	if at, err = o.FindDestination(ctx); err != nil {
		return at, err
	}
	known, err := led.Destination(ctx, account)
	if err != nil {
		return at, err
	}
	if known.Generation > at.Mark {
		if err := sink.SetMark(ctx, known.Generation); err != nil {
			return at, err
		}
	}
	return at, led.SetDestination(ctx, account, at.Place, at.ID)
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
