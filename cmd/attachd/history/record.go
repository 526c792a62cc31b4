package history

import (
	"errors"
	"time"

	"github.com/attachd/attachd/extractor/digest"
)

// ErrNotFound says that the history has no such record (any more).
var ErrNotFound = errors.New("not in the history")

// Kind is what sort of file an item is, for people who look for it.
type Kind string

// The kinds, by media type and extension.
const (
	KindPDF     Kind = "pdf"
	KindPicture Kind = "picture"
	KindXML     Kind = "xml"
	KindTable   Kind = "table"
	KindArchive Kind = "archive"
	KindMessage Kind = "message"
	KindOther   Kind = "other"
)

// Item is one file that was delivered.
type Item struct {
	ID         int64 // grows with time
	At         time.Time
	Account    string
	UIDL       string // of its message: the server's bytes
	Message    int64  // the same for all files of a message
	Name       string // of the file on disk, without its folder
	Path       string // relative to the account's folder
	SenderName string
	Sender     string // the address
	Subject    string
	Kind       Kind
	MediaType  string
	Size       int64
	Digest     digest.Digest // of the file: the SHA-256 where it is known
	Repairs    []string      // what had to be mended or guessed, in words
	Original   string        // the name that the sender gave, "" for none
}

// Search says which items to find. Empty fields do not narrow it. Texts match anywhere, without
// regard to case.
type Search struct {
	Name, Sender, Subject string
	Account               string
	Kind                  Kind
	Since, Until          time.Time // Until is not included
	Before                int64     // only items with a smaller ID: the next older page
	After                 int64     // only items with a greater ID: the next newer page
	Limit                 int       // 50 unless given
}

// Found is a page of items, newest first.
type Found struct {
	Items []Item
	// Older and Newer say that there is more in that direction.
	Older, Newer bool
	// Back is how far the search went when it ended early, as it may look at many items and find
	// few; zero if it looked at all. Continue is the value of Before to go on with.
	Back     time.Time
	Continue int64
}

// Poll is one poll of an account.
type Poll struct {
	At       time.Time // when it ended
	Took     time.Duration
	Messages int
	Files    int
	Bytes    int64
	// Trouble is the ID of what it failed with, 0 if it went well.
	Trouble int64
}

// Trouble is an error of an account, and of all polls in a row that failed with it.
type Trouble struct {
	ID      int64
	Account string
	Host    string // "host:port"
	Step    string // see package trouble
	Class   string // see package trouble
	Text    string // the whole error
	First   time.Time
	Last    time.Time
	Times   int
	Over    time.Time // zero while it lasts
}

// LeftOut is something that did not become a file though it came, or that stayed on the server.
type LeftOut struct {
	At      time.Time
	Account string
	Message int64 // of the history, 0 for none
	UIDL    string
	Name    string
	Size    int64
	// Why says why, for people. Key is the same for things that are left out for the same reason.
	Why, Key string
	// Setting is the key of the account's configuration that says so, as in event.LeftOut; "" for
	// none.
	Setting string
	// Place is the file:line of that setting at the time, "" for none.
	Place string
	// More is how many further things are left out with this one.
	More int
}

// LeftOutGroup counts what was left out of one account for one reason.
type LeftOutGroup struct {
	Why, Key, Setting, Place string
	Names                    []string // up to three of them, the newest first
	Count                    int
	Last                     time.Time
}

// Came is what came within an hour or a day.
type Came struct {
	Start       time.Time
	Files       int
	Bytes       int64
	PollsFailed int
}

// Decision is what a person decided: about a message in quarantine, or any other action.
type Decision struct {
	ID      int64
	At      time.Time
	Account string // "" for an action that concerns no account
	What    string // "retried", "dropped", "polled", "reloaded", "signed in", …
	UIDL    string
	Subject string // of the message, or what the action was about
	Reason  string // why the message was in quarantine
	By      string // "the page", "attachd quarantine", an address
	Outcome string
}

// Totals is what an account came to.
type Totals struct {
	Files int64
	Bytes int64
	Since time.Time // of the oldest item; zero for none
}
