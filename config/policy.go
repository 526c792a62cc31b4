package config

import "math"

// Policy bounds what one poll of an account does.
type Policy struct {
	MaxMessageSize  Size     // Oversize is for larger messages; 0 for no limit
	Oversize        Oversize // only with MaxMessageSize
	MaxMessages     int      // per poll; the rest comes with the next one. 0 for no limit
	MaxBytes        Size     // per poll, likewise
	CommitDeletions int      // DELEs before a QUIT that commits them; 0 for all in one session
	MinFree         Size     // bytes to leave free on the disk; 0 for none
	UIDLChange      UIDLChange
	Delete          Deletion // with AfterDelete
}

// UIDLChange says what to do if all UIDLs of a mailbox changed.
type UIDLChange string

// The values of uidl_change.
const (
	UIDLChangeAsk   UIDLChange = "ask"   // the account stops until somebody decides
	UIDLChangeFetch UIDLChange = "fetch" // all messages are delivered again
)

func (u *UIDLChange) parse(s string) error { return choose(u, s, UIDLChangeAsk, UIDLChangeFetch) }

// Oversize says what to do with a message larger than max_message_size.
type Oversize string

// The values of oversize.
const (
	OversizeSkip Oversize = "skip" // it stays on the server and comes when the limit is raised
	OversizeRaw  Oversize = "raw"  // it is saved as it is
)

func (o *Oversize) parse(s string) error { return choose(o, s, OversizeSkip, OversizeRaw) }

// Deletion says which messages AfterDelete deletes. It never deletes one that could not be handled.
type Deletion string

// The values of delete.
const (
	DeleteWithFiles Deletion = "with_files" // messages with a delivered file
	DeleteAll       Deletion = "all"        // also plain text mail, and messages that the rules left without a file
)

func (d *Deletion) parse(s string) error { return choose(d, s, DeleteWithFiles, DeleteAll) }

// DefaultMinFree leaves room for the state file and for the machine itself.
const DefaultMinFree Size = 100 << 20

// rawPolicy are an account's keys for its polls.
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

// policy checks the keys of rawPolicy.
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
