package send

import (
	"slices"
	"strings"
	"time"

	"github.com/attachd/attachd/cmd/attachd/words"
)

// Event is what became of a case.
type Event string

// The events.
const (
	Begin  Event = "begin"  // it is trouble now
	More   Event = "more"   // it has more accounts, or more messages, than were told of
	Remind Event = "remind" // it lasts
	End    Event = "end"
	Over   Event = "over" // it began and ended, and neither was told
)

// The most that a notice shows.
const (
	MaxAccounts = 10 // of a case
	maxWhole    = 10 // cases in full
	maxHeadings = 40 // cases by their heading alone
)

// Notice is what a receiver is told at one time. Its times are in the zone to show.
type Notice struct {
	ID      string // the same when the notice is sent again
	At      time.Time
	Machine string // what attachd runs on
	Page    string // URL, "" for none
	Test    bool   // it is a test, and has no items
	Items   []Item
	Dropped int // notices that could not be delivered before
}

// Item is one case in a notice. Its texts may be a stranger's: this package makes them safe.
type Item struct {
	Event    Event     `json:"event"`
	Key      string    `json:"key"`
	Class    string    `json:"class"`
	Heading  string    `json:"heading"`
	NeedsYou bool      `json:"needs_you"`
	Host     string    `json:"host"`
	Accounts []string  `json:"accounts"`      // at most MaxAccounts
	Others   int       `json:"accounts_more"` // accounts beyond these
	Said     []string  `json:"said"`
	Meaning  string    `json:"meaning"`
	Todo     string    `json:"todo"`
	Since    time.Time `json:"since"`
	Ended    time.Time `json:"ended,omitzero"`
	Next     time.Time `json:"next,omitzero"`
}

// Show has the item show the first of these accounts, and how many there are.
func (i *Item) Show(accounts []string) {
	i.Accounts = accounts[:min(len(accounts), MaxAccounts)]
	i.Others = len(accounts) - len(i.Accounts)
}

// NeedsYou reports whether a notice is of something that a person has to do.
func (n *Notice) NeedsYou() bool {
	return slices.ContainsFunc(n.Items, func(i Item) bool { return i.NeedsYou && i.Event != End && i.Event != Over })
}

// Sort puts what begins first, then what grew, lasts and ended; among these what needs a person.
func (n *Notice) Sort() {
	order := []Event{Begin, More, Remind, End, Over}
	slices.SortStableFunc(n.Items, func(a, b Item) int {
		if a.Event != b.Event {
			return slices.Index(order, a.Event) - slices.Index(order, b.Event)
		}
		switch {
		case a.NeedsYou && !b.NeedsYou:
			return -1
		case b.NeedsYou && !a.NeedsYou:
			return 1
		}
		return a.Since.Compare(b.Since)
	})
}

// Title is a notice in one line.
func (n *Notice) Title() string {
	switch {
	case n.Test:
		return "This is a test, all is well"
	case len(n.Items) == 0:
		return words.Sentence(dropped(n.Dropped))
	case len(n.Items) == 1:
		return n.Items[0].title()
	}
	count := make(map[Event]int)
	for _, item := range n.Items {
		count[item.Event]++
	}
	var parts []string
	for _, kind := range []struct {
		count int
		says  string
	}{
		{count[Begin], "new"},
		{count[More], "grown"},
		{count[Remind], "still there"},
		{count[End] + count[Over], "over"},
	} {
		if kind.count > 0 {
			parts = append(parts, words.Number(int64(kind.count))+" "+kind.says)
		}
	}
	return strings.Join(parts, ", ") + ": " + words.List([]string{words.Visible(n.Items[0].Heading), "others"}, 2)
}

// title is an item in one line.
func (i *Item) title() string {
	text := words.Visible(i.Heading)
	if whom := i.whom(); whom != "" {
		text += ": " + whom
	}
	switch i.Event {
	case End:
		return "Over: " + text
	case Over:
		return "Was, and is over: " + text
	case Remind:
		return "Still: " + text
	case More:
		return "More: " + text
	}
	return text
}

// whom names the account, or the server and how many accounts.
func (i *Item) whom() string {
	switch n := len(i.Accounts) + i.Others; {
	case n == 1:
		return words.Visible(i.Accounts[0])
	case n > 1 && i.Host != "":
		return words.Visible(i.Host) + ", " + words.Count(n, "account")
	case n > 1:
		return words.Count(n, "account")
	}
	return words.Visible(i.Host)
}

// dropped says that notices got lost.
func dropped(n int) string {
	if n == 1 {
		return "one notice was dropped"
	}
	return words.Number(int64(n)) + " notices were dropped"
}
