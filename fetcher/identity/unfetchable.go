package identity

import (
	"fmt"
	"slices"
	"strings"
)

// A server may count messages in STAT, or list them in LIST, that UIDL lacks, or names in a way that nobody can tell which message is
// meant. Those can be fetched only where messages are deleted at once (see nameless.go). Elsewhere they are left, which
// must not go without a word.

// maxOddities bounds what is said of a listing.
const maxOddities = 3

// unfetchable is what a listing has of such messages.
type unfetchable struct {
	extra     []Entry  // that LIST has and UIDL lacks
	left      []int    // the numbers of messages that are not fetched
	uncounted int      // messages that STAT counts and no list has
	oddities  []string // what was odd about the listing, in words
}

// note keeps what was odd about a listing.
func (u *unfetchable) note(what ...string) {
	room := max(maxOddities-len(u.oddities), 0)
	u.oddities = append(u.oddities, what[:min(room, len(what))]...)
}

// Messages counts those that have a number.
func (l *Listing) Messages() int { return len(l.Entries) + len(l.Nameless) + len(l.left) }

// Count is how many messages the store has, those included that have no number.
func (l *Listing) Count() int { return l.Messages() + l.uncounted }

// IsComplete reports whether each message that the store counts can be identified.
func (l *Listing) IsComplete() bool { return len(l.left)+len(l.extra)+l.uncounted == 0 }

// hasGaps reports whether numbers are left out below the last one, which LIST may have.
func (l *Listing) hasGaps() bool {
	return len(l.Entries) > 0 && l.Entries[len(l.Entries)-1].Number > l.Messages()
}

// complete compares the lists with STAT, whose count is -1 when it says nothing, once all of them have been asked. What UIDL lacks is without
// a UIDL, unless it came meanwhile, as mail does on servers that count it at once: behind all others, and not
// counted by STAT.
func (l *Listing) complete(count int) {
	last := 0
	for _, e := range l.Entries {
		last = max(last, e.Number)
	}
	lacking := count - l.Messages()
	for _, e := range l.extra {
		if count >= 0 && lacking <= 0 && e.Number > last {
			continue
		}
		lacking--
		l.Nameless = append(l.Nameless, e)
	}
	sortByNumber(l.Nameless)
	l.extra = nil
	l.uncounted = max(count-l.Messages(), 0)
}

// leaveNameless leaves messages without a UIDL where they can't be told from those that were delivered.
func (a *Account) leaveNameless(l *Listing) {
	if a.DeletesAtOnce() {
		return
	}
	for _, e := range l.Nameless {
		l.left = append(l.left, e.Number)
	}
	slices.Sort(l.left)
	l.Nameless = nil
}

// WhyUnfetchable says how many messages can't be fetched and why, "" when all can.
func (l *Listing) WhyUnfetchable() string {
	n := len(l.left) + l.uncounted
	if n == 0 {
		return ""
	}
	var why []string
	if len(l.left) > 0 {
		some := make([]string, 0, 10)
		for _, number := range l.left[:min(len(l.left), cap(some))] {
			some = append(some, fmt.Sprint(number))
		}
		if len(l.left) > len(some) {
			some = append(some, "…")
		}
		why = append(why, fmt.Sprintf("the server gives no UIDL of use for number %s, and without it they can't be told from others once they were delivered (only after: delete without delete_after fetches them)", strings.Join(some, ", ")))
	}
	if l.uncounted > 0 {
		why = append(why, fmt.Sprintf("STAT counts %d more than UIDL and LIST have", l.uncounted))
	}
	why = append(why, l.oddities...)
	return fmt.Sprintf("%d of %d messages can't be fetched: %s", n, l.Messages()+l.uncounted, strings.Join(why, "; "))
}
