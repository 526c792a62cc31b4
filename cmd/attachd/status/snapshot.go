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

// tickOf is the tick of a poll that brought this many files, or failed.
func tickOf(files int, failed bool) Tick {
	switch {
	case files > 0:
		return TickNothing + Tick(min(files, int(TickFailed-TickNothing)-1))
	case failed:
		return TickFailed
	}
	return TickNothing
}

// push adds a poll, and forgets the oldest.
func (s *Strip) push(t Tick) {
	copy(s[:], s[1:])
	s[StripLength-1] = t
}

// Account is one account as it is now.
type Account struct {
	Name       string    `json:"name"`
	User       string    `json:"user"`
	Host       string    `json:"host"` // "host:port"
	State      State     `json:"state"`
	Why        string    `json:"why,omitempty"`        // at most four words, "" if the state says it all
	Case       string    `json:"case,omitempty"`       // key of the case that it belongs to, "" for none
	Said       string    `json:"said,omitempty"`       // the whole text of its last error, safe to print, "" for none
	Since      time.Time `json:"since,omitzero"`       // since when it has failed; zero if it has not
	Failures   int       `json:"failures,omitempty"`   // failed polls in a row
	Polled     time.Time `json:"polled,omitzero"`      // when the last poll ended; zero before the first
	Worked     time.Time `json:"worked,omitzero"`      // when the last poll without a failure ended
	Next       time.Time `json:"next,omitzero"`        // when the next poll is due; zero while one is under way
	Backlog    int       `json:"backlog,omitempty"`    // messages that are known to be left for the next polls
	TooLarge   int       `json:"too_large,omitempty"`  // messages that stay on the server for their size (max_message_size)
	Mailbox    Mailbox   `json:"mailbox"`              // what the server held
	Progress   *Progress `json:"progress,omitempty"`   // of the poll under way; nil without one
	Quarantine int       `json:"quarantine,omitempty"` // messages in quarantine
	Session    Session   `json:"session"`
	Strip      Strip     `json:"strip"`
	Mail       time.Time `json:"mail,omitzero"` // when a message came last; zero if that is not known
}

// Mailbox is what a server held when it was listed last.
type Mailbox struct {
	Messages int       `json:"messages"`
	Octets   int64     `json:"octets"`
	At       time.Time `json:"at,omitzero"` // zero if it never was
}

// Session is what the last session that logged in found out about the server.
type Session struct {
	Mechanism  string        `json:"mechanism,omitempty"` // as in "USER/PASS"
	TLS        string        `json:"tls,omitempty"`       // as in "TLS 1.3", "" without TLS
	NotAfter   time.Time     `json:"not_after,omitzero"`  // when its certificate ends, zero without TLS
	Pipelining bool          `json:"pipelining,omitempty"`
	LoginDelay time.Duration `json:"login_delay_ns,omitempty"`
	Took       time.Duration `json:"took_ns,omitempty"` // the last poll, from its slot to its end
}

// Progress is how far a poll has come.
type Progress struct {
	Since    time.Time     `json:"since"` // when the mailbox was listed
	Messages int           `json:"messages"`
	Of       int           `json:"of"`
	Octets   int64         `json:"octets"`
	OfOctets int64         `json:"of_octets"`         // by the server's claim
	Rate     float64       `json:"rate,omitempty"`    // octets a second, 0 when not known yet
	Left     time.Duration `json:"left_ns,omitempty"` // 0 when not known yet
}

