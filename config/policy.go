package config

import "math"

// Policy bounds what one poll of an account does.
type Policy struct {
	MaxMessageSize  Size     // larger ones are treated as Oversize says; 0 for no limit
	Oversize        Oversize // only with MaxMessageSize
	MaxMessages     int      // fetched by one poll; the rest comes with the next. 0 for no limit
	MaxBytes        Size     // likewise
	CommitDeletions int      // DELEs before a QUIT makes them last; 0 for all in one
	MinFree         Size     // bytes that stay free on the disk; 0 for none
	UIDLChange      UIDLChange
	Delete          Deletion // with AfterDelete
}

// UIDLChange is what becomes of a mailbox of which all UIDLs changed.
type UIDLChange string

// What becomes of it.
const (
	UIDLChangeAsk   UIDLChange = "ask"   // the account stops until somebody decides
	UIDLChangeFetch UIDLChange = "fetch" // all of it is delivered again
)

func (u *UIDLChange) parse(s string) error { return choose(u, s, UIDLChangeAsk, UIDLChangeFetch) }

// Oversize is what becomes of a message that is larger than max_message_size.
type Oversize string

// What becomes of it.
const (
	OversizeSkip Oversize = "skip" // it stays on the server, and comes if the limit is raised
	OversizeRaw  Oversize = "raw"  // it is saved as it is
)

func (o *Oversize) parse(s string) error { return choose(o, s, OversizeSkip, OversizeRaw) }

// Deletion is which messages AfterDelete deletes. One that could not be handled it never does.
type Deletion string

// Which of them.
const (
	DeleteWithFiles Deletion = "with_files" // those of which a file was delivered
	DeleteAll       Deletion = "all"        // others as well: plain text mail, and what the rules leave out
)

func (d *Deletion) parse(s string) error { return choose(d, s, DeleteWithFiles, DeleteAll) }

// DefaultMinFree is room enough for the state and what else the machine needs to go on.
const DefaultMinFree Size = 100 << 20

// rawPolicy are the keys of an account for its polls.
type rawPolicy struct {
	MaxMessageSize  value[Size]       `yaml:"max_message_size"`
	Oversize        value[Oversize]   `yaml:"oversize"`
	MaxMessages     value[int]        `yaml:"max_messages"`
	MaxBytes        value[Size]       `yaml:"max_bytes"`
	CommitDeletions value[int]        `yaml:"commit_deletions"`
	MinFree         value[Size]       `yaml:"min_free"`
	UIDLChange      value[UIDLChange] `yaml:"uidl_change"`
	Delete          value[Deletion]   `yaml:"delete"` // inherited with delete_after
}

func (r *rawPolicy) inherit(from *rawPolicy) {
	r.MaxMessageSize.inherit(from.MaxMessageSize)
	r.Oversize.inherit(from.Oversize)
	r.MaxMessages.inherit(from.MaxMessages)
	r.MaxBytes.inherit(from.MaxBytes)
	r.CommitDeletions.inherit(from.CommitDeletions)
	r.MinFree.inherit(from.MinFree)
	r.UIDLChange.inherit(from.UIDLChange)
}

// policy checks the keys.
func (l *loader) policy(r *rawPolicy) Policy {
	l.inRange(&r.MaxMessages, 1, math.MaxInt32)
	l.inRange(&r.CommitDeletions, 1, math.MaxInt32)
	for _, v := range []*value[Size]{&r.MaxMessageSize, &r.MaxBytes} {
		if v.ok() && v.v < 1 {
			l.problem(v.at, "must be at least 1")
		}
	}
	if r.Oversize.set && !r.MaxMessageSize.set {
		l.problem(r.Oversize.at, "has a meaning only with max_message_size")
	}
	return Policy{
		MaxMessageSize: r.MaxMessageSize.or(0), Oversize: r.Oversize.or(OversizeSkip), MaxMessages: r.MaxMessages.or(0),
		MaxBytes: r.MaxBytes.or(0), CommitDeletions: r.CommitDeletions.or(0), MinFree: r.MinFree.or(DefaultMinFree),
		UIDLChange: r.UIDLChange.or(UIDLChangeAsk), Delete: r.Delete.or(DeleteWithFiles),
	}
}
