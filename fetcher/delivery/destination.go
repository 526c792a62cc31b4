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
	// OpenSink opens the sink for one visit. The visit closes it.
	OpenSink func(ctx context.Context) (Sink, error)
	// FindDestination, unless nil, looks at what is there and creates nothing. An account is not
	// polled if it delivered to another destination, see [CheckDestination].
	FindDestination func(ctx context.Context) (Destination, error)
	// MinFree is how many bytes must stay free where the sink writes. A message that would leave
	// fewer is not retrieved.
	MinFree int64
	// Copies says when the sink writes the message itself, too. Room for the copy is asked for
	// before the message is retrieved.
	Copies Copies
}

// Copies says when a sink writes a message itself beside what it takes out of it.
type Copies int

// The answers.
const (
	NoCopies      Copies = iota
	CopiesInDoubt        // while the message is read; it stays if not all of it could be read right
	CopiesAlways         // each one stays
)

// Destination is the folder that an account's files go to, as it is found.
type Destination struct {
	// Place is the folder's path.
	Place string
	// ID tells this folder from another one at the same place. The [Sink] left it there; ""
	// without.
	ID string
	// Mark is the number that [Sink].SetMark left there last, 0 without.
	Mark int64
	// Gone says that nothing is there.
	Gone bool
	// Tidy says that [Sink].Sweep would find nothing there, and [Sink].HasPieces neither.
	Tidy bool
}

// DestinationError reports that an account delivered to a folder that is not there now: its disk is
// not mounted, or somebody removed it. A daemon that may write to the empty mount point would fill
// the wrong disk, where nobody looks.
type DestinationError struct {
	Account, Place string
	// Gone says that the folder itself is missing. Without Gone only its ID is.
	Gone bool
}

// Error says what happened and what to do.
func (e *DestinationError) Error() string {
	what := "is not the folder that files were delivered to before: it lacks the mark of that folder (.staging/folder-id)"
	if e.Gone {
		what = "is gone, and files were delivered there before"
	}
	return fmt.Sprintf("%s %s: is its disk mounted? Mount it, and the account goes on. If files are to go to what is there now: attachd state accept %s", e.Place, what, e.Account)
}

// CheckDestination returns what the ledger knows of an account's destination. It fails with a
// [*DestinationError] if the account delivered to another folder than found, at the same place. A
// folder at another place is accepted: only the operator can name one.
//
// Old ledgers have no folder ID. The mark then shows that the account delivered to this folder:
// consumers take the files and leave the mark.
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

// Open opens the sink of an account if its files went there before, or if it has delivered nothing
// yet. It fails with a [*DestinationError] otherwise. The ledger learns the folder with the first
// group that is delivered to it. log gets a warning when the place has changed.
func (o *Output) Open(ctx context.Context, account string, led Destinations, log zerolog.Logger) (Sink, error) {
	if o.FindDestination == nil {
		return o.OpenSink(ctx)
	}
	_, known, err := o.check(ctx, account, led)
	if err != nil {
		return nil, err
	}
	return o.place(ctx, account, led, log, known)
}

// check finds the account's destination and checks it.
func (o *Output) check(ctx context.Context, account string, led Destinations) (found Destination, known ledger.Destination, err error) {
	if found, err = o.FindDestination(ctx); err == nil {
		known, err = CheckDestination(ctx, led, account, found)
	}
	return found, known, err
}

// place opens the sink at a destination that was checked. known is what the ledger has of it.
func (o *Output) place(ctx context.Context, account string, led Destinations, log zerolog.Logger, known ledger.Destination) (Sink, error) {
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
	case known.Generation > 0: // an old ledger, without a folder ID
		if err := placed.Sync(ctx, nil); err != nil {
			return nil, errors.Join(err, sink.Close())
		}
	}
	return placed, nil
}

// OpenLater is Open, but a folder that is known and tidy is opened only once the sink is needed.
// Most polls find nothing new, and need only what Open checks. Before something is retrieved, call
// [Delivery.Ready]. Then all that Open checks is checked again.
func (o *Output) OpenLater(ctx context.Context, account string, led Destinations, log zerolog.Logger) (Sink, error) {
	if o.FindDestination == nil {
		return o.OpenSink(ctx)
	}
	found, known, err := o.check(ctx, account, led)
	if err != nil {
		return nil, err
	}
	same := known.Folder == found.ID && known.Place == found.Place || known.Folder == "" && known.Generation == 0
	if !found.Tidy || !same {
		return o.place(ctx, account, led, log, known)
	}
	return &laterSink{found: found, open: func(ctx context.Context) (Sink, error) { return o.Open(ctx, account, led, log) }}, nil
}

// Accept records the folder that is there now as the account's destination, and creates it if it is
// missing. It returns that folder.
func (o *Output) Accept(ctx context.Context, account string, led Destinations) (at Destination, err error) {
	sink, err := o.OpenSink(ctx)
	if err != nil {
		return at, fmt.Errorf("open output: %w", err)
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	if err = sink.Sync(ctx, nil); err == nil {
		at, err = o.FindDestination(ctx)
	}
	if err != nil {
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

// placedSink records its folder in the ledger before the ledger holds files in it. An account that
// has delivered nothing has no recorded folder: its disk may be mounted after its first polls.
type placedSink struct {
	Sink
	ledger  Destinations
	account string
	at      Destination
	noted   bool // the ledger has it
}

// Sync records the folder, once: each group of files begins here. The folder is durable before its
// record, or an account would wait for one that a power cut has taken.
func (p *placedSink) Sync(ctx context.Context, files []ledger.Attachment) error {
	if err := p.Sink.Sync(ctx, files); err != nil || p.noted {
		return err
	}
	if err := p.ledger.SetDestination(ctx, p.account, p.at.Place, p.at.ID); err != nil {
		return err
	}
	p.noted = true
	return nil
}
