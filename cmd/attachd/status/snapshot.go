package status

import (
	"time"

	"github.com/attachd/attachd/cmd/attachd/trouble"
)

// State is what an account does or suffers, in one word or two.
type State string

// The states, those that need attention first.
const (
	NeedsYou State = "needs you" // only a person can help
	Failing  State = "failing"   // attachd tries again
	Waiting  State = "waiting"   // the server asked for it
	Polling  State = "polling"
	Fine     State = "fine"
	New      State = "new" // not polled yet
	Off      State = "off" // enabled: false
)

// StripLength is how many polls a [Strip] holds.
const StripLength = 40

// Strip is the last polls of an account, the newest last.
type Strip [StripLength]Tick

// Tick is one poll in a [Strip].
type Tick uint8

// The values of a Tick. Greater ones than TickNothing are 1 + the number of files that came, at
// most 254.
const (
	TickNone    Tick = 0 // no poll yet
	TickNothing Tick = 1 // nothing new
	TickFailed  Tick = 255
)

// Account is one account as it is now.
type Account struct {
	Name, User string
	Host       string // "host:port"
	State      State
	Why        string    // at most four words, "" if the state says it all
	Case       string    // key of the case that it belongs to, "" for none
	Said       string    // the whole text of its last error, safe to print, "" for none
	Since      time.Time // since when it has failed; zero if it has not
	Failures   int       // failed polls in a row
	Polled     time.Time // when the last poll ended; zero before the first
	Worked     time.Time // when the last poll without a failure ended
	Next       time.Time // when the next poll is due; zero while one is under way
	Backlog    int       // messages that are known to be left for the next polls
	Mailbox    Mailbox
	Progress   *Progress // of the poll under way; nil without one
	Quarantine int       // messages in quarantine
	Session    Session
	Strip      Strip
}

// Mailbox is what a server held when it was listed last.
type Mailbox struct {
	Messages int
	Octets   int64
	At       time.Time // zero if it never was
}

// Session is what the last session that logged in found out about the server.
type Session struct {
	Mechanism  string    // as in "USER/PASS"
	TLS        string    // as in "TLS 1.3", "" without TLS
	NotAfter   time.Time // when its certificate ends, zero without TLS
	Pipelining bool
	LoginDelay time.Duration
	Took       time.Duration // the last poll
}

// Progress is how far a poll has come.
type Progress struct {
	Since            time.Time // when the mailbox was listed
	Messages, Of     int
	Octets, OfOctets int64         // Of by the server's claim
	Rate             float64       // octets a second, 0 when not known yet
	Left             time.Duration // 0 when not known yet
}

// Case is one cause of trouble, with all accounts that have it.
type Case struct {
	Key      string // stays the same while the case lasts
	Class    trouble.Class
	NeedsYou bool
	Heading  string // "Login refused"
	Host     string // "host:port", "" where no server is concerned
	Accounts []string
	Said     []string // the whole texts of errors, each once, at most five
	Meaning  string
	Todo     string
	Since    time.Time // begin of the first failure
	Last     time.Time // of the last failure
	Next     time.Time // when attachd tries next; zero if it does not
	Attempts int
	// Link is where the page shows more or lets somebody decide, such as "/quarantine".
	Link string
}

// Machine is what attachd runs on and with.
type Machine struct {
	Started time.Time
	Version string
	Due     int           // polls that wait for a slot
	Polling int           // polls under way
	Lag     time.Duration // how late the last polls began, at most
	Disks   []Disk
	State   File
	History File
	Config  Config
	// Beat is when the scheduler last found all of its loops on time.
	Beat time.Time
}

// Disk is a file system that attachd writes to.
type Disk struct {
	Path        string
	Free, Total int64
	MinFree     int64 // the most that an account wants free
	Err         string
}

// File is a file of attachd's.
type File struct {
	Path string
	Size int64
	Err  string // "" if it can be read and written
	// Note says what a person should know of it, such as that it was made anew.
	Note string
}

// Config is how the configuration was read.
type Config struct {
	Path   string
	Loaded time.Time // what is in force
	Failed time.Time // when a newer file was refused; zero if none was
	// Faults are the mistakes of the newer file, each with its place.
	Faults   []string
	Warnings []string
}

// Certificate is a server's certificate that ends soon, or any.
type Certificate struct {
	Host     string
	NotAfter time.Time
	Accounts int
}

// Snapshot is everything at one moment. It is not changed once made.
type Snapshot struct {
	At time.Time
	// Version changes when anything but the time did.
	Version uint64
	// Sentence is the answer in words: "Two things need you." Rest names what is fine.
	Sentence, Rest string
	NeedsYou       []Case
	Handled        []Case    // what attachd handles by itself
	Accounts       []Account // as the configuration has them
	Machine        Machine
	Certificates   []Certificate // by end, the soonest first
	// Count is how many accounts are in each state.
	Count map[State]int
}

// OK reports whether nothing needs anybody.
func (s *Snapshot) OK() bool { return len(s.NeedsYou) == 0 }
