package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/attachd/attachd/extractor/digest"
	"github.com/attachd/attachd/fetcher/ledger"
)

// Sink is where one account's attachments go: a folder, or anything that can keep files and rename
// them. A poll opens it, uses it and closes it. Package sinktest has the tests that every
// implementation must pass.
//
// # Calls at once
//
// A poll has two goroutines:
//
//   - One stages. It calls Stage, StageRaw and Digest, one after the other.
//   - One commits. It calls Sync, Publish, RemovePieces and SetMark, one after the other.
//
// Both may call Free and Discard at any time. No two calls at once concern the same staging file.
// All other methods are called while no other call is under way.
//
// # Cancelling
//
// A call returns soon after its context ends, with the context's error, and does nothing if the
// context had ended before. It may have done its work in part, and a later Sink must be able to do
// the rest: Publish is called again for all files of a group that the ledger holds as staged, and
// Sweep removes what Discard has left.
type Sink interface {
	// Stage reads the message of a UIDL from r to its end and writes its attachments to staging
	// files. On an error nothing of the message stays. An [*UnprocessableError] is the fault of the
	// message itself, and not of the line or the disk.
	Stage(ctx context.Context, uidl string, r io.Reader) (Staged, error)
	// StageRaw stages the bytes of r as they are. They will be published as folder/name.
	StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error)
	// Digest reads a staging file back and returns its digest of another kind than the own one.
	Digest(ctx context.Context, file ledger.Attachment, kind digest.Kind) (digest.Digest, error)
	// Sync returns nil once the staging files are durable under their staging names, and the place
	// with what tells it from another one. It is called without files for that alone.
	Sync(ctx context.Context, files []ledger.Attachment) error
	// Publish gives staged files their final names, in this order, and overwrites nothing. It sets
	// the Path of each to the name that the file really got, and returns nil once all are durable
	// under these names. It stops at the first file that it can't publish.
	//
	// A staging file that is gone is no error: it was published before a crash. One that was staged
	// in another place is an error: a disk is not mounted. Of files that were staged by an earlier
	// Sink only the StagingID and the Path are known.
	Publish(ctx context.Context, files []*ledger.Attachment) error
	// Discard removes staging files that will not be published. Those that are gone, or published,
	// are no error.
	Discard(ctx context.Context, files []ledger.Attachment) error
	// Sweep removes every staging file that an earlier Sink left, and returns how many there were.
	// It is called when the ledger holds nothing unfinished and nothing is staged.
	Sweep(ctx context.Context) (removed int, err error)
	// Free returns how many bytes can still be written.
	Free(ctx context.Context) (int64, error)
	// SetMark leaves a number in the place: how far the ledger was when it was last used with it.
	SetMark(ctx context.Context, n int64) error
	// Mark returns the number that was left last, 0 without any.
	Mark(ctx context.Context) (int64, error)
	// OpenFile opens a file in quarantine, or a piece of a message, by the Path that it was
	// published under. It returns an [io/fs.ErrNotExist] for one that is gone.
	OpenFile(ctx context.Context, path string) (io.ReadSeekCloser, error)
	// RemoveFile removes such a file. One that is gone is no error.
	RemoveFile(ctx context.Context, path string) error
	// HasPieces reports whether pieces of messages wait below [PartialFolder]. Each poll asks it
	// before it asks the ledger, so it should be cheap. It may be wrong if it says true.
	HasPieces(ctx context.Context) (bool, error)
	// RemovePieces removes a folder below [PartialFolder] and all that is in it. One that is gone
	// is no error.
	RemovePieces(ctx context.Context, folder string) error
	// Close ends the use of the Sink. What is staged stays.
	Close() error
}

// Staged is the result of staging one message.
type Staged struct {
	// MessageID is the Message-ID without brackets, "" for none.
	MessageID string
	Envelope  ledger.Envelope
	// Attachments are the staged files, each with its Repairs.
	Attachments []ledger.Attachment
	// LeftOut is what of the message came to no file. [Delivery.Stage] bounds it.
	LeftOut []ledger.LeftOut
	// Problems describe the repairs that were needed to read the message.
	Problems []string
	// Doubtful says that one of the repairs concerns more than a name.
	Doubtful bool
	// RawKept says that the message itself is among the attachments, or in quarantine.
	RawKept bool
	// Reason says why something of the message could not be read right, "" if all could.
	Reason string
	// Waits is "" unless the message is a piece of a larger one and other pieces are missing. It
	// then says which. The piece is the first of Attachments, and goes below PartialFolder.
	Waits string
	// Joined are the folders of the pieces that the message was joined from.
	Joined []string
}

// UnprocessableError reports that a message itself is the reason why it can't be taken apart, and
// not the connection or the disk. The message goes to quarantine.
type UnprocessableError struct{ Err error }

// Error returns the text of the cause.
func (e *UnprocessableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnprocessableError) Unwrap() error { return e.Err }

// Stage takes a message apart by [Sink].Stage. It recovers from a panic of the sink, as the
// extractor does from its own: the message goes to quarantine with the stack as the reason, and the
// daemon goes on. A message without any attachment has that as the one thing in LeftOut.
func (d *Delivery) Stage(ctx context.Context, uidl string, r io.Reader) (s Staged, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &UnprocessableError{fmt.Errorf("read message: panic: %v\n%s", v, debug.Stack())}
		}
	}()
	if s, err = d.Sink.Stage(ctx, uidl, r); err != nil {
		return s, err
	}
	if err := d.liken(ctx, s.Attachments); err != nil {
		return Staged{}, errors.Join(err, d.Discard(context.WithoutCancel(ctx), s.Attachments))
	}
	s.tell()
	return s, nil
}
