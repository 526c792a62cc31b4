package fetcher

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/attachd/attachd/fetcher/ledger"
	"github.com/attachd/attachd/fetcher/session"
)

// Account says how to reach one mailbox and what to do with its messages. It is
// not changed once it is given to a [Supervisor].
type Account struct {
	// Name identifies the account in the ledger, in logs and as a folder.
	Name string
	// Endpoint says where the mailbox is and how to get there.
	session.Endpoint
	// Interval is the time from the end of one poll to the start of the next, give
	// or take up to Jitter.
	Interval, Jitter time.Duration
	// Delete removes a message from the server DeleteAfter after its first
	// delivery (0: in the same poll). Without Delete it stays.
	Delete      bool
	DeleteAfter time.Duration
	// DeleteEmpty deletes also messages of which no file was delivered, which otherwise stay.
	DeleteEmpty bool
	// SkipDuplicates records attachments whose bytes this account received
	// before, instead of writing them again.
	SkipDuplicates bool
	// Attempts is how often a message whose files can't be staged, while the disk is
	// well, or of which too little comes, is tried before it goes to quarantine. 0 is 3.
	Attempts int
	// MaxMessage is the most octets that are read of one message: a server that
	// never ends one would fill the disk. 0 is 4 GiB.
	MaxMessage int64
	// FetchChangedUIDLs has a mailbox fetched again whose UIDLs all changed, which
	// otherwise stops the account with an [*UIDLsChangedError].
	FetchChangedUIDLs bool
	// MaxMessageSize is the most octets of a message that is taken apart, 0 for no
	// limit, and Oversize what becomes of the others.
	MaxMessageSize int64
	Oversize       Oversize
	// MaxMessages and MaxBytes are the most that one poll fetches, 0 for no limit, but one message at least.
	// What is left comes with the next one.
	MaxMessages int
	MaxBytes    int64
	// CommitDeletions is after how many DELE a poll says QUIT, which is what makes
	// them last (RFC 1939 section 6), and comes again for the rest. 0: all in one.
	CommitDeletions int
	// MinFree is how many bytes are to stay free where the sink writes. A message
	// that would not leave them is not asked for.
	MinFree int64
	// QuarantineAge is after how long a message in quarantine is removed, and QuarantineBytes how much may be there; 0 for no limit. What is
	// removed, or does not go there, stays on the server.
	QuarantineAge   time.Duration
	QuarantineBytes int64
	// Version is compared with == when accounts are replaced: an account whose
	// Version is the same keeps running undisturbed. It must be comparable.
	Version any
}

// deletesAtOnce reports whether messages are deleted by the poll that delivers them.
func (a *Account) deletesAtOnce() bool { return a.Delete && a.DeleteAfter <= 0 }

// Sink is where one account's attachments go. A poll opens it, uses it from two
// goroutines (staging in one, everything else in another) and closes it.
type Sink interface {
	// Stage reads the message of a UIDL from r to its end and writes its
	// attachments to staging files. On an error nothing of the message stays. An error that is
	// the message's own fault, not the line's or the disk's, is an
	// [*UnprocessableError].
	Stage(ctx context.Context, uidl string, r io.Reader) (Staged, error)
	// StageRaw stages the bytes of r as they are, to become folder/name.
	StageRaw(ctx context.Context, r io.Reader, folder, name string) (ledger.Attachment, error)
	// Sync returns once the staging files are durable under their staging names.
	Sync(ctx context.Context, files []ledger.Attachment) error
	// Publish gives a staged file its final name without overwriting another,
	// and sets f.Path to the name it really got. A staging file that is gone was
	// published before a crash: Publish then returns nil.
	Publish(f *ledger.Attachment) error
	// Free returns how many bytes can still be written.
	Free() (int64, error)
	// SyncFolders makes the names given by Publish durable.
	SyncFolders() error
	// Discard removes staging files that will not be published.
	Discard(files []ledger.Attachment) error
	// Sweep removes every staging file, the leftovers of a process that died. It
	// is called when the ledger holds nothing unfinished and nothing is staged.
	Sweep() (removed int, err error)
	// SetMark leaves a number in the folder, and Mark returns the one left last, 0
	// without any: how far the ledger was when it was last used with this folder.
	SetMark(n int64) error
	Mark() (int64, error)
	// OpenFile and RemoveFile read and remove a file in quarantine, by the path
	// that StageRaw gave it. Removing one that is gone is no error.
	OpenFile(path string) (*os.File, error)
	RemoveFile(path string) error
	// RemovePieces removes a folder below PartialFolder with all that is in it. One that is gone is no error.
	RemovePieces(folder string) error
	Close() error
}

// Staged is what a message came to.
type Staged struct {
	MessageID   string
	Envelope    Envelope
	Attachments []ledger.Attachment
	// Problems are the repairs that reading the message took, in words. Doubtful
	// says that one of them concerns more than a name.
	Problems []string
	Doubtful bool
	// RawKept says that the message itself is among the attachments, or in quarantine; Reason why it is there.
	RawKept bool
	Reason  string
	// Waits, unless "", says that the message is a piece of another one whose other pieces have not come. The piece is the first of
	// Attachments, for a folder below PartialFolder. Joined are the folders of the pieces that the message was joined from.
	Waits  string
	Joined []string
}

// UnprocessableError says that a message itself, not the line or the disk, is
// why it can't be taken apart: it goes to quarantine.
type UnprocessableError struct{ Err error }

// Error returns the text of the cause.
func (e *UnprocessableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnprocessableError) Unwrap() error { return e.Err }