// Case is one cause of trouble, with all accounts that have it.
type Case struct {
	Key      string        `json:"key"` // stays the same while the case lasts
	Class    trouble.Class `json:"class"`
	NeedsYou bool          `json:"needs_you"`
	Heading  string        `json:"heading"`            // "Login refused"
	Host     string        `json:"host,omitempty"`     // "host:port", "" where no server is concerned
	Accounts []string      `json:"accounts,omitempty"` // by name
	Said     []string      `json:"said,omitempty"`     // the whole texts of errors, each once, at most five
	Meaning  string        `json:"meaning"`
	Todo     string        `json:"todo"`
	Since    time.Time     `json:"since"`              // begin of the first failure
	Last     time.Time     `json:"last"`               // of the last failure
	Next     time.Time     `json:"next,omitzero"`      // when attachd tries next; zero if it does not
	Worked   time.Time     `json:"worked,omitzero"`    // when one of its accounts last worked, zero if that is not known
	Attempts int           `json:"attempts,omitempty"` // failures of all its accounts
	Messages int           `json:"messages,omitempty"` // that are concerned, 0 if it is not about messages
	// Link is where the page shows more or lets somebody decide, such as "/quarantine".
	Link string `json:"link,omitempty"`
}

// Machine is what attachd runs on and with.
type Machine struct {
	Started time.Time     `json:"started"`
	Version string        `json:"version"`
	Due     int           `json:"due"`     // polls that wait for a slot
	Polling int           `json:"polling"` // polls under way
	Lag     time.Duration `json:"lag_ns"`  // how long the last polls waited for a slot, at most
	Disks   []Disk        `json:"disks,omitempty"`
	State   File          `json:"state"`
	History File          `json:"history"`
	Config  Config        `json:"config"`
	// Beat is when the scheduler last found all of its loops on time.
	Beat time.Time `json:"beat,omitzero"`
}

// Disk is a file system that attachd writes to.
type Disk struct {
	Path string `json:"path"`
	Room
	MinFree int64  `json:"min_free"` // the most that an account wants free
	Err     string `json:"err,omitempty"`
}

// Room is what a file system has room for: bytes, and files (inodes). Files is 0 where these have
// no bound.
type Room struct {
	Free      int64 `json:"free"`
	Total     int64 `json:"total"`
	FilesFree int64 `json:"files_free,omitempty"`
	Files     int64 `json:"files,omitempty"`
}

// FewFiles reports whether the file system takes few more files: a hundred, or twice as many as
// attachd leaves, which are a hundredth of all, and 1,000 at most.
func (r *Room) FewFiles() bool {
	return r.Files > 0 && r.FilesFree <= max(100, 2*min(r.Files/100, 1000))
}

// File is a file of attachd's.
type File struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	Err  string `json:"err,omitempty"` // "" if it can be read and written
	// Note says what a person should know of it, such as that it was made anew.
	Note string `json:"note,omitempty"`
}

// Config is how the configuration was read.
type Config struct {
	Path   string    `json:"path"`
	Loaded time.Time `json:"loaded"`          // what is in force
	Failed time.Time `json:"failed,omitzero"` // when a newer file was refused; zero if none was
	// Faults are the mistakes of the newer file, each with its place.
	Faults   []string `json:"faults,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Certificate is the certificate of a server that accounts log in to.
type Certificate struct {
	Host     string    `json:"host"`
	NotAfter time.Time `json:"not_after"`
	Accounts int       `json:"accounts"`
}

// Snapshot is everything at one moment. It is not changed once made.
type Snapshot struct {
	At time.Time `json:"at"`
	// Version changes when anything but the time did.
	Version uint64 `json:"version"`
	// Sentence is the answer in words: "Two things need you." Rest names them, and what is fine.
	Sentence     string        `json:"sentence"`
	Rest         string        `json:"rest"`
	NeedsYou     []Case        `json:"needs_you"`
	Handled      []Case        `json:"handled"`  // what attachd handles by itself
	Accounts     []Account     `json:"accounts"` // those in trouble first, then by name
	Machine      Machine       `json:"machine"`
	Certificates []Certificate `json:"certificates,omitempty"` // by end, the soonest first
	// Count is how many accounts are in each state.
	Count map[State]int `json:"count"`

	changes uint64 // of the board, that it was made of
	gist    string
}

// OK reports whether nothing needs anybody.
func (s *Snapshot) OK() bool { return len(s.NeedsYou) == 0 }

// Account returns the account of that name, nil without one.
func (s *Snapshot) Account(name string) *Account {
	for i := range s.Accounts {
		if s.Accounts[i].Name == name {
			return &s.Accounts[i]
		}
	}
	return nil
}
