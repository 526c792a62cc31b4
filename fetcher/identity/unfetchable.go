package identity

import (
	"fmt"
	"slices"
	"strings"
)

// STAT may count messages, or LIST name some, that UIDL lacks or gives no usable UIDL. They can
// be fetched only where messages are deleted at once (see withoutuidl.go). Elsewhere they are
// left on the server, with a warning.

// maxOddities is how many faults of a listing are told.
const maxOddities = 3

// unfetchable is the part of a listing that has no usable UIDL.
type unfetchable struct {
	extra     []Entry  // messages that LIST has and UIDL lacks
	left      []int    // numbers of messages that are not fetched
	before    int      // messages without a UIDL that were there before the account's start
	uncounted int      // messages that STAT counts and no list has
	oddities  []string // faults of the listing, in words
}

// note keeps what was wrong with a listing.
func (u *unfetchable) note(what ...string) {
	room := max(maxOddities-len(u.oddities), 0)
	u.oddities = append(u.oddities, what[:min(room, len(what))]...)
}

// Messages returns how many messages have a number.
func (l *Listing) Messages() int { return len(l.Entries) + len(l.Nameless) + len(l.left) + l.before }

// Count returns how many messages the store has, with and without a number.
func (l *Listing) Count() int { return l.Messages() + l.uncounted }

// IsComplete reports whether each message that the store counts can be identified.
func (l *Listing) IsComplete() bool { return len(l.left)+len(l.extra)+l.before+l.uncounted == 0 }

// hasGaps reports whether numbers below the highest one are missing, which LIST may have.
func (l *Listing) hasGaps() bool {
	return len(l.Entries) > 0 && l.Entries[len(l.Entries)-1].Number > l.Messages()
}

// complete compares the lists with STAT once all of them were read. count is the answer to
// STAT, or -1 if that says nothing. A message that UIDL lacks counts as one without a UIDL,
// unless it arrived in between: then its number is the highest and STAT did not count it.
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

// leaveWithoutUIDL leaves messages without a UIDL on the server, unless they are deleted at
// once: later they can't be told from delivered ones.
func (a *Account) leaveWithoutUIDL(l *Listing) {
	if a.DeletesAtOnce() {
		return
	}
	for _, e := range l.Nameless {
		l.left = append(l.left, e.Number)
	}
	slices.Sort(l.left)
	l.Nameless = nil
}

// WhyUnfetchable returns how many messages can't be fetched and why, "" if all can.
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
