package fetcher

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// A server may count messages in STAT, or list them in LIST, that UIDL lacks, or names in a way that nobody can tell which message is
// meant. Those can be fetched only where messages are deleted at once (see nameless.go). Elsewhere they are left, which
// must not go without a word.

// maxOddities bounds what is said of a listing.
const maxOddities = 3

// unfetchable is what a listing has of such messages.
type unfetchable struct {
	extra     []entry  // that LIST has and UIDL lacks
	left      []int    // the numbers of messages that are not fetched
	uncounted int      // messages that STAT counts and no list has
	oddities  []string // what was odd about the listing, in words
}

// note keeps what was odd about a listing.
func (u *unfetchable) note(what ...string) {
	room := max(maxOddities-len(u.oddities), 0)
	u.oddities = append(u.oddities, what[:min(room, len(what))]...)
}

// messages counts those that have a number.
func (l *listing) messages() int { return len(l.entries) + len(l.nameless) + len(l.left) }

// hasGaps reports whether numbers are left out below the last one, which LIST may have.
func (l *listing) hasGaps() bool {
	return len(l.entries) > 0 && l.entries[len(l.entries)-1].number > l.messages()
}

// complete compares the lists with STAT, whose count is -1 when it says nothing, once all of them have been asked. What UIDL lacks is without
// a UIDL, unless it came meanwhile, as mail does on servers that count it at once: behind all others, and not
// counted by STAT.
func (l *listing) complete(count int) {
	last := 0
	for _, e := range l.entries {
		last = max(last, e.number)
	}
	lacking := count - l.messages()
	for _, e := range l.extra {
		if count >= 0 && lacking <= 0 && e.number > last {
			continue
		}
		lacking--
		l.nameless = append(l.nameless, e)
	}
	sortByNumber(l.nameless)
	l.extra = nil
	l.uncounted = max(count-l.messages(), 0)
}

// leaveNameless leaves messages without a UIDL where they can't be told from those that were delivered.
func (a *Account) leaveNameless(l *listing) {
	if a.deletesAtOnce() {
		return
	}
	for _, e := range l.nameless {
		l.left = append(l.left, e.number)
	}
	slices.Sort(l.left)
	l.nameless = nil
}

// whyUnfetchable says how many messages can't be fetched and why, "" when all can.
func (l *listing) whyUnfetchable() string {
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
	return fmt.Sprintf("%d of %d messages can't be fetched: %s", n, l.messages()+l.uncounted, strings.Join(why, "; "))
}

// IncompleteError says that a poll went well, but for messages: some were refused, or can't be asked for, or failed before and are not due
// yet. It does not put off the next poll.
type IncompleteError struct {
	// Failed messages were refused by this poll, PutOff failed in one before.
	Failed, PutOff int
	// Unfetchable says how many messages can't be fetched and why, "" when all can.
	Unfetchable string
	// NoRoom messages were delivered and stay on the server: something of them could not be read right, and the quarantine has
	// no room for them.
	NoRoom int
}

// Error says how many messages are left, and where the reasons are.
func (e *IncompleteError) Error() string {
	var what []string
	if e.Unfetchable != "" {
		what = append(what, e.Unfetchable)
	}
	if e.Failed > 0 {
		what = append(what, fmt.Sprintf("%d messages could not be retrieved; see the log for each", e.Failed))
	}
	if e.PutOff > 0 {
		what = append(what, fmt.Sprintf("%d messages that failed before were not due yet; attachd state check lists them", e.PutOff))
	}
	if e.NoRoom > 0 {
		what = append(what, fmt.Sprintf("%d messages stay on the server, as something of them could not be read right, and the quarantine has no room for them (quarantine.max_bytes)", e.NoRoom))
	}
	return strings.Join(what, "; ")
}

// incomplete returns what a poll that ended well leaves undone, nil for nothing.
func (p *poll) incomplete() *IncompleteError {
	noRoom := p.staying.noRoom + p.delivery.Tally.NoRoom
	if p.failed+p.putOff+noRoom == 0 && p.unfetchable == "" {
		return nil
	}
	return &IncompleteError{Failed: p.failed, PutOff: p.putOff, Unfetchable: p.unfetchable, NoRoom: noRoom}
}

// undone is what the last poll of an account left undone, nil for nothing, and what was said last of messages that can't be
// fetched, and when.
type undone struct {
	incomplete *IncompleteError
	said       string
	at         time.Time
}

// isNew reports whether something is to be said: what is new, and once a day what is not.
func (u *undone) isNew(text string, now time.Time) bool {
	if text == u.said && now.Sub(u.at) < 24*time.Hour {
		return false
	}
	u.said, u.at = text, now
	return text != ""
}

// sayUnfetchable warns of messages that can't be fetched.
func (l *loop) sayUnfetchable(p *poll, now time.Time) {
	log := l.log()
	level := zerolog.DebugLevel
	if l.undone.isNew(p.unfetchable, now) {
		level = zerolog.WarnLevel
	}
	if p.unfetchable != "" {
		log.WithLevel(level).Msg(p.unfetchable)
	}
}
